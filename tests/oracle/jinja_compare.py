"""Compares the interpreter with Python's jinja2: every template of jinja_templates.py, or --write them with Python's
answers to tests/data/jinja_cases.json, which tests/text reads.

  python3 tests/oracle/jinja_compare.py --program build/tests/jinja_oracle
"""
import argparse
import json
import pathlib
import subprocess
import sys

import jinja_cases
import jinja_templates

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "jinja_cases.json"


def differs(ours, python):
    """Texts must be equal; where Python raises we must refuse, with its words unless it is a mistake in syntax."""
    if "output" in python:
        return ours.get("output") != python["output"]
    if "error" not in ours:
        return True
    name, _, message = python["error"].partition(": ")
    return name != "TemplateSyntaxError" and message not in ours["error"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    env = jinja_cases.environment()
    cases = [{"template": template, "vars": jinja_templates.VARS} for template in jinja_templates.cases()]
    answers = [jinja_cases.render(env, case) for case in cases]
    if options.write:
        kept = [{"template": case["template"], **answer} for case, answer in zip(cases, answers)]
        DATA.write_text(json.dumps({"vars": jinja_templates.VARS, "cases": kept}, indent=1, ensure_ascii=True) + "\n")
    if not options.program:
        return 0
    run = subprocess.run([options.program], input=json.dumps(cases), capture_output=True, text=True, check=True)
    n = 0
    for case, ours, python in zip(cases, json.loads(run.stdout), answers):
        if differs(ours, python):
            n += 1
            print(case["template"], "\n  python", python, "\n  ours  ", ours)
    print(f"{len(cases)} cases, {n} differ")
    return 1 if n else 0


if __name__ == "__main__":
    sys.exit(main())
