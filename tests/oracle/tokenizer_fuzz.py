#!/usr/bin/env python3
"""Random texts through our tokenizers and through the originals (PyPI: tokenizers, sentencepiece, tiktoken): same ids, same text.

    python3 -m venv .venv && .venv/bin/pip install tokenizers sentencepiece tiktoken
    cmake --build build --target tokenizer_oracle
    .venv/bin/python tests/oracle/tokenizer_fuzz.py --count 100000

Without the packages or the data it says so and exits with 77. A mismatch is printed and makes the exit status 1.
"""
import argparse
import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile

try:
    import regex  # noqa: F401 (fuzz_texts needs it)
    import sentencepiece
    import tiktoken
    import tokenizers
except ImportError as missing:
    print(f"skipped: {missing}; install tokenizers, sentencepiece and tiktoken")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import fuzz_texts  # noqa: E402
import gguf_originals  # noqa: E402

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD = r"[^\r\n\p{L}\p{N}]?"
O200K = (LEAD + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + LEAD + UPPER + "+" + LOWER + "*" + CONTRACTIONS
         + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL)
PATTERNS = {
    "gpt-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama-bpe": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL,
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL,
    "qwen35": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + TAIL,
    "gpt-4o": O200K,
    "tekken": (LEAD + UPPER + "*" + LOWER + "+|" + LEAD + UPPER + "+" + LOWER
               + r"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL),
}
BAILING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
             r"""| ?[\p{P}\p{S}]+[\r\n]*""" + TAIL)


def ours(program, arguments, texts, decode):
    """The program's answers; a text may be bytes, which goes there and back as hexadecimal digits."""
    lines = "\n".join(json.dumps({"hex": text.hex()} if isinstance(text, bytes) else text) for text in texts) + "\n"
    command = [program, *arguments] + (["decode"] if decode else [])
    done = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return None
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class Case:
    """One tokenizer file and its original. A case that this script made gets a tenth of the texts.

    encode, decode: the original. tokens: functions that give the text of a token. lossless: bytes come back as they were.
    encode_bytes and bytes_text: how the original reads what is no UTF-8, and a function that makes such bytes."""

    def __init__(self, name, arguments, encode, decode=None, tokens=(), lossless=False):
        self.name, self.arguments, self.encode, self.decode = name, arguments, encode, decode
        self.tokens, self.lossless = list(tokens), lossless
        self.made = False
        self.hides = []  # tokens that end a reply: we do not show them, the original does
        self.usable = lambda text: True
        self.encode_bytes = self.bytes_text = None
        self.lost_bytes = b""


def hf_tokens(original):
    return [lambda i=i: original.decode([i], skip_special_tokens=False) for i in sorted(original.get_vocab().values())]


def hf_case(name, path):
    original = tokenizers.Tokenizer.from_file(path)
    decode = (lambda ids: original.decode(ids)) if original.decoder is not None else None
    return Case(name, ["hf", path], lambda text: original.encode(text).ids, decode, hf_tokens(original))


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


def sentencepiece_cases(data, folder):
    files = [os.path.join(data, "tokenizer", name) for name in
             ("sentencepiece/test_model.model", "sentencepiece/test_ja_model.model",
              "meta-pytorch-tokenizers/test_sentencepiece.model")]
    corpus = os.path.join(data, "text", "botchan.txt")
    if os.path.exists(corpus):
        made = {
            "llama_like": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                               remove_extra_whitespaces=False, character_coverage=0.999),
            "gemma_like": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False,
                               remove_extra_whitespaces=False, user_defined_symbols=["<mask>", "\n", "\n\n", "ab"]),
            "bpe": dict(model_type="bpe", normalization_rule_name="nmt_nfkc_cf"),
            "unigram": dict(model_type="unigram", user_defined_symbols=["<sep>", "the"], control_symbols=["<c>"]),
            "unigram_bytes": dict(model_type="unigram", byte_fallback=True, treat_whitespace_as_suffix=True),
        }
        for name, options in made.items():
            prefix = os.path.join(folder, "spm_" + name)
            sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=prefix, vocab_size=2000, minloglevel=2, **options)
            files.append(prefix + ".model")
    for path in files:
        if os.path.exists(path):
            yield sentencepiece_case(f"sentencepiece {os.path.basename(path)}", ["spm", path],
                                     sentencepiece.SentencePieceProcessor(model_file=path))


def sentencepiece_case(name, arguments, original, before=()):
    """`before`: the ids that we put before every text."""
    n = original.get_piece_size()
    has_bytes = any(original.is_byte(i) for i in range(n))
    case = Case(name, arguments, lambda text: [*before, *original.encode(text)], lossless=has_bytes and arguments[0] == "gguf",
                tokens=[lambda i=i: original.id_to_piece(i).replace("\u2581", " ") for i in range(n)])
    if not has_bytes:  # where a vocabulary has bytes, we keep wrong bytes and the original reads U+FFFD
        case.encode_bytes, case.bytes_text = original.encode, fuzz_texts.Texts.broken_bytes
    return case


def tiktoken_cases(data, _folder):
    for path, names in ((os.path.join(data, "tokenizer/meta-pytorch-tokenizers/test_tiktoken_tokenizer.model"), PATTERNS),
                        (os.path.join(data, "tokenizer/qwen/qwen.tiktoken"), ["qwen2"])):
        if not os.path.exists(path):
            continue
        ranks = {}
        with open(path, "rb") as file:
            for line in file:
                token, rank = line.split()
                ranks[base64.b64decode(token)] = int(rank)
        for name in names:
            original = tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
            yield tiktoken_case(f"tiktoken {os.path.basename(path)} {name}", ["tiktoken", path, name], original, ranks)


def tiktoken_case(name, arguments, original, ranks, before=()):
    case = Case(name, arguments, lambda text: [*before, *original.encode_ordinary(text)],
                lambda ids: original.decode(ids[len(before):]), lossless=True,
                tokens=[lambda token=token: token.decode("utf-8", "replace") for token in ranks])
    # It does not split what follows the first wrong byte; stray bytes are one piece for us as well.
    case.encode_bytes, case.bytes_text = original._encode_bytes, fuzz_texts.Texts.stray_bytes
    return case


def gguf_cases(data, folder):
    """The vocabularies of GGUF files, given to the originals as their own formats."""
    for name, build in gguf_originals.BUILDERS.items():
        path = os.path.join(data, "tokenizer/ggml-vocab", f"ggml-vocab-{name}.gguf")
        if not os.path.exists(path):
            continue
        pairs = gguf_originals.metadata(path)
        original, before = build(pairs, folder, PATTERNS)
        if isinstance(original, tokenizers.Tokenizer):
            case = Case(f"gguf {name} (tokenizers)", ["gguf", path],
                        lambda text, of=original, before=before: [*before, *of.encode(text).ids],
                        tokens=hf_tokens(original), lossless=name != "bert-bge")
            case.lost_bytes = gguf_originals.missing_bytes(pairs) if case.lossless else b""
            if name == "bert-bge":
                case.usable = fuzz_texts.settled
            elif name == "deepseek-coder":  # user-defined, but by their names we count them among the control tokens
                case.usable = lambda text: "<\uff5cfim" not in text
            yield case
        elif isinstance(original, sentencepiece.SentencePieceProcessor):
            case = sentencepiece_case(f"gguf {name} (sentencepiece)", ["gguf", path], original, before)
            if name == "phi-3":  # its </s> is user-defined, which the original finds in text; for us it ends a reply
                case.usable = lambda text: "</s>" not in text
            yield case
        else:
            yield tiktoken_case(f"gguf {name} (tiktoken)", ["gguf", path], original, original._mergeable_ranks, before)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/tests/tokenizer_oracle"))
    parser.add_argument("--data", default=os.environ.get("HEARTH_DATA", os.path.join(ROOT, "../shared/data")))
    parser.add_argument("--count", type=int, default=500, help="texts for each tokenizer file, and a tenth for those made here (CI: 500; the full run: 100000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--show", type=int, default=3, help="mismatches to print for each case")
    options = parser.parse_args()
    if not os.path.isdir(options.data) or not os.path.exists(options.program):
        print(f"skipped: {options.data} or {options.program} is absent")
        sys.exit(77)
    texts = fuzz_texts.Texts(options.data, ROOT, options.seed)
    strings = texts.strings(options.count)
    each = fuzz_texts.one_of_each() if options.count >= 10000 or os.environ.get("EACH") else []
    totals = {}
    with tempfile.TemporaryDirectory() as folder:
        for source, library in ((real_hf_cases, "tokenizers"), (split_cases, "tokenizers"), (trained_hf_cases, "tokenizers"),
                                (sentencepiece_cases, "sentencepiece"), (tiktoken_cases, "tiktoken"), (gguf_cases, "gguf")):
            for case in source(options.data, folder):
                if options.only not in case.name:
                    continue
                case.made = case.made or case.arguments[1].startswith(folder)
                n = options.count // 10 + 100 if case.made else options.count
                n_own = n // 4 if case.tokens else 0
                chosen = strings[:n - n_own] + texts.strings_of(case.tokens, n_own) + each
                counts = run(case, chosen, options)
                if case.lossless or case.encode_bytes:
                    counts = [a + b for a, b in zip(counts, run_bytes(case, texts, n // 10, options))]
                totals[library] = [a + b for a, b in zip(counts, totals.get(library, [0, 0]))]
    for library, (wrong, compared) in totals.items():
        print(f"{library}: {compared} texts compared, {wrong} mismatches")
    n_wrong, n_compared = (sum(counts[i] for counts in totals.values()) for i in (0, 1))
    print(f"{n_compared} texts compared, {n_wrong} mismatches")
    sys.exit(1 if n_wrong else 0)


def run_bytes(case, texts, count, options):
    """Bytes that are no UTF-8: the ids of the original where it takes such, and there and back where nothing may be lost."""
    wrong = compared = 0
    if case.encode_bytes:
        inputs = [case.bytes_text(texts) for _ in range(count)]
        answers = ours(options.program, case.arguments, inputs, False) or [None] * count
        for data, ids in zip(inputs, answers):
            expected = case.encode_bytes(data)
            if list(expected) != ids:
                wrong += 1
                if wrong <= options.show:
                    print(f"  {case.name}: {data!r}\n    theirs {list(expected)}\n    ours   {ids}")
        compared += count
    if case.lossless:
        inputs = [texts.broken_bytes() for _ in range(count)]
        answers = ours(options.program, case.arguments, inputs, True) or [{"hex": "", "ids": None}] * count
        for data, answer in zip(inputs, answers):
            if bytes.fromhex(answer["hex"]) != data.translate(None, case.lost_bytes) and "\u2581".encode() not in data:
                wrong += 1
                if wrong <= options.show:
                    print(f"  {case.name}: {data!r}\n    came back as {bytes.fromhex(answer['hex'])!r}\n    ids {answer['ids']}")
        compared += count
    print(f"{case.name}: {compared} byte strings, {wrong} mismatches", flush=True)
    return wrong, compared


def run(case, texts, options):
    usable = [text for text in texts if case.usable(text)]
    answers = ours(options.program, case.arguments, usable, case.decode is not None)
    if answers is None or len(answers) != len(usable):
        print(f"{case.name}: our program failed")
        return 1, 0
    wrong = failed = 0
    for text, answer in zip(usable, answers):
        ids = answer["ids"] if case.decode else answer
        try:
            expected = case.encode(text)
        except BaseException as error:  # a panic of the Rust library is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            failed += 1
            continue
        shown = answer["text"] if case.decode else None
        original = case.decode(expected) if case.decode else None
        if list(expected) != ids or (shown != original and not any(token in text for token in case.hides)):
            wrong += 1
            if wrong <= options.show:
                print(f"  {case.name}: {text!r}\n    theirs {list(expected)} {original!r}\n    ours   {ids} {shown!r}")
    note = f" (and {failed} that the original cannot do)" if failed else ""
    print(f"{case.name}: {len(usable) - failed} texts, {wrong} mismatches{note}", flush=True)
    return wrong, len(usable) - failed


if __name__ == "__main__":
    main()
