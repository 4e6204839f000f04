"""What the classes say of the methods, for the page Methods and for docs/methods.md.

python -m core.docgen.method_docs            writes docs/methods.md anew
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from core.display.wording import FAMILY_NAMES, markdown_table, reference
from core.method_base.method import Method, allowed, field_extra
from core.methods import METHODS
from core.settings import REPOSITORY

DOCS_FILE = REPOSITORY / "docs" / "methods.md"
HEAD = """# Methods

Written by `python -m core.docgen.method_docs` from the classes in `core/methods/`; edit those.
"""


@dataclass(frozen=True)
class ParameterLine:
    """A parameter as the tables show it."""

    name: str
    default: str
    allowed: str
    unit: str
    description: str


def parameter_lines(method: type[Method]) -> list[ParameterLine]:
    """The parameters of a method, in their order."""
    return [_line(name, field) for name, field in method.model_fields.items()]


def undefined_lines(method: type[Method]) -> list[tuple[str, str]]:
    """(network family, why the method has no meaning there)."""
    return [(FAMILY_NAMES[family], reason) for family, reason in method.undefined.items()]


def methods_markdown(methods: Iterable[type[Method]]) -> str:
    """The whole of docs/methods.md."""
    return "\n".join([HEAD, *map(_section, methods)])


def _line(name: str, field: FieldInfo) -> ParameterLine:
    extra = field_extra(field)
    unit = extra.get("unit") or ""
    conditions = [f"{other} is {' or '.join(map(str, values))}" for other, values in (extra.get("when") or {}).items()]
    description = (field.description or "") + (f" Only where {' and '.join(conditions)}." if conditions else "")
    takes = allowed(field).removesuffix(f" {unit}") if unit else allowed(field)
    return ParameterLine(name, _default(field.default), takes, unit, description)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(map(reference, value)) or "none"
    return "none" if value in (None, "", {}) else str(value)


def _section(method: type[Method]) -> str:
    undefined = [f"- Not defined for {family} networks: {reason}" for family, reason in undefined_lines(method)]
    return "\n".join(
        [
            f"## {method.title} (`{method.name}`)",
            "",
            method.summary,
            "",
            f"- Source: {method.source}",
            f"- Family: {method.family}; version {method.version}",
            *(undefined or ["- Defined for every family of networks"]),
            "",
            *markdown_table(("parameter", "default", "allowed", "unit", "what it does"), _parameter_rows(method)),
            *markdown_table(
                ("item", "kind", "what is seen"), [(f"`{o.name}`", o.kind, o.caption) for o in method.outputs]
            ),
        ]
    )


def _parameter_rows(method: type[Method]) -> list[tuple[str, ...]]:
    return [
        (f"`{line.name}`", line.default, line.allowed, line.unit, line.description) for line in parameter_lines(method)
    ]


def _output_rows(method: type[Method]) -> list[tuple[str, ...]]:
    return [(f"`{output.name}`", output.kind, output.caption) for output in method.outputs]


if __name__ == "__main__":
    DOCS_FILE.write_text(methods_markdown(METHODS.values()), encoding="utf-8")
    sys.stderr.write(f"wrote {DOCS_FILE}\n")
