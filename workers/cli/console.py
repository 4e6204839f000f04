"""What commands print: lines and JSON on standard output, messages on standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from core.errors import BadInput
from core.settings import get_settings
from core.store.store import Store, open_store


def print_json(document: Any) -> None:
    """Print one JSON document. Raises ValueError for NaN and infinities."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(line: str) -> None:
    """Print one line."""
    sys.stdout.write(line + "\n")


def print_message(sentence: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(f"gazegrid: {sentence}\n")


def show_progress(line: str, *, last: bool = False) -> None:
    """Replace the current line of standard error; `last` ends it."""
    sys.stderr.write(f"\r\033[K{line}" + "\n" * last)
    sys.stderr.flush()


def print_caveat(caveat: str) -> None:
    """Print what a reader must know of the numbers; nothing if there is nothing."""
    if caveat:
        print_message(caveat)


def write_numbers(path: Path | None, content: bytes) -> None:
    """Write the file of the option `--numbers`, if it is given. Raises BadInput."""
    try:
        if path is not None:
            path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None


def fail(sentence: str, status: int) -> NoReturn:
    """Print the reason on standard error, and exit with the status."""
    print_message(sentence)
    sys.exit(status)


def current_store() -> Store:
    """The store of this process's settings. Raises StoreUnreadable."""
    return open_store(get_settings())
