"""All methods with parameters and outputs, for the page Methods and as docs/reference/methods.md.

python -m core.docgen.method_docs            writes the page
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from core.display.wording import FAMILY_NAMES, markdown_table, reference
from core.docgen.page import REFERENCE, write_page
from core.method_base.method import Method, field_extra
from core.method_base.parameters import allowed
from core.methods import METHODS

DOCS_FILE = REFERENCE / "methods.md"
HEAD = """# Methods

Generated from the classes in `core/methods/` by `make docs`.
"""


@dataclass(frozen=True)
class ParameterLine:
    """A row of a table of parameters."""

    name: str
    default: str
    allowed: str
    unit: str
    description: str


def parameter_lines(method: type[Method]) -> list[ParameterLine]:
    """The parameters of a method, in the order of the class."""
    return [_line(name, field) for name, field in method.model_fields.items()]


def undefined_lines(method: type[Method]) -> list[tuple[str, str]]:
    """(network family, reason) where the method is undefined."""
    return [(FAMILY_NAMES[family], reason) for family, reason in method.undefined.items()]


def methods_markdown(methods: Iterable[type[Method]]) -> str:
    """The whole page: one section per method."""
    return "\n".join([HEAD, *map(_section, methods)])


def _line(name: str, field: FieldInfo) -> ParameterLine:
    extra = field_extra(field)
    unit = extra.get("unit") or ""
    conditions = [
        f"{other} is {' or '.join(map(str, choices))}" for other, choices in (extra.get("when") or {}).items()
    ]
    description = (field.description or "") + (f" Used if {' and '.join(conditions)}." if conditions else "")
    values = allowed(field).removesuffix(f" {unit}") if unit else allowed(field)
    return ParameterLine(name, _default(field.default), values, unit, description)


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
            f"- [Source](../references.md): {method.source}",
            f"- Family: {method.family}; version {method.version}",
            *(undefined or ["- Defined for all network families"]),
            "",
            *markdown_table(("parameter", "default", "allowed", "unit", "description"), _parameter_rows(method)),
            *markdown_table(("item", "kind", "description"), _output_rows(method)),
        ]
    )


def _parameter_rows(method: type[Method]) -> list[tuple[str, ...]]:
    return [
        (f"`{line.name}`", line.default, line.allowed, line.unit, line.description) for line in parameter_lines(method)
    ]


def _output_rows(method: type[Method]) -> list[tuple[str, ...]]:
    return [(f"`{output.name}`", output.kind, output.caption) for output in method.outputs]


if __name__ == "__main__":
    write_page(DOCS_FILE, methods_markdown(METHODS.values()))
