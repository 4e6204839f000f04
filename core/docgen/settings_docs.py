"""All settings as docs/reference/settings.md.

python -m core.docgen.settings_docs            writes the page
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from core.display.wording import markdown_table
from core.docgen.page import REFERENCE, write_page
from core.settings import REPOSITORY, Settings

DOCS_FILE = REFERENCE / "settings.md"
UNITS = {"s": "s", "mb": "MiB", "gb": "GB"}
"""Suffix of a setting's name -> unit."""
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
HEAD = """# Settings

Generated from `core/settings.py` by `make docs`. Each setting is an environment variable, which every process
reads once, at its start.
"""


def settings_markdown() -> str:
    """The whole page: one table row per setting, in the order of the class."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join([HEAD, *markdown_table(("variable", "default", "allowed", "unit", "description"), rows)])


def _row(name: str, field: FieldInfo) -> tuple[str, ...]:
    unit = UNITS.get(name.rpartition("_")[2], "")
    return (f"`GAZEGRID_{name.upper()}`", _default(field.default), _allowed(field), unit, field.description or "")


def _allowed(field: FieldInfo) -> str:
    """The allowed values: `auto, cpu, cuda, mps`, `1 to 64`, `at least 0.05`; empty for any text."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    if field.annotation is bool:
        return "true, false"
    bounds = {name: getattr(limit, name) for limit in field.metadata for name in BOUNDS if hasattr(limit, name)}
    if bounds.keys() == {"ge", "le"}:
        return f"{bounds['ge']:g} to {bounds['le']:g}"
    return " and ".join(f"{BOUNDS[name]} {value:g}" for name, value in bounds.items())


def _default(value: object) -> str:
    """The default as it would be typed; paths relative to the repository; empty where the description has it."""
    if value is None:
        return ""
    if isinstance(value, Path):
        return f"`{value.relative_to(REPOSITORY)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    write_page(DOCS_FILE, settings_markdown())
