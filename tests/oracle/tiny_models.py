# Tiny models with random weights for architectures and variants that the golden suite lacks: metadata and tensors as
# the public converters name them. Shapes are numpy's: [outputs, inputs].
import numpy as np

DIM, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCAB = 32, 4, 2, 8, 48, 64


class Tiny:
    """Metadata and tensors of one model, filled by the functions below."""

    def __init__(self, arch, seed, n_layers=2, **meta):
        self.arch, self.n_layers = arch, n_layers
        self.random = np.random.default_rng(seed)
        self.meta = {
            "vocab_size": VOCAB, "context_length": 256, "embedding_length": DIM, "block_count": n_layers,
            "feed_forward_length": FFN, "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS,
            "attention.layer_norm_rms_epsilon": 1e-3, "rope.freq_base": 10000.0,
        }
        self.meta.update(meta)
        self.meta = {key: value for key, value in self.meta.items() if value is not None}
        self.tokenizer = {"tokenizer.ggml.model": "no_vocab"}
        self.tensors = {}

    def matrix(self, name, *shape, gain=1.0):
        scale = gain / np.sqrt(shape[-1])
        self.tensors[name] = (self.random.standard_normal(shape) * scale).astype(np.float32)

    def vector(self, name, *shape, around=0.0, spread=0.3):
        self.tensors[name] = (around + self.random.standard_normal(shape) * spread).astype(np.float32)

    def norm(self, name, n, bias=False):
        self.vector(name + ".weight", n, around=1.0, spread=0.2)
        if bias:
            self.vector(name + ".bias", n)

    def ends(self, output=True, norm="output_norm"):
        self.matrix("token_embd.weight", VOCAB, DIM, gain=np.sqrt(DIM))
        if norm:
            self.norm(norm, DIM)
        if output:
            self.matrix("output.weight", VOCAB, DIM, gain=3)

    def attention(self, l, head_dim=None, kv_heads=None, bias=False, qk_norm=False, value=True):
        b, head_dim, kv_heads = f"blk.{l}.", head_dim or HEAD_DIM, kv_heads or KV_HEADS
        for part, n in (("q", HEADS * head_dim), ("k", kv_heads * head_dim), ("v", kv_heads * head_dim)):
            if part == "v" and not value:
                continue
            self.matrix(f"{b}attn_{part}.weight", n, DIM, gain=2)
            if bias:
                self.vector(f"{b}attn_{part}.bias", n)
        self.matrix(b + "attn_output.weight", DIM, HEADS * head_dim)
        if qk_norm:
            self.norm(b + "attn_q_norm", head_dim)
            self.norm(b + "attn_k_norm", head_dim)

    def ffn(self, l, n=None, suffix=""):
        b, n = f"blk.{l}.", n or FFN
        self.matrix(f"{b}ffn_gate{suffix}.weight", n, DIM, gain=2)
        self.matrix(f"{b}ffn_up{suffix}.weight", n, DIM)
        self.matrix(f"{b}ffn_down{suffix}.weight", DIM, n)

    def experts(self, l, n_experts, n, fused=False):
        b = f"blk.{l}."
        self.matrix(b + "ffn_gate_inp.weight", n_experts, DIM, gain=3)
        if fused:
            self.matrix(b + "ffn_gate_up_exps.weight", n_experts, 2 * n, DIM, gain=2)
        else:
            self.matrix(b + "ffn_gate_exps.weight", n_experts, n, DIM, gain=2)
            self.matrix(b + "ffn_up_exps.weight", n_experts, n, DIM)
        self.matrix(b + "ffn_down_exps.weight", n_experts, DIM, n)

    def shared_gate(self, l):
        self.vector(f"blk.{l}.ffn_gate_inp_shexp.weight", DIM)

    def delta_net(self, l, k_heads, v_heads, d, width):
        b = f"blk.{l}."
        conv_dim = (2 * k_heads + v_heads) * d
        self.matrix(b + "ssm_conv1d.weight", conv_dim, width)
        self.vector(b + "ssm_dt.bias", v_heads)
        self.tensors[b + "ssm_a"] = -np.exp(self.random.standard_normal(v_heads)).astype(np.float32)
        self.norm(b + "ssm_norm", d)
        self.matrix(b + "ssm_out.weight", DIM, v_heads * d)


def qwen2moe():
    m = Tiny("qwen2moe", 1, expert_count=4, expert_used_count=2, expert_feed_forward_length=20,
             expert_shared_feed_forward_length=28)
    m.ends()
    for l in range(m.n_layers):
        m.norm(f"blk.{l}.attn_norm", DIM)
        m.attention(l, bias=True)
        m.norm(f"blk.{l}.ffn_norm", DIM)
        m.experts(l, 4, 20)
        m.ffn(l, 28, "_shexp")
        m.shared_gate(l)
    return m


def granitemoe():
    m = Tiny("granitemoe", 2, feed_forward_length=20, expert_count=4, expert_used_count=2,
             expert_shared_feed_forward_length=24, logit_scale=3.0, residual_scale=0.7, embedding_scale=2.0,
             **{"attention.scale": 0.2})
    m.ends(output=False)
    for l in range(m.n_layers):
        m.norm(f"blk.{l}.attn_norm", DIM)
        m.attention(l)
        m.norm(f"blk.{l}.ffn_norm", DIM)
        m.experts(l, 4, 20)
        m.ffn(l, 24, "_shexp")
    return m


def nomic_bert():
    m = Tiny("nomic-bert", 3, pooling_type=1, **{
        "attention.head_count_kv": None, "attention.layer_norm_rms_epsilon": None,
        "attention.layer_norm_epsilon": 1e-3, "attention.causal": False, "rope.freq_base": 1000.0})
    m.tokenizer["tokenizer.ggml.token_type_count"] = 2
    m.ends(output=False, norm=None)
    m.norm("token_embd_norm", DIM, bias=True)
    m.matrix("token_types.weight", 2, DIM)
    for l in range(m.n_layers):
        m.matrix(f"blk.{l}.attn_qkv.weight", 3 * DIM, DIM, gain=2)
        m.matrix(f"blk.{l}.attn_output.weight", DIM, DIM)
        m.norm(f"blk.{l}.attn_output_norm", DIM, bias=True)
        m.ffn(l)
        m.norm(f"blk.{l}.layer_output_norm", DIM, bias=True)
    return m


def gemma4_experts():
    """Experts beside the feed-forward part, fused gate and up, full layers whose values are their keys."""
    m = Tiny("gemma4", 4, expert_count=4, expert_used_count=2, expert_feed_forward_length=12,
             embedding_length_per_layer_input=0, final_logit_softcapping=10.0, feed_forward_length=24, **{
                 "attention.key_length": 16, "attention.value_length": 16, "attention.key_length_swa": 8,
                 "attention.value_length_swa": 8, "rope.dimension_count": 16, "rope.dimension_count_swa": 8,
                 "rope.freq_base_swa": 1000.0, "attention.sliding_window": 9, "attention.head_count_kv": [2, 1],
                 "attention.sliding_window_pattern": [True, False]})
    m.ends(output=False)
    m.tensors["rope_freqs.weight"] = np.array([1, 1, 2, 3, 1e30, 1e30, 1e30, 1e30], np.float32)
    for l, (head_dim, kv_heads) in enumerate(((8, 2), (16, 1))):
        b = f"blk.{l}."
        m.attention(l, head_dim, kv_heads, qk_norm=True, value=l == 0)
        for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm", "pre_ffw_norm_2",
                     "post_ffw_norm_1", "post_ffw_norm_2"):
            m.norm(b + name, DIM)
        m.ffn(l, 24)
        m.experts(l, 4, 12, fused=True)
        m.vector(b + "ffn_gate_inp.scale", DIM, around=4.0)
        m.vector(b + "ffn_down_exps.scale", 4, around=1.0)
        m.vector(b + "layer_output_scale.weight", 1, around=0.8)
    return m


def deepseek2_plain():
    """Keys and values expanded for every head, expert groups, sigmoid gates, queries that grow with their position."""
    rot, nope, v_dim, rank = 8, 12, 10, 16
    m = Tiny("deepseek2", 5, n_layers=2, expert_count=6, expert_used_count=2, expert_feed_forward_length=12,
             expert_shared_count=2, leading_dense_block_count=1, expert_weights_scale=1.7, expert_weights_norm=True,
             expert_gating_func=2, expert_group_count=3, expert_group_used_count=2, **{
                 "attention.head_count_kv": HEADS, "attention.kv_lora_rank": rank, "attention.key_length": rot + nope,
                 "attention.value_length": v_dim, "rope.dimension_count": rot, "attention.q_lora_rank": 20, "attention.temperature_scale": 0.4,
                 "attention.temperature_length": 16})
    m.ends()
    for l in range(m.n_layers):
        b = f"blk.{l}."
        m.norm(b + "attn_norm", DIM)
        m.matrix(b + "attn_q_a.weight", 20, DIM)
        m.norm(b + "attn_q_a_norm", 20)
        m.matrix(b + "attn_q_b.weight", HEADS * (rot + nope), 20, gain=2)
        m.matrix(b + "attn_kv_a_mqa.weight", rank + rot, DIM, gain=2)
        m.norm(b + "attn_kv_a_norm", rank)
        m.matrix(b + "attn_kv_b.weight", HEADS * (nope + v_dim), rank, gain=2)
        m.matrix(b + "attn_output.weight", DIM, HEADS * v_dim)
        m.norm(b + "ffn_norm", DIM)
        if l == 0:
            m.ffn(l)
        else:
            m.experts(l, 6, 12)
            m.vector(b + "exp_probs_b.bias", 6, spread=0.2)
            m.ffn(l, 24, "_shexp")
    return m


def falcon_mamba():
    inner, state, rank, width = 2 * DIM, 12, 6, 4
    m = Tiny("mamba", 6, feed_forward_length=0, **{
        "attention.head_count": 0, "attention.head_count_kv": None, "rope.freq_base": None, "ssm.conv_kernel": width,
        "ssm.inner_size": inner, "ssm.state_size": state, "ssm.time_step_rank": rank, "ssm.dt_b_c_rms": True})
    m.ends()
    for l in range(m.n_layers):
        b = f"blk.{l}."
        m.norm(b + "attn_norm", DIM)
        m.matrix(b + "ssm_in.weight", 2 * inner, DIM)
        m.matrix(b + "ssm_conv1d.weight", inner, width)
        m.vector(b + "ssm_conv1d.bias", inner)
        m.matrix(b + "ssm_x.weight", rank + 2 * state, inner)
        m.matrix(b + "ssm_dt.weight", inner, rank)
        m.vector(b + "ssm_dt.bias", inner)
        m.tensors[b + "ssm_a"] = -np.exp(m.random.standard_normal((inner, state))).astype(np.float32)
        m.vector(b + "ssm_d", inner, around=1.0)
        m.matrix(b + "ssm_out.weight", DIM, inner)
    return m


def hybrid_meta(k_heads, v_heads, d, width):
    return {"ssm.conv_kernel": width, "ssm.inner_size": v_heads * d, "ssm.state_size": d, "ssm.group_count": k_heads,
            "ssm.time_step_rank": v_heads, "full_attention_interval": 2, "attention.key_length": HEAD_DIM,
            "attention.value_length": HEAD_DIM}


def gated_attention(m, l):
    m.attention(l, qk_norm=True)
    m.matrix(f"blk.{l}.attn_q.weight", HEADS * 2 * HEAD_DIM, DIM, gain=2)


def qwen35moe():
    k_heads, v_heads, d, width = 2, 4, 8, 3
    m = Tiny("qwen35moe", 7, expert_count=4, expert_used_count=2, expert_feed_forward_length=12,
             expert_shared_feed_forward_length=20, **hybrid_meta(k_heads, v_heads, d, width),
             **{"rope.dimension_count": 8, "rope.dimension_sections": [2, 1, 1, 0]})
    m.ends()
    for l in range(m.n_layers):
        b = f"blk.{l}."
        m.norm(b + "attn_norm", DIM)
        m.norm(b + "post_attention_norm", DIM)
        if l % 2 == 0:
            m.delta_net(l, k_heads, v_heads, d, width)
            m.matrix(b + "attn_qkv.weight", (2 * k_heads + v_heads) * d, DIM, gain=2)
            m.matrix(b + "attn_gate.weight", v_heads * d, DIM)
            m.matrix(b + "ssm_beta.weight", v_heads, DIM)
            m.matrix(b + "ssm_alpha.weight", v_heads, DIM)
        else:
            gated_attention(m, l)
        m.experts(l, 4, 12)
        m.ffn(l, 20, "_shexp")
        m.shared_gate(l)
    return m


def qwen3next_legacy():
    """q, k, v and z of each key head in one tensor, as the first converter wrote them."""
    k_heads, v_heads, d, width = 2, 4, 8, 4
    m = Tiny("qwen3next", 8, expert_count=4, expert_used_count=2, expert_feed_forward_length=12,
             expert_shared_feed_forward_length=20, **hybrid_meta(k_heads, v_heads, d, width),
             **{"rope.dimension_count": 4})
    m.ends()
    for l in range(m.n_layers):
        b = f"blk.{l}."
        m.norm(b + "attn_norm", DIM)
        m.norm(b + "post_attention_norm", DIM)
        if l % 2 == 0:
            m.delta_net(l, k_heads, v_heads, d, width)
            m.matrix(b + "ssm_in.weight", 2 * (k_heads + v_heads) * d, DIM, gain=2)
            m.matrix(b + "ssm_ba.weight", 2 * v_heads, DIM)
        else:
            gated_attention(m, l)
        m.experts(l, 4, 12, fused=True)
        m.ffn(l, 20, "_shexp")
        m.shared_gate(l)
    return m


def glm4moe_mtp():
    """A prediction layer that the file announces and the plain pass leaves out; rope sections; no query/key norms."""
    m = Tiny("glm4moe", 11, expert_count=4, expert_used_count=2, expert_feed_forward_length=16, expert_shared_count=1,
             leading_dense_block_count=1, expert_weights_scale=1.3, expert_weights_norm=True, nextn_predict_layers=1,
             **{"attention.key_length": HEAD_DIM, "attention.value_length": HEAD_DIM, "rope.dimension_count": 8,
                "rope.dimension_sections": [1, 2, 1, 0]})
    m.meta["block_count"] = m.n_layers + 1
    m.ends()
    for l in range(m.n_layers):
        b = f"blk.{l}."
        m.norm(b + "attn_norm", DIM)
        m.attention(l, bias=True)
        m.norm(b + "post_attention_norm", DIM)
        if l == 0:
            m.ffn(l)
        else:
            m.experts(l, 4, 16)
            m.vector(b + "exp_probs_b.bias", 4, spread=0.2)
            m.ffn(l, 16, "_shexp")
    return m


MODELS = {f.__name__.replace("_", "-"): f for f in (
    qwen2moe, granitemoe, nomic_bert, gemma4_experts, deepseek2_plain, falcon_mamba, qwen35moe, qwen3next_legacy,
    glm4moe_mtp)}
