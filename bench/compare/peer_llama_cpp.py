#!/usr/bin/env python3
"""One measurement of llama.cpp through PyPI's llama-cpp-python, printed as `hearth bench --json` prints its own rows.

Usage: peer_llama_cpp.py MODEL --threads N --prompts 512 --depths 0 --decode 64
"""
import argparse
import ctypes
import json
import time

import llama_cpp as lc


class Peer:
    def __init__(self, path, threads, n_ctx):
        self.silence = lc.llama_log_callback(lambda level, text, data: None)
        lc.llama_log_set(self.silence, ctypes.c_void_p(0))
        params = lc.llama_model_default_params()
        params.n_gpu_layers = 0
        begun = time.perf_counter()
        self.model = lc.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            raise SystemExit(f"llama.cpp refuses {path}")
        context = lc.llama_context_default_params()
        context.n_ctx, context.n_batch, context.n_ubatch = n_ctx, n_ctx, 512
        context.n_threads = context.n_threads_batch = threads
        self.context = lc.llama_init_from_model(self.model, context)
        if not self.context:
            raise SystemExit(f"llama.cpp makes no context for {path}")
        self.load_s = time.perf_counter() - begun
        self.memory = lc.llama_get_memory(self.context)
        self.n_vocab = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(self.model))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompts", type=lambda s: [int(n) for n in s.split(",")], default=[512])
    parser.add_argument("--depths", type=lambda s: [int(n) for n in s.split(",")], default=[0])
    parser.add_argument("--decode", type=int, default=64)
    args = parser.parse_args()
    peer = Peer(args.model, args.threads, max([*args.prompts, max(args.depths) + args.decode]) + 64)
    peer.append(8)
    rows = []
    for n in args.prompts:
        peer.go_to(0)
        begun = time.perf_counter()
        peer.append(n)
        rows.append({"test": f"pp{n}", "threads": args.threads, "tok_s": n / (time.perf_counter() - begun)})
    for depth in args.depths:
        peer.go_to(depth)
        begun = time.perf_counter()
        for _ in range(args.decode):
            peer.append(1)
        rows.append({"test": f"tg{args.decode}" + (f"@{depth}" if depth else ""), "threads": args.threads,
                     "tok_s": args.decode / (time.perf_counter() - begun)})
    print(json.dumps({"engine": f"llama.cpp (llama-cpp-python {lc.__version__})", "results": rows, "load_s": peer.load_s}))


if __name__ == "__main__":
    main()
