#!/usr/bin/env python3
"""The same model files through Hearth and through other engines, paired and interleaved in one run: ratios with spread.

    python3 -m venv .venv && .venv/bin/pip install llama-cpp-python
    build/hearth synth llama-3.2-1b:Q4_K_M 1b.gguf
    .venv/bin/python bench/compare/compare.py 1b.gguf --threads 1,2 --depths 0,4096 --markdown table.md --json rows.json

Any llama-bench program that you built, such as those of llama.cpp and ik_llama.cpp, is one more peer, several times if you like:

    bench/compare/compare.py 1b.gguf --llama-bench ik=../ik_llama.cpp/build/bin/llama-bench,-fa 1,-rtr 1

Every round lets each engine measure once per thread count, in alternating order, so that what the machine does to one it
does to the others. llama-cpp-python is tried with flash attention on and off in the first round, and each test keeps the better.
`--busy N` keeps N other processes busy all the while, as on a machine that is not ours alone.
The ratio of a round is ours over that of the peer which is fastest in that cell by its median; the table shows the median
ratio with the lowest and highest round.
"""
import argparse
import importlib.util
import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def measured(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


class Hearth:
    name = "hearth"

    def __init__(self, args):
        self.args = args

    def rows(self, model, threads):
        a = self.args
        return measured([a.hearth, "bench", model, "--json", "--rounds", "1", "--threads", threads, "--prompts", a.prompts,
                         "--depths", a.depths, "--decode", str(a.decode), *shlex.split(a.hearth_args)])["results"]


class LlamaCppPython:
    name = "llama.cpp"

    def __init__(self, args):
        self.args = args
        self.best = {}  # (model, threads) -> test -> setting

    def rows(self, model, threads):
        a = self.args
        known = self.best.get((model, threads), {})
        rows = measured([sys.executable, os.path.join(HERE, "peer_llama_cpp.py"), model, "--threads", threads, "--prompts",
                         a.prompts, "--depths", a.depths, "--decode", str(a.decode), "--settings", json.dumps(known)])["results"]
        self.best[model, threads] = {row["test"]: row["setting"] for row in rows}
        return rows


class LlamaBench:
    def __init__(self, args, spec):
        self.args = args
        self.name, _, rest = spec.partition("=")
        self.path, *extra = rest.split(",")
        self.extra = [word for part in extra for word in shlex.split(part)]
        if not os.access(self.path, os.X_OK):
            sys.exit(f"--llama-bench {spec}: expected NAME=PATH[,arguments]; there is no program \"{self.path}\"")
        self.knows_depth = "--n-depth" in subprocess.run([self.path, "--help"], capture_output=True, text=True).stdout

    def rows(self, model, threads):
        a = self.args
        run = [self.path, "-m", model, "-t", threads, "-r", "1", "-o", "json", *self.extra]
        rows = [{"test": f"pp{result['n_prompt']}", "tok_s": result["avg_ts"]}
                for result in measured([*run, "-p", a.prompts, "-n", "0"])]
        for depth in a.depths.split(","):
            result = measured([*run, *self.decoding(depth)])[0]
            rows.append({"test": f"tg{a.decode}" + ("" if depth == "0" else f"@{depth}"), "tok_s": result["avg_ts"]})
        return [row | {"threads": int(threads)} for row in rows]

    def decoding(self, depth):
        """The arguments that measure decoding after `depth` positions; forks call it -d DEPTH or -gp DEPTH,TOKENS."""
        if depth == "0":
            return ["-p", "0", "-n", str(self.args.decode)]
        if self.knows_depth:
            return ["-p", "0", "-n", str(self.args.decode), "-d", depth]
        return ["-p", "0", "-n", "0", "-gp", f"{depth},{self.args.decode}"]


def share_of_limit(row):
    for reached, limit in (("gb_s", "limit_gb_s"), ("gop_s", "limit_gop_s")):
        if row.get(limit):
            return row[reached] / row[limit]
    return None


def measure_all(args, engines):
    """Cells in the order of measurement: model, test and threads, with the samples of each engine."""
    cells = {}
    for model in args.models:
        for i in range(args.rounds):
            for threads in args.threads.split(","):
                for engine in engines if i % 2 == 0 else engines[::-1]:
                    for row in engine.rows(model, threads):
                        cell = cells.setdefault((model, row["test"], row["threads"]), {"tok_s": {}, "settings": {}, "shares": []})
                        cell["tok_s"].setdefault(engine.name, []).append(row["tok_s"])
                        if "setting" in row:
                            cell["settings"][engine.name] = row["setting"]
                        share = share_of_limit(row)
                        if share is not None:
                            cell["shares"].append(share)
            print(f"{model}: round {i + 1} of {args.rounds}", file=sys.stderr)
    return cells


def summary(key, cell):
    model, test, threads = key
    medians = {name: statistics.median(speeds) for name, speeds in cell["tok_s"].items()}
    best = max((name for name in medians if name != "hearth"), key=medians.get, default=None)
    ratios = [ours / theirs for ours, theirs in zip(cell["tok_s"]["hearth"], cell["tok_s"].get(best, []))]
    return {"model": os.path.basename(model), "test": test, "threads": threads, "tok_s": cell["tok_s"], "medians": medians,
            "settings": cell["settings"], "best_peer": best, "ratios": ratios,
            "share_of_limit": statistics.median(cell["shares"]) if cell["shares"] else None}


def table_of(rows, peers):
    head = ["model", "test", "threads", "hearth tok/s", "of the limit", *(f"{peer} tok/s" for peer in peers),
            "ratio to the best peer (low..high)"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        share = row["share_of_limit"]
        cells = [row["model"], row["test"], str(row["threads"]), f"{row['medians']['hearth']:.1f}",
                 f"{100 * share:.0f} %" if share is not None else ""]
        for peer in peers:
            setting = row["settings"].get(peer)
            speed = f"{row['medians'][peer]:.1f}" if peer in row["medians"] else "-"
            cells.append(speed + (f" ({setting})" if setting else ""))
        named = f" {row['best_peer']}:" if len(peers) > 1 else ""
        ratios = row["ratios"]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})" if ratios else "no peer has it"
        cells.append(f"{named} {spread}".strip())
        lines.append(cells)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--hearth", default=os.path.join(ROOT, "build", "hearth"))
    parser.add_argument("--hearth-args", default="", metavar="ARGS", help="for hearth bench; write --hearth-args=--bf16-activations")
    parser.add_argument("--llama-bench", action="append", default=[], metavar="NAME=PATH[,ARGS]")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--prompts", default="512")
    parser.add_argument("--depths", default="0")
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, metavar="N")
    parser.add_argument("--markdown")
    parser.add_argument("--json")
    args = parser.parse_args()
    peers = [LlamaBench(args, spec) for spec in args.llama_bench]
    if importlib.util.find_spec("llama_cpp"):
        peers.insert(0, LlamaCppPython(args))
    elif not peers:
        sys.exit("there is no peer: install llama-cpp-python into this Python, or give --llama-bench; see --help")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(args.busy)]
    try:
        cells = measure_all(args, [Hearth(args), *peers])
    finally:
        for process in busy:
            process.kill()
    rows = [summary(key, cell) for key, cell in cells.items()]
    table = table_of(rows, [peer.name for peer in peers])
    print(table, end="")
    if args.markdown:
        with open(args.markdown, "w") as out:
            out.write(table)
    if args.json:
        with open(args.json, "w") as out:
            json.dump(rows, out, indent=1)


if __name__ == "__main__":
    main()
