#!/usr/bin/env python3
"""One measurement of llama.cpp through PyPI's llama-cpp-python, printed as `hearth bench --json` prints its own rows.

Usage: peer_llama_cpp.py MODEL --threads N --prompts 512 --depths 0 --decode 64 --settings '{"pp512": "fa on"}'

A test without a setting is measured with flash attention on and off; its row has the faster and says which it was.
"""
import argparse
import ctypes
import json
import time

import llama_cpp as lc


SETTINGS = {"fa off": lc.LLAMA_FLASH_ATTN_TYPE_DISABLED, "fa on": lc.LLAMA_FLASH_ATTN_TYPE_ENABLED}


class Model:
    def __init__(self, path):
        self.silence = lc.llama_log_callback(lambda level, text, data: None)
        lc.llama_log_set(self.silence, ctypes.c_void_p(0))
        params = lc.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = lc.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            raise SystemExit(f"llama.cpp refuses {path}")


class Peer:
    def __init__(self, model, threads, n_ctx, setting):
        context = lc.llama_context_default_params()
        context.n_ctx, context.n_batch, context.n_ubatch = n_ctx, n_ctx, 512
        context.n_threads = context.n_threads_batch = threads
        context.flash_attn_type = SETTINGS[setting]
        self.context = lc.llama_init_from_model(model.model, context)
        if not self.context:
            raise SystemExit(f"llama.cpp makes no context with {setting}")
        self.memory = lc.llama_get_memory(self.context)
        self.n_vocab = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(model.model))
        self.length, self.state = 0, 1

    def go_to(self, depth):
        if self.length > depth:
            lc.llama_memory_seq_rm(self.memory, 0, depth, -1)
            self.length = depth
        if self.length < depth:
            self.append(depth - self.length)

    def append(self, n):
        tokens = []
        for _ in range(n):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            tokens.append((self.state >> 33) % self.n_vocab)
        array = (lc.llama_token * n)(*tokens)  # the batch only points at it
        if lc.llama_decode(self.context, lc.llama_batch_get_one(array, n)) != 0:
            raise SystemExit("llama.cpp fails to decode")
        lc.llama_synchronize(self.context)
        self.length += n


    def prompt(self, n):
        """Tokens per second of a prompt of n."""
        self.go_to(0)
        begun = time.perf_counter()
        self.append(n)
        return n / (time.perf_counter() - begun)

    def decode(self, n, depth):
        self.go_to(depth)
        begun = time.perf_counter()
        for _ in range(n):
            self.append(1)
        return n / (time.perf_counter() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompts", type=lambda s: [int(n) for n in s.split(",")], default=[512])
    parser.add_argument("--depths", type=lambda s: [int(n) for n in s.split(",")], default=[0])
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--settings", type=json.loads, default={})
    args = parser.parse_args()
    model = Model(args.model)
    n_ctx = max([*args.prompts, max(args.depths) + args.decode]) + 64
    peers = {}

    def peer(setting):
        if setting not in peers:
            peers[setting] = Peer(model, args.threads, n_ctx, setting)
            peers[setting].append(8)
        return peers[setting]

    tests = [(f"pp{n}", lambda peer, n=n: peer.prompt(n)) for n in args.prompts]
    for depth in args.depths:
        tests.append((f"tg{args.decode}" + (f"@{depth}" if depth else ""), lambda peer, d=depth: peer.decode(args.decode, d)))
    rows = []
    for test, measure in tests:
        tried = [args.settings[test]] if test in args.settings else SETTINGS
        tok_s, setting = max((measure(peer(setting)), setting) for setting in tried)
        rows.append({"test": test, "threads": args.threads, "tok_s": tok_s, "setting": setting})
    print(json.dumps({"engine": f"llama.cpp (llama-cpp-python {lc.__version__})", "results": rows}))


if __name__ == "__main__":
    main()
