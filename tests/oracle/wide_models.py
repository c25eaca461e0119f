#!/usr/bin/env python3
"""Wider than the goldens: real widths, random weights, prompts beyond one micro-batch, one attention block and one window.

Every golden model is widened (model dimension x16, heads x2, head dimension x8, so 64 becomes 1024 and 16 becomes 128) or, where its
dimensions are tied to each other in ways of their own, only given a long prompt. Then
  1. our own bits must be equal over micro-batches, threads, KV types and kernel tables (`hearth logits` runs);
  2. with PyPI's llama-cpp-python installed, logits must agree with llama.cpp within the tolerance derived below.

Usage: wide_models.py --hearth build/hearth --golden DIR [--only NAME ...] [--tokens 1600] [--json OUT] [--work DIR]
Needs PyPI's gguf and numpy.

Tolerance. Float32 sums of K terms in another order differ by about eps * sqrt(K) relative to the result's scale; over L layers of
about 8 products each that gives eps * sqrt(K) * sqrt(8 L), about 4e-6 here, and random weights amplify it (the golden README
allows 5e-5). llama.cpp builds a rope angle by repeated float multiplication: pair i has a relative error of i * eps, so at
position p the angle is off by up to max_i(i * base^(-2i/d)) * eps * p radians, which enters q.k directly.
With table GELU (float16 inputs) the golden README's bar for such models holds: 3e-2 absolute.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np

DIM, HEADS, HEAD_DIM = 16, 2, 8  # widening factors; DIM = HEADS * HEAD_DIM
LONG_ONLY = {"deepseek2", "minicpm3", "gemma4", "qwen35", "qwen3next", "mamba"}
TABLE_GELU = {"bert", "bloom", "gemma", "gemma2", "gemma3", "gemma4", "gpt2", "gpt2-tied", "falcon", "phi2", "starcoder", "starcoder2",
              "modern-bert"}
N_CTX = 2048
WINDOW = 300
EPS = 2.0 ** -24

SCALED_KEYS = {
    "embedding_length": DIM, "feed_forward_length": DIM, "expert_feed_forward_length": DIM, "expert_shared_feed_forward_length": DIM,
    "attention.head_count": HEADS, "attention.head_count_kv": HEADS, "attention.key_length": HEAD_DIM,
    "attention.value_length": HEAD_DIM, "rope.dimension_count": HEAD_DIM,
}


def new_value(arch, key, value, widen):
    if not key.startswith(arch + "."):
        return value
    short = key[len(arch) + 1:]
    if short == "context_length":
        return N_CTX
    if short == "attention.sliding_window":
        return WINDOW
    if widen and short in SCALED_KEYS:
        factor = SCALED_KEYS[short]
        return [v * factor for v in value] if isinstance(value, list) else value * factor
    return value


def new_shape(name, shape, facts):
    """shape as numpy orders it: [..., outputs, inputs]."""
    def grow(axis, d):
        last = axis == len(shape) - 1
        if name.startswith("position_embd") and not last:
            return N_CTX
        if name.startswith(("token_embd", "output.")) and d == facts["vocab"] and not (last and len(shape) > 1):
            return d
        if "exps" in name and axis == 0 or "ffn_gate_inp." in name and axis == 0 or "exp_probs_b" in name:
            return d
        if "token_types" in name and not last or "shortconv.conv" in name and last:
            return d
        if "rope_f" in name:
            return d * HEAD_DIM
        if "attn_sinks" in name:
            return d * HEADS
        if ("attn_q_norm" in name or "attn_k_norm" in name) and d == facts["head_dim"]:
            return d * HEAD_DIM
        return d * DIM
    return [grow(axis, d) for axis, d in enumerate(shape)]


def widen_model(source, target, widen, seed=1):
    """Writes the widened model; returns facts for the tolerance."""
    reader = gguf.GGUFReader(source)
    arch = reader.fields["general.architecture"].contents()
    meta = {k: f for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    get = lambda k, default=None: meta[f"{arch}.{k}"].contents() if f"{arch}.{k}" in meta else default
    heads = get("attention.head_count") or 1
    head_dim = get("attention.key_length") or get("embedding_length") // max(1, heads if isinstance(heads, int) else max(heads))
    facts = {"vocab": get("vocab_size"), "head_dim": head_dim, "layers": get("block_count"), "base": get("rope.freq_base", 10000.0),
             "dim": get("embedding_length") * (DIM if widen else 1), "ropes": arch not in ("gpt2", "bloom", "starcoder", "bert", "mamba"),
             "n_rot": (get("rope.dimension_count") or head_dim) * (HEAD_DIM if widen else 1)}
    writer = gguf.GGUFWriter(target, arch)
    for key, field in meta.items():
        if key == "general.architecture":
            continue
        value = new_value(arch, key, field.contents(), widen)
        kind = field.types[0]
        if kind == gguf.GGUFValueType.ARRAY:
            writer.add_key_value(key, value, kind, field.types[-1])
        else:
            writer.add_key_value(key, value, kind)
    random = np.random.default_rng(seed)
    for tensor in reader.tensors:
        data = np.asarray(tensor.data, dtype=np.float32).reshape(list(reversed(tensor.shape.tolist())))
        if widen or tensor.name.startswith("position_embd"):
            shape = new_shape(tensor.name, list(data.shape), facts) if widen else [N_CTX, data.shape[1]]
            if data.ndim >= 2 and shape != list(data.shape):
                scale = float(data.std()) * (data.shape[-1] / shape[-1]) ** 0.5
                if tensor.name.startswith(("token_embd", "position_embd")):
                    scale = float(data.std())
                data = random.standard_normal(shape, dtype=np.float32) * np.float32(scale)
            elif data.ndim == 1:
                data = np.resize(data, shape)
        writer.add_tensor(tensor.name, np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return facts


def tolerance(facts, n_tokens, table_gelu):
    rounding = EPS * facts["dim"] ** 0.5 * (8 * facts["layers"]) ** 0.5
    rope = 0.0
    if facts["ropes"]:
        i = np.arange(facts["n_rot"] // 2)
        rope = float(np.max(i * facts["base"] ** (-2.0 * i / facts["n_rot"]))) * EPS * n_tokens
    return max(5e-5, 12 * rounding) + rope + (2e-3 if table_gelu else 0.0)


class Runner:
    def __init__(self, hearth, model, tokens, folder):
        self.hearth, self.model, self.folder = hearth, model, folder
        self.tokens = os.path.join(folder, "tokens.json")
        with open(self.tokens, "w") as f:
            json.dump(tokens, f)

    def logits(self, *flags):
        out = os.path.join(self.folder, "out.f32")
        command = [self.hearth, "logits", self.model, "--tokens", self.tokens, "--out", out, "--ctx", str(N_CTX), *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(" ".join(command) + ": " + done.stderr.strip())
        return np.fromfile(out, dtype=np.float32)


def own_bits(run, isas):
    """Names of the ways of cutting the work that changed a bit; must be empty."""
    wrong = []
    for kv in ("f32", "f16", "q8_0"):
        base = run.logits("--kv", kv)
        ways = [["--ubatch", "16"], ["--ubatch", "777", "--threads", "3"], ["--threads", "1"]] + [["--isa", isa] for isa in isas]
        for way in ways:
            if run.logits("--kv", kv, *way).tobytes() != base.tobytes():
                wrong.append(" ".join([kv, *way]))
    return wrong


def reference_logits(model, tokens):
    from llama_cpp import Llama
    llm = Llama(model_path=model, n_ctx=N_CTX, n_batch=512, logits_all=True, type_k=0, type_v=0, flash_attn=False, n_threads=2, verbose=False)
    llm.eval(tokens)
    return np.array(llm.scores[: len(tokens)], dtype=np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hearth", required=True)
    parser.add_argument("--golden", required=True, help="the folder golden/arch")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--tokens", type=int, default=1600)
    parser.add_argument("--isa", nargs="*", default=["avx2"], help="kernel tables to compare with the best one")
    parser.add_argument("--json")
    parser.add_argument("--work")
    parser.add_argument("--no-bits", action="store_true")
    args = parser.parse_args()
    try:
        import llama_cpp
        reference = "llama-cpp-python " + llama_cpp.__version__
    except ImportError:
        reference = None
        print("llama-cpp-python is not installed: only our own bits are compared", file=sys.stderr)
    rows, failed = [], False
    for name in sorted(args.only or os.listdir(args.golden)):
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            model = os.path.join(folder, "model.gguf")
            facts = widen_model(os.path.join(args.golden, name, "model.gguf"), model, name not in LONG_ONLY)
            embedding = json.load(open(os.path.join(args.golden, name, "tokens.json")))["output"] == "embeddings"
            n_tokens = min(args.tokens, 500) if embedding else args.tokens
            tokens = [1] + np.random.default_rng(7).integers(3, facts["vocab"], n_tokens - 1).tolist()
            run = Runner(args.hearth, model, tokens, folder)
            row = {"model": name, "dim": facts["dim"], "tokens": n_tokens}
            try:
                if not args.no_bits:
                    row["bits_differ"] = own_bits(run, args.isa)
                if reference and not embedding:
                    ours = run.logits("--kv", "f32").reshape(n_tokens, -1).astype(np.float64)
                    theirs = reference_logits(model, tokens).astype(np.float64)
                    difference = ours - theirs
                    row["max_abs"] = float(np.abs(difference).max())
                    row["relative_rms"] = float(np.sqrt((difference ** 2).mean() / (theirs ** 2).mean()))
                    row["tolerance"] = tolerance(facts, n_tokens, name in TABLE_GELU)
                    row["argmax_flips"] = int((ours.argmax(1) != theirs.argmax(1)).sum())
            except Exception as error:  # noqa: BLE001: one model's failure must not hide the others
                row["error"] = str(error)[:300]
        bad = bool(row.get("bits_differ")) or "error" in row or row.get("relative_rms", 0) > row.get("tolerance", 0)
        failed |= bad
        rows.append(row)
        print(("FAIL " if bad else "ok   ") + json.dumps(row), flush=True)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"reference": reference, "rows": rows}, f, indent=1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
