"""The vocabularies of GGUF files as objects of the libraries that their models were trained with."""
import os
import struct

import sentencepiece
import tiktoken
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def metadata(path):
    """Keys and values of a GGUF file."""
    with open(path, "rb") as file:
        data = file.read()
    pos = 24

    def scalar(code):
        nonlocal pos
        value, = struct.unpack_from("<" + code, data, pos)
        pos += struct.calcsize("<" + code)
        return value

    def value_of(kind):
        nonlocal pos
        if kind == 8:
            n = scalar("Q")
            pos += n
            return data[pos - n:pos].decode("utf-8", "surrogateescape")
        if kind == 9:
            element, n = scalar("I"), scalar("Q")
            return [value_of(element) for _ in range(n)]
        return scalar(SCALARS[kind])
    n_pairs, = struct.unpack_from("<Q", data, 16)
    return {value_of(8): value_of(scalar("I")) for _ in range(n_pairs)}


def bos_of(pairs, default):
    return [pairs["tokenizer.ggml.bos_token_id"]] if pairs.get("tokenizer.ggml.add_bos_token", default) else []


def bpe(steps):
    """A byte-level BPE. Texts never become special tokens here, as we read them; user-defined tokens are found."""
    def build(pairs, _folder, _patterns):
        tokens, types = pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]
        merges = [tuple(merge.split(" ")) for merge in pairs["tokenizer.ggml.merges"]]
        original = tokenizers.Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        original.pre_tokenizer = pre_tokenizers.Sequence(steps)
        original.decoder = decoders.ByteLevel()
        original.add_tokens([AddedToken(token, normalized=False) for token, kind in zip(tokens, types) if kind == USER_DEFINED])
        return original, bos_of(pairs, False)
    return build


def tiktoken_of(pattern):
    """tiktoken needs no merges: the ids of a vocabulary that was made by merging are its ranks."""
    def build(pairs, _folder, patterns):
        raw = {c: byte for byte, c in byte_alphabet().items()}
        kinds = zip(pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"])
        ranks = {bytes(raw[c] for c in token): i for i, (token, kind) in enumerate(kinds) if kind == NORMAL}
        return tiktoken.Encoding(pattern, pat_str=patterns[pattern], mergeable_ranks=ranks, special_tokens={}), \
            bos_of(pairs, pattern == "llama-bpe")
    return build


def missing_bytes(pairs):
    """The bytes that a byte-level BPE has no token for: both we and the originals leave them out."""
    own = {token for token, kind in zip(pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]) if kind == NORMAL}
    return bytes(byte for byte, c in byte_alphabet().items() if c not in own)


def byte_alphabet():
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def spm(pairs, folder, _patterns):
    """A SentencePiece model file of the same pieces, scores and types."""
    def field(number, value):
        if isinstance(value, float):
            return bytes([number << 3 | 5]) + struct.pack("<f", value)
        if isinstance(value, int):
            return bytes([number << 3]) + varint(value)
        return bytes([number << 3 | 2]) + varint(len(value)) + value

    def varint(value):
        out = bytearray()
        while value >= 128:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out + bytes([value]))
    message = b""
    unknown = pairs.get("tokenizer.ggml.unknown_token_id", 0)
    columns = (pairs["tokenizer.ggml." + key] for key in ("tokens", "scores", "token_type"))
    for i, (token, score, kind) in enumerate(zip(*columns)):
        kind = UNUSED if kind == UNKNOWN and i != unknown else kind  # SentencePiece wants one unknown piece
        message += field(1, field(1, token.encode()) + field(2, float(score)) + field(3, kind))
    n_before = {"unk_id": 40, "bos_id": 41, "eos_id": 42}
    ids = [("unk_id", "tokenizer.ggml.unknown_token_id"), ("bos_id", "tokenizer.ggml.bos_token_id"), ("eos_id", "tokenizer.ggml.eos_token_id")]
    trainer = field(3, 2)
    for name, key in ids:
        trainer += varint(n_before[name] << 3) + varint(pairs.get(key, 0))
    trainer += varint(35 << 3) + varint(1)  # byte_fallback
    message += field(2, trainer)
    message += field(3, field(1, b"identity") + field(3, int(pairs.get("tokenizer.ggml.add_space_prefix", True))) + field(4, 0))
    path = os.path.join(folder, "from_gguf.model")
    with open(path, "wb") as file:
        file.write(message)
    return sentencepiece.SentencePieceProcessor(model_file=path), bos_of(pairs, True)


def wordpiece(pairs, _folder, _patterns):
    tokens = pairs["tokenizer.ggml.tokens"]
    vocab = {}
    for i, (token, kind) in enumerate(zip(tokens, pairs["tokenizer.ggml.token_type"])):
        plain = kind != NORMAL or token.startswith("[unused")
        vocab[token if plain else token[1:] if token.startswith("\u2581") else "##" + token] = i
    original = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    original.normalizer = normalizers.BertNormalizer(lowercase=True)
    original.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    original.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, vocab[name]) for name in ("[CLS]", "[SEP]")])
    return original, []


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
# What GGUF's reference takes when a file names no pre-tokenizer, as this gpt-neox file.
DEFAULT = [split(r"[\p{P}\$\+<=>\^~\|]+"), split(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"),
           split(r"\p{N}+"), split("[0-9][0-9][0-9]"), BYTES]
BUILDERS = {
    "gpt-2": bpe([GPT2]), "gpt-neox": bpe(DEFAULT), "mpt": bpe([GPT2]),
    "starcoder": bpe([pre_tokenizers.Digits(individual_digits=True), GPT2]),
    "deepseek-coder": bpe([split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
                           pre_tokenizers.Digits(individual_digits=True), BYTES]),
    "llama-bpe": tiktoken_of("llama-bpe"), "qwen2": tiktoken_of("qwen2"),
    "llama-spm": spm, "baichuan": spm, "phi-3": spm, "bert-bge": wordpiece,
}
