"""What tokenizer_fuzz.py compares: a tokenizer file beside the library it was made for; SentencePiece, tiktoken, GGUF."""
import base64
import json
import os

import sentencepiece
import tiktoken
import tokenizers

import fuzz_texts
import gguf_originals

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


def vocab_and_merges_cases(data, folder):
    """GPT-2's pair of files, made of a GGUF file's vocabulary."""
    path = os.path.join(data, "tokenizer/ggml-vocab/ggml-vocab-gpt-2.gguf")
    if not os.path.exists(path):
        return
    pairs = gguf_originals.metadata(path)
    vocab, merges = os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")
    with open(vocab, "w", encoding="utf-8") as file:
        json.dump({token: i for i, token in enumerate(pairs["tokenizer.ggml.tokens"])}, file)
    with open(merges, "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(merge + "\n" for merge in pairs["tokenizer.ggml.merges"]))
    original = tokenizers.ByteLevelBPETokenizer(vocab, merges)
    yield Case("vocab.json and merges.txt", ["gpt2", vocab, merges, "gpt-2"], lambda text: original.encode(text).ids,
               lambda ids: original.decode(ids), hf_tokens(original), lossless=True)


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
