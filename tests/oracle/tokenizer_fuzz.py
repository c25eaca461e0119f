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
import random
import subprocess
import sys
import tempfile
import unicodedata

try:
    import regex
    import sentencepiece
    import tiktoken
    import tokenizers
except ImportError as missing:
    print(f"skipped: {missing}; install tokenizers, sentencepiece and tiktoken")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

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


NEWER = {}


def is_newer(c):
    """Whether the originals may know a character that our Unicode tables do not: assigned since Python's own tables."""
    if c not in NEWER:
        NEWER[c] = unicodedata.category(c) == "Cn" and not regex.match(r"\p{Cn}", c)
    return NEWER[c]


class Texts:
    """Random texts: real words, every kind of character, what splits pieces, names of special tokens."""

    def __init__(self, data, seed):
        self.random = random.Random(seed)
        self.words = []
        for name in ("text/botchan.txt", "README.md"):
            path = os.path.join(data, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    self.words += file.read().split()
        self.words += ["caf\u00e9", "na\u00efve", "\u0420\u043e\u0441\u0441\u0438\u044f", "\u543e\u8f29\u306f\u732b\u3067\u3042\u308b", "\ud55c\uad6d\uc5b4", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
                       "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "HelloWorld", "iPhone", "I'LL", "we've", "don\u2019t", "e\u0301", "\ufb01", "\u2460",
                       "\u00bd", "\u00b2", "1234567", "3.14", "<|endoftext|>", "<s>", "</s>", "[CLS]", "[MASK]", "<unk>", "<pad>",
                       "<|im_start|>", "<0x41>", "\u2581", "\u2581\u2581a", "http://a.b/c?d=e", "x/y//", "#include <a>\r\n\r\n", "\U0001F600",
                       "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\u200b", "\ufeff", "\u00ad", "\u0130", "\u00df", "\u017f", "'\u017f", "\u1e9e", "\u03a3", "\uff21\uff11", "\u2126"]

    def character(self):
        pick = self.random.random()
        if pick < 0.35:
            return self.random.choice(" \n\r\t'.,!?/-_()[]{}<>|$#@\"\\:;=+*&^%~`")
        if pick < 0.6:
            return chr(self.random.randint(0x20, 0x7E))
        if pick < 0.85:
            code = self.random.choice([self.random.randint(0x80, 0x24F), self.random.randint(0x300, 0x36F),
                                       self.random.randint(0x370, 0x5FF), self.random.randint(0x900, 0xDFF),
                                       self.random.randint(0x2000, 0x206F), self.random.randint(0x2100, 0x27BF),
                                       self.random.randint(0x3000, 0x30FF), self.random.randint(0x4E00, 0x9FFF),
                                       self.random.randint(0xAC00, 0xD7A3), self.random.randint(0xF900, 0xFFEF),
                                       self.random.randint(0x1F300, 0x1FAFF), self.random.randint(0x20000, 0x2A6DF)])
            return chr(code)
        code = self.random.randint(0, 0xFFFF)
        return "x" if 0xD800 <= code < 0xE000 else chr(code)

    def known_character(self):
        c = self.character()
        return "x" if is_newer(c) else c

    def text(self):
        parts = []
        for _ in range(self.random.randint(0, 12)):
            pick = self.random.random()
            if pick < 0.5:
                parts.append(self.random.choice(self.words))
                if self.random.random() < 0.7:
                    parts.append(" ")
            elif pick < 0.9:
                parts.append(self.known_character() * (self.random.randint(1, 6) if self.random.random() < 0.2 else 1))
            else:
                parts.append(self.random.choice([" ", "  ", "\n", "\n\n", "\r\n", "\t", "   \n", " \u3000"]))
        return "".join(parts)

    def strings(self, count):
        return [self.text() for _ in range(count)]


def ours(program, arguments, texts, decode):
    lines = "\n".join(json.dumps(text) for text in texts) + "\n"
    command = [program, *arguments] + (["decode"] if decode else [])
    done = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return None
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class Case:
    """One tokenizer file and its original. A case that this script made gets a tenth of the texts."""

    def __init__(self, name, arguments, encode, decode=None, usable=lambda text: True):
        self.made = False
        self.hides = []  # tokens that end a reply: we do not show them, the original does
        self.name, self.arguments, self.encode, self.decode, self.usable = name, arguments, encode, decode, usable


def settled(text):
    """Whether marks, punctuation and decompositions in `text` are what they were in Unicode 3.2: some tables of the
    originals are that of Unicode 8, others newer than ours."""
    def changed(c):
        old, new = unicodedata.ucd_3_2_0.category(c), unicodedata.category(c)
        return old != new and (old[0] in "MPC" or new[0] in "MPC" or unicodedata.decomposition(c))
    return not any(changed(c) for c in text)


def hf_case(name, path):
    original = tokenizers.Tokenizer.from_file(path)
    decode = (lambda ids: original.decode(ids)) if original.decoder is not None else None
    return Case(name, ["hf", path], lambda text: original.encode(text).ids, decode)


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
            yield case
    path = os.path.join(base, "llama2", "tokenizer.json")
    if os.path.exists(path):
        original = tokenizers.Tokenizer.from_file(mended_copy(path, folder))
        # Not its decoder: the library shows special tokens that are marked "normalized", as this old file has them.
        yield Case("hf llama2", ["hf", path], lambda text: original.encode(text).ids)


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
            case.usable = settled
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
    case.usable = settled
    yield case
    for scheme, split in itertools.product(("always", "first", "never"), (True, False)):
        unigram = tokenizers.Tokenizer(models.Unigram())
        unigram.normalizer = normalizers.NFKC()
        unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
        unigram.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
        unigram.train([corpus], trainers.UnigramTrainer(vocab_size=2000, unk_token="<unk>", special_tokens=["<unk>", "<s>"],
                                                        show_progress=False))
        case = save(f"unigram_{scheme}_{split}", unigram)
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
            original = sentencepiece.SentencePieceProcessor(model_file=path)
            # The library reads its input as a C string: what follows a zero byte is its business.
            yield Case(f"sentencepiece {os.path.basename(path)}", ["spm", path],
                       lambda text, original=original: original.encode(text), usable=lambda text: "\0" not in text)


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
            yield Case(f"tiktoken {os.path.basename(path)} {name}", ["tiktoken", path, name],
                       lambda text, original=original: original.encode_ordinary(text),
                       lambda ids, original=original: original.decode(ids))


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
    texts = Texts(options.data, options.seed).strings(options.count)
    n_wrong = n_compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in (real_hf_cases, split_cases, trained_hf_cases, sentencepiece_cases, tiktoken_cases):
            for case in source(options.data, folder):
                if options.only not in case.name:
                    continue
                case.made = case.made or case.arguments[1].startswith(folder)
                wrong, compared = run(case, texts[:len(texts) // 10 + 100] if case.made else texts, options)
                n_wrong += wrong
                n_compared += compared
    print(f"{n_compared} texts compared, {n_wrong} mismatches")
    sys.exit(1 if n_wrong else 0)


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
