#!/usr/bin/env python3
"""Writes tests/data/dequant/TYPE/random.{bin,f32}: random blocks and the values that an independent decoder gives.

For the types that the golden suite lacks. Values come from the Python package `gguf` (pip install gguf numpy), for Q8_1
and Q8_K, which it does not decode, from the formula in numpy.

    python3 scripts/make_dequant_data.py tests/data/dequant
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, quants

N_VALUES = 1024


def q8_1(blocks):
    d = np.ascontiguousarray(blocks[:, 0:2]).view(np.float16).astype(np.float32)
    return d * blocks[:, 4:36].view(np.int8).astype(np.float32)


def q8_k(blocks):
    d = np.ascontiguousarray(blocks[:, 0:4]).view(np.float32)
    return d * blocks[:, 4:260].view(np.int8).astype(np.float32)


def by_gguf(kind):
    return lambda blocks: quants.dequantize(blocks, kind)


DECODERS = {
    Type.Q4_1: by_gguf(Type.Q4_1),
    Type.Q5_1: by_gguf(Type.Q5_1),
    Type.Q8_1: q8_1,
    Type.Q8_K: q8_k,
    Type.IQ1_M: by_gguf(Type.IQ1_M),
    Type.TQ1_0: by_gguf(Type.TQ1_0),
    Type.NVFP4: by_gguf(Type.NVFP4),
}

out = pathlib.Path(sys.argv[1])
random = np.random.default_rng(20)
for kind, decode in DECODERS.items():
    block_len, block_bytes = GGML_QUANT_SIZES[kind]
    if kind == Type.Q8_1:
        block_bytes = 36  # two halves and 32 codes; the package still counts the two floats of an early version
    blocks = random.integers(0, 256, (8 * N_VALUES // block_len, block_bytes), dtype=np.uint8)
    with np.errstate(all="ignore"):
        values = decode(blocks).reshape(len(blocks), block_len)
    keep = np.flatnonzero(np.isfinite(values).all(axis=1))[:N_VALUES // block_len]
    assert len(keep) == N_VALUES // block_len
    folder = out / kind.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "random.bin").write_bytes(blocks[keep].tobytes())
    (folder / "random.f32").write_bytes(values[keep].astype("<f4").tobytes())
