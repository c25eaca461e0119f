#!/usr/bin/env python3
"""Counts the instructions of kernels, sampling and a decode step under callgrind and compares them with the expected ones.

    cmake --preset release -DHEARTH_BENCH=ON && cmake --build build --target instruction_counts
    bench/instruction_counts.py             compares; exit code 1 where a case takes 5 % more, 77 where it cannot tell
    bench/instruction_counts.py --update    expects from now on what was counted

A case that takes 5 % less is reported too: expect less from then on, so that the gain is kept. Counts are no times (they
see neither memory nor parallel execution), but they are the same on every machine, for one compiler.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "instruction_counts.json")
TOLERANCE = 0.05
SKIPPED = 77


def skip(reason):
    print(f"instruction counts skipped: {reason}")
    sys.exit(SKIPPED)


def copy_for_valgrind(program, path):
    """A copy in which one form of vmovq that valgrind does not know (between registers, opcode D6) is a vmovdqa (7F).

    That keeps 64 bits too many, so the copy computes nonsense; what it executes does not depend on the numbers.
    """
    def objdump(option):
        return subprocess.run(["objdump", option, program], capture_output=True, text=True, check=True).stdout

    address, offset = (int(n, 16) for n in re.search(r" \.text +\w+ +(\w+) +\w+ +(\w+)", objdump("-h")).groups())
    with open(program, "rb") as file:
        image = bytearray(file.read())
    for at, code in re.findall(r"^ *(\w+):\t((?:c5 \w\w|c4 \w\w \w\w) d6 \w\w) *\tvmovq +%xmm\d+,%xmm\d+$", objdump("-d"), re.MULTILINE):
        opcode = int(at, 16) - address + offset + len(code.split()) - 2
        assert image[opcode] == 0xD6
        image[opcode] = 0x7F
    with open(path, "wb") as file:
        file.write(image)
    shutil.copymode(program, path)


def counted(program):
    """The compiler's name, and case -> instructions."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "program")
        copy_for_valgrind(program, copy)
        out = os.path.join(folder, "counts")
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=hearth_counted",
                               "--dump-after=hearth_counted", copy], capture_output=True, text=True)
        if done.returncode == SKIPPED:
            skip(done.stderr.strip().splitlines()[-1])
        if done.returncode != 0:
            sys.exit(f"{program} under valgrind failed:\n{done.stderr}")
        compiler, *names = done.stdout.splitlines()
        dumps = sorted(glob.glob(out + ".*"), key=lambda path: int(path.rsplit(".", 1)[1]))
        totals = []
        for path in dumps:
            with open(path) as dump:
                totals.append(int(re.search(r"^(?:summary|totals): (\d+)", dump.read(), re.MULTILINE).group(1)))
    if len(totals) < len(names):
        sys.exit(f"callgrind wrote {len(totals)} counts for {len(names)} cases")
    return compiler, dict(zip(names, totals))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(os.path.dirname(HERE), "build", "bench", "instruction_counts"))
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        skip("valgrind is not installed (Debian: valgrind)")
    if not os.access(args.program, os.X_OK):
        sys.exit(f"{args.program} is not built; see --help")
    with open(EXPECTED) as file:
        expected = json.load(file)
    compiler = subprocess.run([args.program], capture_output=True, text=True).stdout.splitlines()[0]
    if compiler != expected["compiler"] and not args.update:
        skip(f"built by {compiler}; counts are expected for {expected['compiler']}")
    compiler, counts = counted(args.program)
    if args.update:
        with open(EXPECTED, "w") as file:
            json.dump({"compiler": compiler, "instructions": counts}, file, indent=1)
            file.write("\n")
    before = expected["instructions"]
    more, less = [], []
    print(f"{'case':32} {'expected':>12} {'counted':>12}")
    for name in {**before, **counts}:
        old, new = before.get(name), counts.get(name)
        change = new / old - 1 if old and new else None
        mark = "new" if not old else "gone" if not new else f"{100 * change:+.1f} %"
        print(f"{name:32} {old or '-':>12} {new or '-':>12}  {mark}")
        if change is None or change > TOLERANCE:
            more.append(name)
        elif change < -TOLERANCE:
            less.append(name)
    update = "if that is on purpose: bench/instruction_counts.py --update"
    if args.update:
        print(f"written to {EXPECTED}")
        return
    if less:
        print(f"fewer instructions than expected: {', '.join(less)}; {update}")
    if more:
        sys.exit(f"more than {100 * TOLERANCE:.0f} % more instructions than expected, or unknown: {', '.join(more)}; {update}")


if __name__ == "__main__":
    main()
