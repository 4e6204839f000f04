"""Names of uploaded files and messages of child processes, made safe to print in one line."""

from __future__ import annotations

MAX_SHOWN = 60
"""Characters of a file name in a message."""
START, END = 40, 17
"""Characters kept of a longer name."""


def display_name(file_name: str, default: str) -> str:
    """`file_name` without folders, printable, at most 60 characters; `default` if nothing is left."""
    name = printable(file_name.replace("\\", "/").rpartition("/")[2]) or default
    return name if len(name) <= MAX_SHOWN else f"{name[:START]}...{name[-END:]}"


def printable(text: str) -> str:
    """`text` with `?` in place of characters that cannot be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
