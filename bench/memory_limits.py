#!/usr/bin/env python3
"""Whether a load under a memory limit is refused with a sentence or works, and is never killed.

A model is run in control groups with limits around what `hearth plan` predicts, by the command and by a program that
uses the C interface (examples/c/chat.c); then a chat changes between two models where there is room for one. The exit code is 1 when anything was killed, or failed otherwise than with a sentence.
Needs a memory controller (version 1 or 2) in which this user may make groups; without one it says so and limits the
address space instead, which shows less: an allocation fails there where a group kills.

    bench/memory_limits.py [--hearth build/hearth] [--c-chat build/tests/c_chat] [--layers 12] [--steps 6] [--ctx 1024]
"""
import argparse
import json
import os
import pty
import random
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = "/sys/fs/cgroup"


def read(path):
    """The text of a small file; empty when it cannot be read."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def write(path, text):
    """Writes a setting."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def gguf_text(text):
    """A text as GGUF writes it."""
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_value(value):
    """A metadata value with its type: int, float, str, or a list of one of them."""
    kinds = {int: (4, "<I"), float: (6, "<f")}
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_text(value)
    if isinstance(value, list):
        raw = [gguf_value(entry) for entry in value]
        return struct.pack("<I", 9) + raw[0][:4] + struct.pack("<Q", len(raw)) + b"".join(entry[4:] for entry in raw)
    kind, form = kinds[type(value)]
    return struct.pack("<I", kind) + struct.pack(form, value)


def write_model(path, n_layers, dim=1024, ffn=2816):
    """A llama of random half floats that reads and writes bytes."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    metadata = {"general.architecture": "llama", "llama.block_count": n_layers, "llama.context_length": 2048,
                "llama.embedding_length": dim, "llama.feed_forward_length": ffn, "llama.attention.head_count": 16,
                "llama.attention.head_count_kv": 4, "llama.attention.layer_norm_rms_epsilon": 1e-5,
                "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens,
                "tokenizer.ggml.scores": [0.0] * len(tokens),
                "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256, "tokenizer.ggml.bos_token_id": 1,
                "tokenizer.ggml.eos_token_id": 2}
    f32, f16 = 0, 1
    tensors = [("token_embd.weight", (dim, len(tokens)), f16), ("output_norm.weight", (dim,), f32)]
    for i in range(n_layers):
        matrices = {"attn_q": (dim, dim), "attn_k": (dim, dim // 4), "attn_v": (dim, dim // 4),
                    "attn_output": (dim, dim), "ffn_gate": (dim, ffn), "ffn_up": (dim, ffn), "ffn_down": (ffn, dim)}
        tensors += [(f"blk.{i}.{name}.weight", (dim,), f32) for name in ("attn_norm", "ffn_norm")]
        tensors += [(f"blk.{i}.{name}.weight", shape, f16) for name, shape in matrices.items()]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for name, value in metadata.items():
        header += gguf_text(name) + gguf_value(value)
    offset, sizes = 0, []
    for name, shape, kind in tensors:
        n_bytes = (4 if kind == f32 else 2) * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header += gguf_text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        header += struct.pack("<IQ", kind, offset)
        sizes.append((n_bytes, kind))
        offset += (n_bytes + 31) // 32 * 32
    chance = random.Random(5)
    halves = struct.pack("<65536e", *(chance.gauss(0, 0.02) for _ in range(65536)))
    with open(path, "wb") as file:
        file.write(header + bytes(-len(header) % 32))
        for n_bytes, kind in sizes:
            block = halves if kind == f16 else struct.pack("<f", 1.0) * (len(halves) // 4)
            file.write((block * (n_bytes // len(block) + 1))[:n_bytes] + bytes(-n_bytes % 32))


class Group:
    """A control group of its own with a limit."""

    def __init__(self, name, limit):
        own = {line.split(":")[1]: line.rstrip("\n").split(":", 2)[2] for line in open("/proc/self/cgroup", encoding="ascii")}
        self.first = "memory" in own
        parent = f"{ROOT}/memory{own['memory']}" if self.first else f"{ROOT}{own['']}"
        self.path = f"{parent.rstrip('/')}/{name}"
        os.mkdir(self.path)
        self.set_limit(limit)

    def set_limit(self, limit):
        """In bytes, swap included."""
        try:
            write(f"{self.path}/{'memory.limit_in_bytes' if self.first else 'memory.max'}", str(limit))
        except OSError:
            os.rmdir(self.path)
            raise
        swap = f"{self.path}/{'memory.memsw.limit_in_bytes' if self.first else 'memory.swap.max'}"
        if os.path.exists(swap):
            write(swap, str(limit) if self.first else "0")

    def enter(self):
        """Puts the calling process into it."""
        write(f"{self.path}/cgroup.procs", str(os.getpid()))

    def kills(self):
        """How often the system killed for memory in it."""
        text = read(f"{self.path}/{'memory.oom_control' if self.first else 'memory.events'}")
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))

    def remove(self):
        """After its last process."""
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class AddressSpace:
    """Where no groups can be made."""

    def __init__(self, _, limit):
        self.limit = limit

    def enter(self):
        """Limits the calling process."""
        resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.limit))

    def kills(self):
        """Nobody kills."""
        return 0

    def remove(self):
        """Nothing is left."""


def limiter():
    """Group, or AddressSpace with a word about it."""
    try:
        Group(f"hearth-try-{os.getpid()}", 1 << 30).remove()
        return Group
    except (OSError, KeyError) as why:
        print(f"no control groups can be made here ({why}): the address space is limited instead", flush=True)
        return AddressSpace


def one_run(words, limits, limit):
    """Runs a command within a limit: what came of it, and whether that is a fault."""
    group = limits(f"hearth-{os.getpid()}", limit)
    try:
        ran = subprocess.run(words, capture_output=True, text=True, preexec_fn=group.enter, check=False)
        if ran.returncode < 0 or group.kills():
            return f"KILLED ({ran.returncode}, {group.kills()} for memory)", True
    finally:
        group.remove()
    if ran.returncode == 0:
        return "answered", False
    said = ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else ""
    return f"refused: {said[:150]}", "are free" not in said and "memory" not in said


def chat(words, limits, limit, script):
    """Types lines into a chat within a limit, each after its predecessor's mark came; the same answer as one_run."""
    group = limits(f"hearth-{os.getpid()}", limit)
    child, terminal = pty.fork()
    if child == 0:
        group.enter()
        os.environ["NO_COLOR"] = "1"
        os.execv(words[0], words)
    seen, missed = "", ""
    for mark, line in script:
        end = time.monotonic() + 60
        while mark not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    seen += os.read(terminal, 65536).decode(errors="replace")
                except OSError:
                    break
        if mark not in seen:
            missed = f"\"{mark}\" did not come, but: {seen[-300:]!r}"
            os.kill(child, signal.SIGKILL)
            break
        seen = seen[seen.index(mark) + len(mark):]
        os.write(terminal, line.encode())
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    kills = group.kills()
    group.remove()
    if kills or os.WIFSIGNALED(status):
        return f"KILLED ({kills} for memory) {missed}", True
    return missed or "one left its place to the other, three times", bool(missed)


def main():
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hearth", default="build/hearth")
    parser.add_argument("--c-chat", default="build/tests/c_chat")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--ctx", type=int, default=1024)
    arguments = parser.parse_args()
    hearth = os.path.abspath(arguments.hearth)
    limits, fault = limiter(), False
    with tempfile.TemporaryDirectory() as folder:
        model, other = os.path.join(folder, "one.gguf"), os.path.join(folder, "two.gguf")
        write_model(model, arguments.layers)
        os.link(model, other)
        flags = ["--ctx", str(arguments.ctx), "--cache", "off", "--threads", "2", "--max-tokens", "8"]
        plan = subprocess.run([hearth, "plan", model, "--ctx", str(arguments.ctx), "--json"], check=True,
                              capture_output=True, text=True, env=dict(os.environ, HEARTH_CACHE="off"))
        need = json.loads(plan.stdout)["memory"]["predicted_bytes"]
        print(f"{need / 1e6:.0f} MB are predicted for {arguments.ctx} positions")
        for step in range(arguments.steps):
            share = 0.2 + 1.1 * step / max(arguments.steps - 1, 1)
            for words in [hearth, "run", model, "Once upon", *flags], [arguments.c_chat, model, "Once upon"]:
                if not os.path.exists(words[0]):
                    continue
                text, wrong = one_run(words, limits, int(need * share))
                print(f"  {need * share / 1e6:6.0f} MB ({share:.2f}), {os.path.basename(words[0])}: {text}", flush=True)
                fault |= wrong
        said = " tokens, "  # the line of figures after an answer
        script = [("> ", "Hi\r"), (said, f"/model {other}\r"), ("two.gguf answers", "Hi\r"),
                  (said, f"/model {model}\r"), ("one.gguf answers", "Hi\r"), (said, f"/model {other}\r"),
                  ("two.gguf answers", "Hi\r"), (said, "/exit\r")]
        text, wrong = chat([hearth, "chat", model, "--template", "plain", *flags], limits, int(need * 1.4), script)
        print(f"  {need * 1.4 / 1e6:6.0f} MB, a chat with two models: {text}")
        fault |= wrong
    sys.exit(1 if fault else 0)


if __name__ == "__main__":
    main()
