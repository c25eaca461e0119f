#!/usr/bin/env python3
"""Writes the seeds of the GGUF fuzz target, corpus/gguf: small files that together use every feature of the format."""
import pathlib
import struct

FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
# number: (elements of a block, bytes of a block)
DTYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
          10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
          17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
          24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54),
          35: (256, 66), 39: (32, 17)}


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, item):
    return string(item) if kind == 8 else struct.pack("<" + FORMATS[kind], item)


def entry(key, kind, item):
    return string(key) + struct.pack("<I", kind) + value(kind, item)


def array(key, kind, items):
    return string(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(value(kind, i) for i in items)


def model(metadata=(), tensors=(), version=3, alignment=32):
    """tensors: (name, dims, dtype)."""
    directory, data = b"", 0
    for name, dims, dtype in tensors:
        block_len, block_bytes = DTYPES[dtype]
        size = block_bytes
        for i, dim in enumerate(dims):
            size *= dim // block_len if i == 0 else dim
        directory += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        directory += struct.pack("<IQ", dtype, data)
        data = (data + size + alignment - 1) // alignment * alignment
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata)) + b"".join(metadata) + directory
    if tensors:
        out += bytes(-len(out) % alignment + data)
    return out


SEEDS = {
    "empty": model(),
    "v2": model([entry("general.architecture", 8, "llama")], version=2),
    "scalars": model([entry(f"k{kind}", kind, 1) for kind in FORMATS] + [entry("text", 8, "hearth")]),
    "arrays": model([array(f"k{kind}", kind, [1, 0, 1]) for kind in FORMATS]),
    "vocabulary": model([array("tokenizer.ggml.tokens", 8, [f"t{i}" for i in range(40)]),
                         array("tokenizer.ggml.scores", 6, [0.0] * 40),
                         array("tokenizer.ggml.token_type", 5, [1] * 40)]),
    "dims": model(tensors=[("a", [8], 0), ("b", [4, 3], 1), ("c", [4, 3, 2], 24), ("d", [2, 2, 2, 2], 26)]),
    "dtypes": model(tensors=[(f"t{number}", [block_len], number) for number, (block_len, _) in DTYPES.items()]),
    "alignment": model([entry("general.alignment", 4, 8)], [("a", [3], 24), ("b", [3], 24)], alignment=8),
    "split": model([entry("split.no", 2, 0), entry("split.count", 2, 2), entry("split.tensors.count", 5, 0)]),
}

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent / "corpus" / "gguf"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in SEEDS.items():
        (folder / f"{name}.gguf").write_bytes(data)
        print(name, len(data))
