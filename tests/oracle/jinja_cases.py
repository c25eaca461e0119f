"""Renders cases with Python's jinja2, set up as transformers sets it up: what our interpreter is compared with.

Reads a JSON list of {"template": ..., "vars": {...}} on standard input and prints one of {"output": ...} or
{"error": ...}. Needs jinja2.
"""
import json
import sys
from datetime import datetime

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime(2024, 7, 26, 12, 0, 0)


class Generation(Extension):
    """{% generation %} marks text for training; the text itself stays as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

    def _keep(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: NOW.strftime(form)
    return env


def render(env, case):
    try:
        return {"output": env.from_string(case["template"]).render(**case.get("vars", {}))}
    except Exception as error:  # whatever Python raises is the answer
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    env = environment()
    json.dump([render(env, case) for case in json.load(sys.stdin)], sys.stdout, ensure_ascii=False)
