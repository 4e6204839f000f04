"""The glossary as docs/glossary.md.

python -m core.docgen.glossary_docs            writes the page
"""

from __future__ import annotations

from collections.abc import Mapping

from core.display.glossary import GLOSSARY
from core.docgen.page import DOCS, write_page

DOCS_FILE = DOCS / "glossary.md"
HEAD = """# Glossary

Generated from `core/display/glossary.py` by `make docs`. Help bubbles on the pages show the same text.
"""


def glossary_markdown(glossary: Mapping[str, str]) -> str:
    """The whole page: one line per term, in alphabetical order."""
    lines = (f"- **{term}**: {glossary[term]}" for term in sorted(glossary, key=str.casefold))
    return "\n".join([HEAD, *lines, ""])


if __name__ == "__main__":
    write_page(DOCS_FILE, glossary_markdown(GLOSSARY))
