"""What every command of the command line prints with."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from core.errors import BadInput
from core.settings import get_settings
from core.store.store import Store, open_store

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def print_json(document: Any) -> None:
    """One JSON document on standard output; ValueError on NaN and infinities."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(line: str) -> None:
    """One line on standard output."""
    sys.stdout.write(line + "\n")


def this_store() -> Store:
    """The store of this process' settings."""
    return open_store(get_settings())


def parameter_from(text: str) -> tuple[str, Any]:
    """`steps=100` or `wanted={"tabby": 1}` as name and value; JSON where it is JSON, text where it is not."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"--set takes name=value, got {text[:80]!r}")
    if value.startswith(("{", "[")):
        try:
            return name, json.loads(value)
        except ValueError:
            raise BadInput(f"{name}: this is no JSON: {value[:80]!r}") from None
    return name, value
