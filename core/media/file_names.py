"""Names of files: lists of them, and names and messages of child processes made safe to print in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import BadInput

MAX_SHOWN = 60
"""Characters of a file name in a message."""
START, END = 40, 17
"""Characters kept of a longer name."""
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|\Z)')
"""A part of a list and the comma behind it."""
_QUOTED = re.compile(r'[,"\s]')
"""What a part of a list must be quoted for."""


def display_name(file_name: str, default: str) -> str:
    """`file_name` without folders, printable, at most 60 characters; `default` if nothing is left."""
    name = printable(file_name.replace("\\", "/").rpartition("/")[2]) or default
    return name if len(name) <= MAX_SHOWN else f"{name[:START]}...{name[-END:]}"


def printable(text: str) -> str:
    """`text` with `?` in place of characters that cannot be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def comma_separated(text: str) -> list[str]:
    """The parts of a list such as `a, b`, without empty parts; a part in double quotes may have commas.

    In a quoted part, a quote is written twice. Raises BadInput for a line break outside of quotes.
    """
    parts, start = [], 0
    while start <= len(text) and (match := _PART.match(text, start)):
        quoted, plain = match.groups()
        if quoted is None and len(plain.splitlines()) > 1:
            raise BadInput(f"a list must be on one line, got {text[:80]!r}")
        parts.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
        start = match.end() if match[0].endswith(",") else len(text) + 1
    return list(filter(None, parts))


def comma_joined(parts: Iterable[str]) -> str:
    """The list from which `comma_separated` gives these parts."""
    return ",".join('"' + part.replace('"', '""') + '"' if _QUOTED.search(part) else part for part in parts)


def listed_files(text: str, is_known: Callable[[str], bool] | None = None) -> list[str]:
    """The parts of a list of paths and other names; `text` as a whole where it is the path of a file or folder.

    `is_known`: whether a text is a name of another kind, which the whole may be, too. Raises BadInput.
    """
    if _exists(text) or (is_known and "," in text and is_known(text)):
        return [text]
    return comma_separated(text)


@contextmanager
def hinting_at_commas(text: object) -> Iterator[None]:
    """Context manager that adds to an error about a name in the list `text` how one with a comma is given."""
    try:
        yield
    except BadInput as error:
        if not isinstance(text, str) or "," not in text or not str(error).startswith("there is no "):
            raise
        raise type(error)(f"{error}; a name with a comma must be in double quotes") from None


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, or no such user
        return False
