#!/usr/bin/env python3
"""What `hearth plan` predicts beside what is then measured: peak memory and tokens per second, models of three sizes.

Machines are noisy: the probe is taken anew right before each measurement, in rounds, and medians are compared.

    bench/plan_accuracy.py [--hearth build/hearth] [--rounds 3] [--threads 2] [SHAPE:TYPE ...]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

SHAPES = ["smollm2-360m:Q4_0", "qwen2.5-0.5b:Q8_0", "llama-3.2-1b:Q4_K_M"]


def run(words, environment=None):
    """Standard output of a command."""
    return subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout


def peak_bytes(words):
    """The most memory a command held."""
    child = os.fork()
    if child == 0:
        nowhere = os.open("/dev/null", os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.execv(words[0], words)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"failed: {words}")
    return usage.ru_maxrss * 1024


def measure(hearth, shape, rounds, threads, folder):
    """Prints one row of the table."""
    model = os.path.join(folder, "model.gguf")
    run([hearth, "synth", shape, model])
    n_ctx = 512
    tokens = os.path.join(folder, "tokens.json")
    with open(tokens, "w", encoding="ascii") as out:
        json.dump([i * 7 % 30000 for i in range(n_ctx)], out)
    predicted_speed, measured_speed, plan = [], [], {}
    for i in range(rounds):
        environment = dict(os.environ, HEARTH_CACHE=os.path.join(folder, f"cache{i}"), HEARTH_THREADS=str(threads))
        plan = json.loads(run([hearth, "plan", model, "--ctx", str(n_ctx), "--json"], environment))
        predicted_speed.append(plan["speed"]["tok_s"])
        bench = json.loads(run([hearth, "bench", model, "--prompts", "8", "--decode", "16", "--rounds", "2",
                                "--threads", str(threads), "--json"]))
        measured_speed += [row["tok_s"] for row in bench["results"] if row["test"].startswith("tg")]
    peak = peak_bytes([hearth, "logits", model, "--tokens", tokens, "--out", os.path.join(folder, "out"), "--ctx",
                       str(n_ctx), "--threads", str(threads), "--cache", "off"])
    memory = plan["memory"]["predicted_bytes"]
    speed, really = statistics.median(predicted_speed), statistics.median(measured_speed)
    print(f"| {shape} | {memory / 1e6:.0f} | {peak / 1e6:.0f} | {100 * (memory / peak - 1):+.1f} % "
          f"| {speed:.1f} | {really:.1f} | {100 * (speed / really - 1):+.0f} % |", flush=True)


def main():
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hearth", default="build/hearth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    arguments = parser.parse_args()
    print("| model | predicted MB | peak MB | off by | predicted tok/s | measured tok/s | off by |")
    print("|---|---|---|---|---|---|---|")
    for shape in arguments.shapes:
        with tempfile.TemporaryDirectory() as folder:
            measure(os.path.abspath(arguments.hearth), shape, arguments.rounds, arguments.threads, folder)


if __name__ == "__main__":
    main()
