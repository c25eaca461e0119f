"""The tokenizer.json files of tokenizer_fuzz.py: real ones, the steps of many models before one vocabulary, small trained ones."""
import itertools
import json
import os

import tokenizers

import fuzz_texts
from fuzz_cases import O200K, PATTERNS, TAIL, Case, hf_case, hf_tokens

BAILING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
             r"""| ?[\p{P}\p{S}]+[\r\n]*""" + TAIL)


def mended_copy(path, folder):
    """Old files whose merges have spaces in them, in the newer form that the original library reads."""
    with open(path, encoding="utf-8") as file:
        root = json.load(file)
    vocab = root["model"]["vocab"]
    pairs = []
    for merge in root["model"]["merges"]:
        cuts = [i for i, c in enumerate(merge) if c == " " and 0 < i < len(merge) - 1]
        good = [i for i in cuts if merge[:i] in vocab and merge[i + 1:] in vocab] or cuts
        pairs.append([merge[:good[0]], merge[good[0] + 1:]])
    root["model"]["merges"] = pairs
    copy = os.path.join(folder, "mended.json")
    with open(copy, "w", encoding="utf-8") as file:
        json.dump(root, file)
    return copy


def real_hf_cases(data, folder):
    base = os.path.join(data, "tokenizer", "hf-json")
    for name in ("phi-2", "phi-3-mini"):
        path = os.path.join(base, name, "tokenizer.json")
        if os.path.exists(path):
            case = hf_case(f"hf {name}", path)
            case.hides = ["</s>"] if name == "phi-3-mini" else []
            case.lossless = True
            yield case
    path = os.path.join(base, "llama2", "tokenizer.json")
    if os.path.exists(path):
        original = tokenizers.Tokenizer.from_file(mended_copy(path, folder))
        # Not its decoder: the library shows special tokens that are marked "normalized", as this old file has them.
        yield Case("hf llama2", ["hf", path], lambda text: original.encode(text).ids,
                   tokens=hf_tokens(original), lossless=True)


def split_cases(data, folder):
    """The split patterns of many models before the vocabulary of phi-2: our scanners and automaton against Oniguruma."""
    path = os.path.join(data, "tokenizer", "hf-json", "phi-2", "tokenizer.json")
    if not os.path.exists(path):
        return

    def split(pattern, behavior="Isolated", invert=False):
        return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}

    def bytes_last(use_regex=False, prefix=False):
        return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": use_regex}
    sequences = {f"pattern {name}": [split(pattern), bytes_last()] for name, pattern in PATTERNS.items()}
    sequences |= {
        "bailing": [split(BAILING), bytes_last()],
        "deepseek-v3": [split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(DEEPSEEK3), bytes_last()],
        "digit groups": [split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(O200K), bytes_last()],
        "superbpe": [split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), bytes_last()],
        "falcon": [{"type": "Punctuation", "behavior": "Contiguous"}, bytes_last(True),
                   {"type": "Digits", "individual_digits": False}, split(r"[0-9][0-9][0-9]")],
        "starcoder": [{"type": "Digits", "individual_digits": True}, bytes_last(True)],
        "bloom": [split(" ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"), bytes_last()],
        "inverted": [split(r"\p{L}+", "Removed", True), bytes_last()],
        "removed": [split(r"\s+", "Removed"), bytes_last(False, True)],
        "previous": [split(r"[aeiou]|\s", "MergedWithPrevious"), bytes_last()],
        "next": [split(r"[aeiou]|\s", "MergedWithNext"), bytes_last()],
        "contiguous": [split(r"[aeiou]|\s", "Contiguous"), bytes_last()],
        "anchors": [split(r"^\s+|\s+$|\b\p{L}"), bytes_last()],
        "words": [{"type": "Whitespace"}, bytes_last()],
        "white space": [{"type": "WhitespaceSplit"}, bytes_last()],
        "bert words": [{"type": "BertPreTokenizer"}, bytes_last()],
        "punctuation": [{"type": "Punctuation", "behavior": "MergedWithNext"}, bytes_last()],
        "delimiter": [{"type": "CharDelimiterSplit", "delimiter": "e"}, bytes_last()],
        "text": [{"type": "Split", "pattern": {"String": "an"}, "behavior": "MergedWithNext", "invert": False}, bytes_last()],
    }
    normalizers = {
        "plain": None, "NFC": {"type": "NFC"}, "NFD": {"type": "NFD"}, "NFKC": {"type": "NFKC"}, "NFKD": {"type": "NFKD"},
        "lower": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]},
        "replace": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        "nmt": {"type": "Nmt"},
        "bert": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                 "lowercase": True},
    }
    with open(path, encoding="utf-8") as file:
        root = json.load(file)
    variants = [(name, steps, None) for name, steps in sequences.items()]
    variants += [(f"normalizer {name}", [bytes_last(True)], step) for name, step in normalizers.items()]
    all_added = root["added_tokens"]
    for name, steps, normalizer in variants:
        # Runs of spaces are added tokens here; a normalizer may make several of them the same.
        root["added_tokens"] = all_added if normalizer is None else [token for token in all_added if token["special"]]
        root["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
        root["normalizer"] = normalizer
        root["decoder"] = None
        made = os.path.join(folder, name.replace(" ", "_") + ".json")
        with open(made, "w", encoding="utf-8") as file:
            json.dump(root, file)
        case = hf_case(f"hf {name}", made)
        if normalizer is not None or name in ("falcon", "punctuation", "bert words"):
            case.usable = fuzz_texts.settled
        yield case


def trained_hf_cases(data, folder):
    """Small vocabularies of the other models, trained here."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
    corpus = os.path.join(data, "text", "botchan.txt")
    if not os.path.exists(corpus):
        return

    def save(name, tokenizer):
        path = os.path.join(folder, f"trained_{name}.json")
        tokenizer.save(path)
        return hf_case(f"hf trained {name}", path)
    specials = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    bert = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    bert.normalizer = normalizers.BertNormalizer(lowercase=True)
    bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bert.decoder = decoders.WordPiece()
    bert.train([corpus], trainers.WordPieceTrainer(vocab_size=3000, special_tokens=specials, show_progress=False))
    bert.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", bert.token_to_id("[CLS]")), ("[SEP]", bert.token_to_id("[SEP]"))])
    case = save("wordpiece", bert)
    case.usable = fuzz_texts.settled
    yield case
    for scheme, split in itertools.product(("always", "first", "never"), (True, False)):
        unigram = tokenizers.Tokenizer(models.Unigram())
        unigram.normalizer = normalizers.NFKC()
        unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
        unigram.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
        unigram.train([corpus], trainers.UnigramTrainer(vocab_size=2000, unk_token="<unk>", special_tokens=["<unk>", "<s>"],
                                                        show_progress=False))
        case = save(f"unigram_{scheme}_{split}", unigram)
        case.usable = fuzz_texts.settled
        if not split:
            case.decode = None  # the library drops every space of the first token, even those inside
        yield case
    for name, file in (("charsmap", "sentencepiece/test_model.model"), ("charsmap_ja", "sentencepiece/test_ja_model.model")):
        path = os.path.join(data, "tokenizer", file)
        if not os.path.exists(path):
            continue
        charsmap = charsmap_of(path)
        mapped = tokenizers.Tokenizer.from_str(unigram.to_str())
        mapped.normalizer = normalizers.Precompiled(charsmap)
        yield save(name, mapped)
    suffix = tokenizers.Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"))
    suffix.pre_tokenizer = pre_tokenizers.Whitespace()
    suffix.train([corpus], trainers.BpeTrainer(vocab_size=2000, special_tokens=specials, end_of_word_suffix="</w>",
                                               show_progress=False))
    yield save("bpe_suffix", suffix)
    prefix = tokenizers.Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True))
    prefix.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    prefix.train([corpus], trainers.BpeTrainer(vocab_size=2000, special_tokens=specials, continuing_subword_prefix="##",
                                               show_progress=False))
    yield save("bpe_prefix", prefix)
    level = tokenizers.Tokenizer(models.WordLevel(unk_token="[UNK]"))
    level.pre_tokenizer = pre_tokenizers.Whitespace()
    level.train([corpus], trainers.WordLevelTrainer(vocab_size=3000, special_tokens=specials, show_progress=False))
    yield save("wordlevel", level)
    added = tokenizers.Tokenizer.from_str(level.to_str())
    token = tokenizers.AddedToken
    added.add_tokens([token("the", single_word=True), token("an", lstrip=True), token("of", rstrip=True, normalized=False),
                      token("[X]", lstrip=True, rstrip=True), token("aa"), token("aaa")])
    yield save("added", added)


def charsmap_of(path):
    """The precompiled charsmap of a SentencePiece model, by walking its two outermost messages."""
    def fields(message):
        pos = 0

        def varint():
            nonlocal pos
            value = shift = 0
            while True:
                byte = message[pos]
                pos += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
        while pos < len(message):
            tag = varint()
            if tag & 7 == 0:
                yield tag >> 3, varint()
            else:
                size = varint() if tag & 7 == 2 else {1: 8, 5: 4}[tag & 7]
                yield tag >> 3, message[pos:pos + size]
                pos += size
    with open(path, "rb") as file:
        for number, value in fields(file.read()):
            if number == 3:
                return bytes(dict(fields(value)).get(2, b""))
    return b""
