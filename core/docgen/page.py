"""Writes the generated pages."""

from __future__ import annotations

import sys
from pathlib import Path

from core.settings import REPOSITORY

DOCS = REPOSITORY / "docs"
REFERENCE = DOCS / "reference"


def write_page(path: Path, text: str) -> None:
    """Write a page, and name it on standard error."""
    path.write_text(text, encoding="utf-8")
    sys.stderr.write(f"wrote {path.relative_to(REPOSITORY)}\n")
