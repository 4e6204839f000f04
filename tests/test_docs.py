"""The pages of docs/ are up to date, and lead somewhere."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from core.methods import METHODS
from core.networks.folders import BUNDLED
from core.settings import REPOSITORY

PAGES = sorted({*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")})
INDEX = REPOSITORY / "docs" / "README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"`((?:core|workers|dashboard|docs|tests|docker)/[\w/.-]+\.\w+)`", page.read_text("utf-8"))
    made_by_the_reader = re.compile(r"NAME|dimming")
    assert [file for file in named if not (REPOSITORY / file).exists() and not made_by_the_reader.search(file)] == []


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text("utf-8"))
    assert [
        (file, anchor) for file, anchor in links if anchor not in anchors(page.parent / file if file else page)
    ] == []


def test_the_index_leads_to_every_page_of_the_docs() -> None:
    linked = {(INDEX.parent / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", INDEX.read_text("utf-8"))}
    subjects = re.findall(r"\]\((explanation/[^)#\s]+)", (INDEX.parent / "architecture.md").read_text("utf-8"))
    linked |= {(INDEX.parent / link).resolve() for link in subjects}
    assert [page for page in PAGES if page.is_relative_to(INDEX.parent) and page not in {*linked, INDEX}] == []


def test_every_paper_that_a_method_cites_is_in_the_references() -> None:
    references = (REPOSITORY / "docs" / "references.md").read_text("utf-8")
    cited = {paper for method in METHODS.values() for paper in re.findall(r"arXiv:\d{4}\.\d{5}", method.source)}
    assert sorted(paper for paper in cited if paper not in references) == []


@pytest.mark.parametrize("name", METHODS)
def test_the_references_name_every_method_that_is_not_another_ones_use(name: str) -> None:
    references = (REPOSITORY / "docs" / "references.md").read_text("utf-8")
    origin = re.match(r"See `(\w+)`", METHODS[name].source)
    named = re.findall(r"\[([\w, :;]+)\]$", references, re.MULTILINE)
    assert any(re.search(rf"\b{origin[1] if origin else name}\b", one) for one in named)


def test_license_and_citation_agree_with_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert (REPOSITORY / "LICENSE").read_text("utf-8").startswith("MIT License")
    assert {config["license"] for config in bundled_configs()} == {"mit"}


def bundled_configs() -> list[dict[str, str]]:
    return [json.loads(file.read_text("utf-8")) for file in BUNDLED.glob("*.json")]
