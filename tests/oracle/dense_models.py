# Tiny models of dense architectures and their variants, for make_oracle.py. Sizes are tiny, and no two that could be
# confused are equal; epsilons and biases are large, so that forgetting one shows. Shapes are numpy's: [outputs, inputs].
import zlib

import numpy as np

VOCAB = 64
SALT = 9  # chosen so that no greedy choice is close


class Case:
    """Metadata and tensors of one model, filled by the functions below."""

    def __init__(self, name, arch, n_layers=2, dim=32, n_heads=4, n_kv_heads=2, head_dim=None, ffn_dim=40, norm="rms"):
        self.name, self.arch = name, arch
        self.n_layers, self.dim, self.n_heads, self.n_kv_heads, self.ffn_dim = n_layers, dim, n_heads, n_kv_heads, ffn_dim
        self.head_dim = head_dim or dim // n_heads
        self.random = np.random.default_rng(zlib.crc32(name.encode()) + SALT)
        self.meta, self.tensors = {}, {}
        self.tokenizer = {"tokenizer.ggml.model": "no_vocab"}
        self.key("vocab_size", VOCAB)
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
        self.tensors["token_embd.weight"] = self.normal(1.0, VOCAB, dim)

    def key(self, key, value):
        self.meta[key] = value

    def normal(self, deviation, *shape):
        return (self.random.standard_normal(shape) * deviation).astype(np.float32)

    def linear(self, name, n, k, bias=False, gain=1.0):
        self.tensors[f"{name}.weight"] = self.normal(gain * k**-0.5, n, k)
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
            self.linear("output", VOCAB, self.dim, gain=3)


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


def bloom_six_heads():
    c = Case("bloom-six-heads", "bloom", dim=24, n_heads=6, n_kv_heads=6, norm="layer")
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


def mistral3_experts():
    c = Case("mistral3-experts", "mistral3", ffn_dim=24)
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


def cohere2_pattern():
    c = Case("cohere2-pattern", "cohere2", n_layers=3, norm="layer")
    c.key("logit_scale", 0.5)
    c.key("attention.sliding_window", 8)
    c.key("attention.sliding_window_pattern", [True, False, True])
    for b in c.blocks():
        c.norm(f"{b}.attn_norm")
        c.qkv(b)
        c.attention_output(b)
        c.gated_ffn(b)
    c.ends(output=False)
    return c


MODELS = {
    "stablelm": lambda: stablelm("stablelm", False),
    "stablelm-12b": lambda: stablelm("stablelm-12b", True),
    "gptneox": lambda: gptneox("gptneox", True),
    "gptneox-serial": lambda: gptneox("gptneox-serial", False),
    "olmo2": lambda: olmo2("olmo2"),
    "olmo3": lambda: olmo2("olmo3", 8),
    "command-r": lambda: command_r("command-r", False),
    "command-r-plus": lambda: command_r("command-r-plus", True),
    "internlm2": lambda: llama("internlm2", "internlm2"),
    "llama-fused": lambda: llama("llama-fused", "llama", fused=True, bias=True),
    "exaone4": lambda: exaone4("exaone4", False),
    "exaone4-windows": lambda: exaone4("exaone4-windows", True),
    "falcon-two-norms": falcon_two_norms,
    "bloom-six-heads": bloom_six_heads,
    "granite-no-rope": granite_no_rope,
    "glm4-sections": glm4_sections,
    "hunyuan-alpha": hunyuan_alpha,
    "mistral3-experts": mistral3_experts,
    "gemma2-27b-scale": gemma2_wide_scale,
    "cohere2-pattern": cohere2_pattern,
}
