#!/usr/bin/env python3
"""Makes tests/data/oracle: tiny models with random weights for the architectures and variants that the golden data does
not have, and the logits that llama.cpp gives for them.

Needs PyPI's numpy, gguf and llama-cpp-python. Build the last from source with the two lines that define GGML_GELU_FP16
and GGML_GELU_QUICK_FP16 taken out of ggml/src/ggml-cpu/vec.h, so that GELU is computed and not looked up.

    make_oracles.py [NAME ...]      all without names

Every case: model.gguf, tokens.json (the form of the golden data) and logits.f32 [n_rows][n_vocab] of the last n_rows
tokens, evaluated as one batch on one thread with an F32 cache and without flash attention. The cases named "long" go
beyond a micro-batch, a block of 256 positions and, where there is one, a window.
"""

import json
import sys
import zlib
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parent.parent / "data" / "oracle"
N_VOCAB = 64


class Case:
    """Collects the metadata and tensors of one model. Sizes are tiny, and no two that could be confused are equal."""

    def __init__(self, name, arch, n_layers=2, dim=32, n_heads=4, n_kv_heads=2, head_dim=None, ffn_dim=40, norm="rms"):
        self.name, self.arch = name, arch
        self.n_layers, self.dim, self.n_heads, self.n_kv_heads, self.ffn_dim = n_layers, dim, n_heads, n_kv_heads, ffn_dim
        self.head_dim = head_dim or dim // n_heads
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.n_tokens, self.n_rows, self.n_ctx = 40, 40, 128
        self.metadata, self.tensors = {}, {}
        self.key("vocab_size", N_VOCAB)
        self.key("context_length", 1024)
        self.key("embedding_length", dim)
        self.key("block_count", n_layers)
        self.key("feed_forward_length", ffn_dim)
        self.key("attention.head_count", n_heads)
        self.key("attention.head_count_kv", n_kv_heads)
        if head_dim:
            self.key("attention.key_length", head_dim)
            self.key("attention.value_length", head_dim)
        self.key("attention.layer_norm_rms_epsilon" if norm == "rms" else "attention.layer_norm_epsilon", 1e-2)
        self.tensors["token_embd.weight"] = self.normal(1.0, N_VOCAB, dim)

    def long(self):
        self.n_tokens, self.n_rows, self.n_ctx = 700, 20, 1024
        return self

    def key(self, key, value):
        self.metadata[f"{self.arch}.{key}"] = value

    def normal(self, deviation, *shape):
        return (self.random.standard_normal(shape) * deviation).astype(np.float32)

    def linear(self, name, n, k, bias=False):
        self.tensors[f"{name}.weight"] = self.normal(k**-0.5, n, k)
        if bias:
            self.tensors[f"{name}.bias"] = self.normal(0.3, n)

    def norm(self, name, shape=None, bias=False, size=1.0):
        shape = shape or (self.dim,)
        self.tensors[f"{name}.weight"] = size * (1 + self.normal(0.3, *shape))
        if bias:
            self.tensors[f"{name}.bias"] = self.normal(0.3, *shape)

    def blocks(self):
        return [f"blk.{i}" for i in range(self.n_layers)]

    def qkv(self, block, bias=False, fused=False):
        q, kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        if fused:
            self.linear(f"{block}.attn_qkv", q + 2 * kv, self.dim, bias)
        else:
            self.linear(f"{block}.attn_q", q, self.dim, bias)
            self.linear(f"{block}.attn_k", kv, self.dim, bias)
            self.linear(f"{block}.attn_v", kv, self.dim, bias)

    def attention_output(self, block, bias=False):
        self.linear(f"{block}.attn_output", self.dim, self.n_heads * self.head_dim, bias)

    def gated_ffn(self, block, bias=False):
        self.linear(f"{block}.ffn_gate", self.ffn_dim, self.dim, bias)
        self.linear(f"{block}.ffn_up", self.ffn_dim, self.dim, bias)
        self.linear(f"{block}.ffn_down", self.dim, self.ffn_dim, bias)

    def plain_ffn(self, block, bias=False, up_rows=None):
        self.linear(f"{block}.ffn_up", up_rows or self.ffn_dim, self.dim, bias)
        self.linear(f"{block}.ffn_down", self.dim, self.ffn_dim, bias)

    def ends(self, bias=False, output=True):
        self.norm("output_norm", bias=bias)
        if output:
            self.linear("output", N_VOCAB, self.dim)

    def write(self, path):
        writer = gguf.GGUFWriter(path, self.arch)
        writer.add_string("general.name", self.name)
        writer.add_string("tokenizer.ggml.model", "no_vocab")
        for key, value in self.metadata.items():
            if isinstance(value, bool):
                writer.add_bool(key, value)
            elif isinstance(value, int):
                writer.add_uint32(key, value)
            elif isinstance(value, float):
                writer.add_float32(key, value)
            elif isinstance(value, str):
                writer.add_string(key, value)
            else:
                writer.add_array(key, value)
        for name, values in self.tensors.items():
            writer.add_tensor(name, values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def stablelm(name, large):
    c = Case(name, "stablelm", norm="layer")
    c.key("rope.dimension_count", 4)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm", bias=True)
        c.qkv(b, bias=not large)
        if large:
            c.norm(f"{b}.attn_q_norm", (c.n_heads, c.head_dim))
            c.norm(f"{b}.attn_k_norm", (c.n_kv_heads, c.head_dim))
        else:
            c.norm(f"{b}.ffn_norm", bias=True)
        c.attention_output(b)
        c.gated_ffn(b)
    c.ends(bias=True)
    return c


def gptneox(name, parallel):
    c = Case(name, "gptneox", n_kv_heads=4, norm="layer")
    c.key("rope.dimension_count", 4)
    c.key("use_parallel_residual", parallel)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm", bias=True)
        c.qkv(b, bias=True, fused=True)
        c.attention_output(b, bias=True)
        c.norm(f"{b}.ffn_norm", bias=True)
        c.plain_ffn(b, bias=True)
    c.ends(bias=True)
    return c


def olmo2(name, window=0):
    c = Case(name, "olmo2", n_layers=4 if window else 2, dim=24 if window else 32)
    c.key("rope.freq_base", 5000.0)
    if window:
        c.key("attention.sliding_window", window)
        c.key("rope.scaling.type", "yarn")
        c.key("rope.scaling.factor", 4.0)
        c.key("rope.scaling.original_context_length", 24)
        c.key("rope.scaling.attn_factor", 1.2)
    for b in c.blocks():
        c.qkv(b)
        c.norm(f"{b}.attn_q_norm", (c.n_heads * c.head_dim,))
        c.norm(f"{b}.attn_k_norm", (c.n_kv_heads * c.head_dim,))
        c.attention_output(b)
        c.norm(f"{b}.post_attention_norm")
        c.gated_ffn(b)
        c.norm(f"{b}.post_ffw_norm")
    c.ends()
    return c


def command_r(name, large):
    c = Case(name, "command-r", norm="layer") if not large else Case(
        name, "command-r", n_layers=64, dim=8, n_heads=2, n_kv_heads=1, ffn_dim=4, norm="layer")
    c.key("logit_scale", 0.25)
    c.key("rope.freq_base", 75000.0)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        if large:  # the reference expects these from 64 layers on
            c.norm(f"{b}.attn_q_norm", (c.n_heads, c.head_dim))
            c.norm(f"{b}.attn_k_norm", (c.n_kv_heads, c.head_dim))
        c.qkv(b)
        c.attention_output(b)
        c.gated_ffn(b)
    c.ends(output=False)
    return c


def llama(name, arch, fused=False, bias=False, output=True):
    c = Case(name, arch)
    c.key("rope.freq_base", 50000.0)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b, fused=fused, bias=bias)
        c.attention_output(b, bias=bias and arch == "llama")
        c.norm(f"{b}.ffn_norm")
        c.gated_ffn(b)
    c.ends(output=output)
    return c


def exaone4(name, hybrid):
    c = Case(name, "exaone4") if not hybrid else Case(
        name, "exaone4", n_layers=64, dim=8, n_heads=2, n_kv_heads=1, ffn_dim=4)
    size = 0.2 if hybrid else 1.0  # small steps, lest 64 random layers blow rounding up
    if hybrid:  # the reference expects windows at 64 layers
        c.key("attention.sliding_window", 8)
    else:
        c.tensors["rope_freqs.weight"] = np.array([1, 1.5, 3, 8], np.float32)
    for b in c.blocks():
        c.qkv(b)
        c.norm(f"{b}.attn_q_norm", (c.head_dim,))
        c.norm(f"{b}.attn_k_norm", (c.head_dim,))
        c.attention_output(b)
        c.norm(f"{b}.post_attention_norm", size=size)
        c.gated_ffn(b)
        c.norm(f"{b}.post_ffw_norm", size=size)
    c.ends(output=not hybrid)
    return c


def falcon_two_norms():
    c = Case("falcon-two-norms", "falcon", norm="layer")
    for b in c.blocks():
        c.norm(f"{b}.attn_norm", bias=True)
        c.norm(f"{b}.attn_norm_2", bias=True)
        c.qkv(b, fused=True)
        c.attention_output(b)
        c.plain_ffn(b)
    c.ends(bias=True)
    return c


def bloom_six_heads(name="bloom-six-heads"):
    c = Case(name, "bloom", dim=24, n_heads=6, n_kv_heads=6, norm="layer")
    c.norm("token_embd_norm", bias=True)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm", bias=True)
        c.qkv(b, bias=True, fused=True)
        c.attention_output(b, bias=True)
        c.norm(f"{b}.ffn_norm", bias=True)
        c.plain_ffn(b, bias=True)
    c.ends(bias=True, output=False)
    return c


def granite_no_rope():
    c = llama("granite-no-rope", "granite", output=False)
    c.key("logit_scale", 3.0)
    c.key("rope.scaling.finetuned", False)
    return c


def glm4_sections():
    c = Case("glm4-sections", "glm4")
    c.key("rope.dimension_count", 8)
    c.key("rope.dimension_sections", [2, 1, 1, 0])
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b, bias=True)
        c.attention_output(b)
        c.norm(f"{b}.post_attention_norm")
        c.norm(f"{b}.ffn_norm")
        c.plain_ffn(b, up_rows=2 * c.ffn_dim)
        c.norm(f"{b}.post_ffw_norm")
    c.ends()
    return c


def hunyuan_alpha():
    c = llama("hunyuan-alpha", "hunyuan-dense")
    c.key("rope.scaling.alpha", 1000.0)
    for b in c.blocks():
        c.norm(f"{b}.attn_q_norm", (c.head_dim,))
        c.norm(f"{b}.attn_k_norm", (c.head_dim,))
    return c


def mistral3_experts(name="mistral3-experts"):
    c = Case(name, "mistral3", ffn_dim=24)
    c.key("expert_count", 4)
    c.key("expert_used_count", 2)
    c.key("rope.scaling.type", "yarn")
    c.key("rope.scaling.factor", 8.0)
    c.key("rope.scaling.original_context_length", 16)
    c.key("rope.scaling.yarn_beta_fast", 16.0)
    c.key("rope.scaling.yarn_beta_slow", 2.0)
    c.key("rope.scaling.yarn_log_multiplier", 0.7)
    c.key("attention.temperature_scale", 0.2)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b)
        c.attention_output(b)
        c.norm(f"{b}.ffn_norm")
        c.linear(f"{b}.ffn_gate_inp", 4, c.dim)
        for part, n, k in (("gate", c.ffn_dim, c.dim), ("up", c.ffn_dim, c.dim), ("down", c.dim, c.ffn_dim)):
            c.tensors[f"{b}.ffn_{part}_exps.weight"] = c.normal(k**-0.5, 4, n, k)
    c.ends()
    return c


def gemma2_wide_scale():
    c = Case("gemma2-27b-scale", "gemma2", n_layers=46, dim=8, n_heads=2, n_kv_heads=1, head_dim=2, ffn_dim=8)
    c.key("attention.sliding_window", 8)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b)
        c.attention_output(b)
        c.norm(f"{b}.post_attention_norm", size=0.2)
        c.norm(f"{b}.ffn_norm")
        c.gated_ffn(b)
        c.norm(f"{b}.post_ffw_norm", size=0.2)
    c.ends(output=False)
    return c


def cohere2_pattern(name="cohere2-pattern", window=8):
    c = Case(name, "cohere2", n_layers=3, norm="layer")
    c.key("logit_scale", 0.5)
    c.key("attention.sliding_window", window)
    c.key("attention.sliding_window_pattern", [True, False, True])
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b)
        c.attention_output(b)
        c.gated_ffn(b)
    c.ends(output=False)
    return c


def gemma(name, arch, window, n_layers=2):
    """gemma, gemma2 or gemma3, long."""
    c = Case(name, arch, n_layers=n_layers, dim=24, n_heads=4, n_kv_heads=2, head_dim=8).long()
    if window:
        c.key("attention.sliding_window", window)
    if arch == "gemma3":
        c.key("attention.sliding_window_pattern", 2)
        c.key("rope.freq_base", 1e6)
        c.key("rope.scaling.type", "linear")
        c.key("rope.scaling.factor", 8.0)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b)
        if arch == "gemma3":
            c.norm(f"{b}.attn_q_norm", (c.head_dim,))
            c.norm(f"{b}.attn_k_norm", (c.head_dim,))
        c.attention_output(b)
        c.norm(f"{b}.ffn_norm")
        c.gated_ffn(b)
        if arch != "gemma":
            c.norm(f"{b}.post_attention_norm")
            c.norm(f"{b}.post_ffw_norm")
    c.ends(output=False)
    return c


def phi3_long():
    c = Case("phi3-long", "phi3").long()
    c.key("rope.scaling.original_context_length", 256)
    c.key("rope.scaling.attn_factor", 1.1)
    c.tensors["rope_factors_long.weight"] = np.array([1, 2, 5, 9], np.float32)
    c.tensors["rope_factors_short.weight"] = np.array([1, 1.1, 1.2, 1.4], np.float32)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b, fused=True)
        c.attention_output(b)
        c.norm(f"{b}.ffn_norm")
        c.plain_ffn(b, up_rows=2 * c.ffn_dim)
    c.ends()
    return c


def learned_positions_long():
    c = Case("starcoder-long", "starcoder", dim=16, n_heads=2, n_kv_heads=1, norm="layer").long()
    c.tensors["position_embd.weight"] = c.normal(0.5, 1024, c.dim)
    for b in c.blocks():
        c.norm(f"{b}.attn_norm", bias=True)
        c.qkv(b, bias=True, fused=True)
        c.attention_output(b, bias=True)
        c.norm(f"{b}.ffn_norm", bias=True)
        c.plain_ffn(b, bias=True)
    c.ends(bias=True)
    return c


CASES = [
    stablelm("stablelm", False),
    stablelm("stablelm-12b", True),
    gptneox("gptneox", True),
    gptneox("gptneox-serial", False),
    olmo2("olmo2"),
    olmo2("olmo3", 8),
    command_r("command-r", False),
    command_r("command-r-plus", True),
    llama("internlm2", "internlm2"),
    llama("llama-fused", "llama", fused=True, bias=True),
    exaone4("exaone4", False),
    exaone4("exaone4-windows", True),
    falcon_two_norms(),
    bloom_six_heads(),
    granite_no_rope(),
    glm4_sections(),
    hunyuan_alpha(),
    mistral3_experts(),
    gemma2_wide_scale(),
    cohere2_pattern(),
    gemma("gemma-long", "gemma", 0),
    gemma("gemma2-long", "gemma2", 300),
    gemma("gemma3-long", "gemma3", 300),
    phi3_long(),
    learned_positions_long(),
    llama("llama-long", "llama").long(),
    llama("qwen2-long", "qwen2", bias=True).long(),
    olmo2("olmo3-long", 300).long(),
    cohere2_pattern("cohere2-long", 300).long(),
    bloom_six_heads("bloom-long").long(),
    mistral3_experts("mistral3-long").long(),
]


def reference_logits(path, case, tokens):
    """[n_rows][N_VOCAB]"""
    import llama_cpp as ll

    model_params = ll.llama_model_default_params()
    model_params.use_mmap = False
    model = ll.llama_model_load_from_file(str(path).encode(), model_params)
    assert model, f"the reference refuses {path}"
    params = ll.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = case.n_ctx
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = ll.GGML_TYPE_F32
    params.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
    context = ll.llama_init_from_model(model, params)
    batch = ll.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
        batch.seq_id[i][0] = 0
    assert ll.llama_decode(context, batch) == 0
    rows = range(case.n_tokens - case.n_rows, case.n_tokens)
    logits = [np.ctypeslib.as_array(ll.llama_get_logits_ith(context, i), (N_VOCAB,)).copy() for i in rows]
    ll.llama_batch_free(batch)
    ll.llama_free(context)
    ll.llama_model_free(model)
    return np.stack(logits)


def main(names):
    import llama_cpp as ll

    quiet = ll.llama_log_callback(lambda level, text, user_data: None)
    ll.llama_log_set(quiet, None)
    for case in CASES:
        if names and case.name not in names:
            continue
        folder = ROOT / case.name
        folder.mkdir(parents=True, exist_ok=True)
        case.write(folder / "model.gguf")
        tokens = [int(t) for t in case.random.integers(0, N_VOCAB, case.n_tokens)]
        shape = {"arch": case.arch, "n_ctx": case.n_ctx, "n_vocab": N_VOCAB, "n_tokens": case.n_tokens,
                 "tokens": tokens, "output": "logits", "n_out": N_VOCAB, "n_rows": case.n_rows}
        (folder / "tokens.json").write_text(json.dumps(shape) + "\n")
        logits = reference_logits(folder / "model.gguf", case, tokens)
        assert np.isfinite(logits).all() and logits.std() > 0.05
        logits.astype("<f4").tofile(folder / "logits.f32")
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{case.name}: {size / 1024:.0f} KiB, deviation {logits.std():.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
