"""The pages of docs/ are up to date, and lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import REPOSITORY

PAGES = sorted({*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    named = re.findall(
        r"`((?:core|workers|dashboard|docs|tests|docker)/[\w/.-]+\.\w+)`", (REPOSITORY / name).read_text("utf-8")
    )
    assert [file for file in named if not (REPOSITORY / file).exists()] == []
