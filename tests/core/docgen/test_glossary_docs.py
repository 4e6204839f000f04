import pytest

from core.display.glossary import GLOSSARY
from core.docgen.glossary_docs import DOCS_FILE, glossary_markdown


def test_the_committed_page_matches_the_glossary() -> None:
    assert DOCS_FILE.read_text(encoding="utf-8") == glossary_markdown(GLOSSARY), "run: make docs"


@pytest.mark.parametrize("term", GLOSSARY)
def test_a_term_is_one_line(term: str) -> None:
    assert term == term.strip()
    assert GLOSSARY[term].strip().endswith(".")
    assert not {"\n", "|"} & set(term + GLOSSARY[term])


def test_terms_are_in_alphabetical_order_whatever_their_case() -> None:
    assert glossary_markdown({"b": "Two.", "A": "One.", "c": "Three."}).splitlines()[-3:] == [
        "- **A**: One.", "- **b**: Two.", "- **c**: Three.",
    ]  # fmt: skip
