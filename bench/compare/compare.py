#!/usr/bin/env python3
"""The same model files through Hearth and through other engines, paired and interleaved in one run: ratios with spread.

    python3 -m venv .venv && .venv/bin/pip install llama-cpp-python
    build/hearth synth llama-3.2-1b:Q4_K_M 1b.gguf
    .venv/bin/python bench/compare/compare.py 1b.gguf --threads 1,2 --depths 0,4096 --markdown table.md --json rows.json

Every round starts each engine once per thread count, in alternating order, so that what the machine does to one it does to
the other; the ratio of a round is ours over the peer's, and the table shows the median with the lowest and highest round.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def measured(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--hearth", default=os.path.join(ROOT, "build", "hearth"))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--prompts", default="512")
    parser.add_argument("--depths", default="0")
    parser.add_argument("--decode", default="64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown")
    parser.add_argument("--json")
    args = parser.parse_args()
    tests = ["--prompts", args.prompts, "--depths", args.depths, "--decode", args.decode]
    engines = {
        "hearth": lambda model, n: [args.hearth, "bench", model, "--json", "--rounds", "1", "--threads", n, *tests],
        "llama.cpp": lambda model, n: [sys.executable, os.path.join(HERE, "peer_llama_cpp.py"), model, "--threads", n, *tests],
    }
    samples, limits = {}, {}  # (model, test, threads) -> engine -> [tok/s]; the limits of our rounds
    for model in args.models:
        for i in range(args.rounds):
            for threads in args.threads.split(","):
                for name in sorted(engines, reverse=i % 2 == 1):
                    for row in measured(engines[name](model, threads))["results"]:
                        key = (os.path.basename(model), row["test"], row["threads"])
                        samples.setdefault(key, {}).setdefault(name, []).append(row["tok_s"])
                        if row.get("limit_gb_s"):
                            limits.setdefault(key, []).append(row["gb_s"] / row["limit_gb_s"])
                        elif row.get("limit_gop_s"):
                            limits.setdefault(key, []).append(row["gop_s"] / row["limit_gop_s"])
            print(f"{model}: round {i + 1} of {args.rounds}", file=sys.stderr)
    lines = ["| model | test | threads | hearth tok/s | of the limit | llama.cpp tok/s | ratio (low..high) |",
             "|---|---|---|---|---|---|---|"]
    rows = []
    for (model, test, threads), by_engine in samples.items():
        ours, theirs = by_engine["hearth"], by_engine["llama.cpp"]
        ratios = [a / b for a, b in zip(ours, theirs)]
        share = statistics.median(limits.get((model, test, threads), [0]))
        rows.append({"model": model, "test": test, "threads": threads, "hearth": ours, "llama.cpp": theirs, "ratios": ratios,
                     "share_of_limit": share})
        lines.append(f"| {model} | {test} | {threads} | {statistics.median(ours):.1f} | {100 * share:.0f} % "
                     f"| {statistics.median(theirs):.1f} "
                     f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) |")
    table = "\n".join(lines) + "\n"
    print(table, end="")
    if args.markdown:
        with open(args.markdown, "w") as out:
            out.write(table)
    if args.json:
        with open(args.json, "w") as out:
            json.dump(rows, out, indent=1)


if __name__ == "__main__":
    main()
