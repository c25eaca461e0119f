#!/usr/bin/env python3
"""Argues how fast kernels are on a processor that is not at hand: LLVM's model of it (llvm-mca) runs their inner loops.

    bench/scheduler_model.py build/hearth avxvnni avx2 --cpu alderlake --columns 1,4
    bench/scheduler_model.py build-arm64/tests/kernels_test neon_i8mm neon --cpu neoverse-n2

For each weight type: cycles per 1024 products (one multiplication and addition each) of the first kernel table and of the
second, and how much faster the first is. The model knows ports and latencies; it knows no caches, no memory and no branches,
and the loops around the inner one are not counted. Exit code 77 where a tool is missing.
"""
import argparse
import re
import shutil
import subprocess
import sys

SKIPPED = 77
# Instructions that multiply integers and add: how many products one makes. Others of a loop count as its overhead.
PRODUCTS = [
    (re.compile(r"\bvpdpbusds?\b.*%zmm"), 64),
    (re.compile(r"\b(vpdpbusds?|vpmaddubsw)\b.*%ymm"), 32),
    (re.compile(r"\b(smmla|ummla|usmmla)\b"), 32),
    (re.compile(r"\b(sdot|udot|usdot)\b"), 16),
]
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\s+(\S.*?)\s*(?:[#/]{1,2} .*)?$")
JUMP = re.compile(r"^(j\w+|b(?:\.\w+)?|cbn?z|tbn?z)\b.*\b0x([0-9a-f]+)\b")


def tool(name):
    found = shutil.which(f"{name}-19") or shutil.which(name)
    if not found:
        print(f"scheduler model skipped: {name} is not installed")
        sys.exit(SKIPPED)
    return found


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[0] if done.stderr else 'failed'}")
    return done.stdout


def kernels_of(program, table, columns):
    """Weight type -> (address, bytes) of the kernel with the most panels for that many columns."""
    name = re.compile(rf"^(\w+) (\w+) . void hearth::kernels::{table}::\(anonymous namespace\)::multiply\w*<"
                      rf"(.*?), (?:(\d+), )?{columns}>\(")
    found = {}
    for line in run(tool("llvm-nm"), "-C", "-S", program).splitlines():
        match = name.match(line)
        if not match:
            continue
        kind = re.sub(r"\w+::|\(anonymous namespace\)::", "", match[3])
        zipped = re.fullmatch(r"Zipped<(.*?) ?>", kind)  # a panel in the order that this table likes better
        kind, rank = (zipped[1] if zipped else kind), (bool(zipped), int(match[4] or 1))
        if rank >= found.get(kind, [(False, 0)])[0]:
            found[kind] = (rank, int(match[1], 16), int(match[2], 16))
    return {kind: place[1:] for kind, place in found.items()}


def products_in(lines):
    return sum(next((n for pattern, n in PRODUCTS if pattern.search(line)), 0) for line in lines)


def inner_loop(program, address, size):
    """The instructions of the innermost loop that makes the most products, with its jumps as labels; None without one."""
    listing = run(tool("llvm-objdump"), "-d", "--no-show-raw-insn", f"--start-address={address:#x}",
                  f"--stop-address={address + size:#x}", program)
    code = [(int(match[1], 16), re.sub(r"\s*<[^>]*>", "", match[2]))
            for match in map(INSTRUCTION.match, listing.splitlines()) if match]
    targets = [(at, int(jump[2], 16)) for at, words in code if (jump := JUMP.match(words))]
    loops = [(to, at) for at, to in targets if address <= to <= at]
    innermost = [loop for loop in loops if not any(other != loop and loop[0] <= other[0] and other[1] <= loop[1] for other in loops)]
    bodies = [[words for at, words in code if first <= at <= last] for first, last in innermost]
    best = max(bodies, key=products_in, default=[])
    return [re.sub(r"0x[0-9a-f]+$", ".Ltop", words) if JUMP.match(words) else words for words in best] if products_in(best) else None


def cycles_per_1024(program, place, cpu):
    loop = inner_loop(program, *place)
    if not loop:
        return None
    arch = "aarch64" if "aarch64" in run(tool("llvm-objdump"), "-f", program) else "x86_64"
    n_rounds = 200
    report = run(tool("llvm-mca"), f"-mtriple={arch}-linux-gnu", f"-mcpu={cpu}", f"-iterations={n_rounds}",
                 text=".Ltop:\n" + "\n".join(loop) + "\n")
    return int(re.search(r"Total Cycles:\s+(\d+)", report)[1]) / n_rounds / products_in(loop) * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="what holds the kernels, with its symbols")
    parser.add_argument("table", help="a kernel table, as its namespace is called")
    parser.add_argument("against", help="another one")
    parser.add_argument("--cpu", required=True, help="as llvm-mca knows it")
    parser.add_argument("--columns", default="4", help="numbers of columns, with commas between (default: 4)")
    arguments = parser.parse_args()
    n_rows = 0
    print(f"| type | columns | {arguments.table}: cycles per 1024 products | {arguments.against} | ratio |\n|---|---|---|---|---|")
    for columns in arguments.columns.split(","):
        ours, others = (kernels_of(arguments.program, table, columns) for table in (arguments.table, arguments.against))
        for kind in sorted(ours.keys() & others.keys()):
            a, b = (cycles_per_1024(arguments.program, of[kind], arguments.cpu) for of in (ours, others))
            if a and b:
                print(f"| {kind} | {columns} | {a:.1f} | {b:.1f} | {b / a:.2f} |")
                n_rows += 1
    if n_rows == 0:
        sys.exit("no kernel was found in both tables; are the symbols there, and the names right?")


if __name__ == "__main__":
    main()
