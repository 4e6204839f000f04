"""Write docs/methods.md anew from the methods' own declarations.

python docs/make_methods.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from core.method import Method, allowed, field_extra
from core.methods import METHODS

PAGE = Path(__file__).with_name("methods.md")


def page() -> str:
    """The whole page, Markdown."""
    lines = ["# Methods", "", "Made by `make docs` from the classes in `core/methods/`; do not edit."]
    for name in sorted(METHODS):
        lines += ["", *_method(METHODS[name])]
    return "\n".join(lines) + "\n"


def _method(method: type[Method]) -> Iterator[str]:
    yield f"## {method.title}"
    yield ""
    yield f"`{method.name}`, {method.family}, version {method.version}. {method.summary}"
    yield ""
    yield f"Source: {method.source}"
    yield from ("", "| gives | kind | what is seen |", "|---|---|---|")
    yield from (f"| `{output.name}` | {output.kind} | {_cell(output.caption)} |" for output in method.outputs)
    yield from ("", "| parameter | default | allowed | what it does |", "|---|---|---|---|")
    yield from (_parameter(name, field) for name, field in method.model_fields.items())
    for family, reason in method.undefined.items():
        yield from ("", f"Not defined for {family}: {reason}")


def _parameter(name: str, field: FieldInfo) -> str:
    default = json.dumps(field.default, default=str)
    what = f"{field.description}{_when(field)}"
    return f"| `{name}` | {_cell(default)} | {_cell(allowed(field))} | {_cell(what)} |"


def _when(field: FieldInfo) -> str:
    conditions = (f"`{name}` is {' or '.join(map(str, values))}" for name, values in field_extra(field)["when"].items())
    joined = " and ".join(conditions)
    return f" Matters when {joined}." if joined else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
