#!/usr/bin/env python3
"""Random texts through our tokenizers and through the originals (PyPI: tokenizers, sentencepiece, tiktoken): same ids, same text.

    python3 -m venv .venv && .venv/bin/pip install tokenizers sentencepiece tiktoken regex
    cmake --build build --target tokenizer_oracle
    .venv/bin/python tests/oracle/tokenizer_fuzz.py --count 100000

From --count 10000 on, every tokenizer also sees every assigned Unicode character once. README.md says what was measured.
Without the packages or the data it says so and exits with 77. A mismatch is printed and makes the exit status 1.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

try:
    import regex  # noqa: F401 (the modules below need them)
    import sentencepiece  # noqa: F401
    import tiktoken  # noqa: F401
    import tokenizers  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; python3 -m venv .venv && .venv/bin/pip install tokenizers sentencepiece tiktoken regex, and configure anew")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import fuzz_cases  # noqa: E402
import fuzz_cases_hf  # noqa: E402
import fuzz_texts  # noqa: E402

HF, OTHER = fuzz_cases_hf, fuzz_cases
SOURCES = [(HF.real_hf_cases, "tokenizers"), (HF.split_cases, "tokenizers"), (HF.trained_hf_cases, "tokenizers"),
           (OTHER.vocab_and_merges_cases, "tokenizers"), (OTHER.sentencepiece_cases, "sentencepiece"), (OTHER.tiktoken_cases, "tiktoken"),
           (OTHER.gguf_cases, "gguf")]


def ours(program, arguments, texts, decode):
    """The program's answers; a text may be bytes, which goes there and back as hexadecimal digits."""
    lines = "\n".join(json.dumps({"hex": text.hex()} if isinstance(text, bytes) else text) for text in texts) + "\n"
    command = [program, *arguments] + (["decode"] if decode else [])
    done = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return None
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/tests/tokenizer_oracle"))
    parser.add_argument("--data", default=os.environ.get("HEARTH_DATA", os.path.join(ROOT, "../shared/data")))
    parser.add_argument("--count", type=int, default=500, help="texts for each tokenizer file, and a tenth for those made here (CI: 500; the full run: 100000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--show", type=int, default=3, help="mismatches to print for each case")
    options = parser.parse_args()
    if not os.path.isdir(options.data) or not os.path.exists(options.program):
        print(f"skipped: {options.data} or {options.program} is absent")
        sys.exit(77)
    texts = fuzz_texts.Texts(options.data, ROOT, options.seed)
    strings = texts.strings(options.count)
    each = fuzz_texts.one_of_each() if options.count >= 10000 else []
    totals = {}
    with tempfile.TemporaryDirectory() as folder:
        for source, library in SOURCES:
            for case in source(options.data, folder):
                if options.only not in case.name:
                    continue
                case.made = case.made or case.arguments[1].startswith(folder)
                n = options.count // 10 + 100 if case.made else options.count
                n_own = n // 4 if case.tokens else 0
                chosen = strings[:n - n_own] + texts.strings_of(case.tokens, n_own) + each
                counts = run(case, chosen, options)
                if case.lossless or case.encode_bytes:
                    counts = [a + b for a, b in zip(counts, run_bytes(case, texts, n // 10, options))]
                totals[library] = [a + b for a, b in zip(counts, totals.get(library, [0, 0]))]
    for library, (wrong, compared) in totals.items():
        print(f"{library}: {compared} texts compared, {wrong} mismatches")
    n_wrong, n_compared = (sum(counts[i] for counts in totals.values()) for i in (0, 1))
    print(f"{n_compared} texts compared, {n_wrong} mismatches")
    sys.exit(1 if n_wrong else 0)


def run_bytes(case, texts, count, options):
    """Bytes that are no UTF-8: the ids of the original where it takes such, and there and back where nothing may be lost."""
    wrong = compared = 0
    if case.encode_bytes:
        inputs = [case.bytes_text(texts) for _ in range(count)]
        answers = ours(options.program, case.arguments, inputs, False) or [None] * count
        for data, ids in zip(inputs, answers):
            expected = case.encode_bytes(data)
            if list(expected) != ids:
                wrong += 1
                if wrong <= options.show:
                    print(f"  {case.name}: {data!r}\n    theirs {list(expected)}\n    ours   {ids}")
        compared += count
    if case.lossless:
        inputs = [texts.broken_bytes() for _ in range(count)]
        answers = ours(options.program, case.arguments, inputs, True) or [{"hex": "", "ids": None}] * count
        for data, answer in zip(inputs, answers):
            if bytes.fromhex(answer["hex"]) != data.translate(None, case.lost_bytes) and "\u2581".encode() not in data:
                wrong += 1
                if wrong <= options.show:
                    print(f"  {case.name}: {data!r}\n    came back as {bytes.fromhex(answer['hex'])!r}\n    ids {answer['ids']}")
        compared += count
    print(f"{case.name}: {compared} byte strings, {wrong} mismatches", flush=True)
    return wrong, compared


def run(case, texts, options):
    usable = [text for text in texts if case.usable(text)]
    answers = ours(options.program, case.arguments, usable, case.decode is not None)
    if answers is None or len(answers) != len(usable):
        print(f"{case.name}: our program failed")
        return 1, 0
    wrong = failed = 0
    for text, answer in zip(usable, answers):
        ids = answer["ids"] if case.decode else answer
        try:
            expected = case.encode(text)
        except BaseException as error:  # a panic of the Rust library is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            failed += 1
            continue
        shown = answer["text"] if case.decode else None
        original = case.decode(expected) if case.decode else None
        if list(expected) != ids or (shown != original and not any(token in text for token in case.hides)):
            wrong += 1
            if wrong <= options.show:
                print(f"  {case.name}: {text!r}\n    theirs {list(expected)} {original!r}\n    ours   {ids} {shown!r}")
    note = f" (and {failed} that the original cannot do)" if failed else ""
    print(f"{case.name}: {len(usable) - failed} texts, {wrong} mismatches{note}", flush=True)
    return wrong, len(usable) - failed


if __name__ == "__main__":
    main()
