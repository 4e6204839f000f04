from typing import ClassVar, Literal

import pytest

from core.docgen.method_docs import DOCS_FILE, methods_markdown, parameter_lines, undefined_lines
from core.method_base.method import Method, Output, parameter
from core.methods import METHODS


class Sample(Method):
    title = "Sample"
    summary = "A summary."
    source = "A paper, 2026"
    family = "inspection"
    version = 3
    outputs = (Output("left", "image", "What | remains"),)
    undefined: ClassVar = {"mixer": "it has no heads"}

    patch_px: int = parameter(16, "Side of a patch.", unit="px", ge=4, le=128)
    mode: Literal["slow", "fast"] = parameter("slow", "How fast.")
    speed: float = parameter(0.0, "Step.", unit="", ge=0, le=1, when={"mode": ["slow", "fast"]})
    twice: bool = parameter(False, "Do it twice.")


def test_the_committed_page_matches_the_classes() -> None:
    written = DOCS_FILE.read_text(encoding="utf-8")
    assert written == methods_markdown(METHODS.values()), "run: make docs"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("patch_px", ("16", "a whole number from 4 to 128", "px", "Side of a patch.")),
        ("speed", ("0", "0 to 1", "", "Step. Used if mode is slow or fast.")),
        ("mode", ("slow", "one of slow, fast", "", "How fast.")),
        ("twice", ("false", "true or false", "", "Do it twice.")),
    ],
)
def test_a_parameter_has_default_bounds_and_unit(name: str, line: tuple[str, ...]) -> None:
    row = next(row for row in parameter_lines(Sample) if row.name == name)
    assert (row.default, row.allowed, row.unit, row.description) == line


def test_a_section_says_where_the_method_is_undefined_and_why() -> None:
    text = methods_markdown([Sample])
    assert "- Not defined for Mixer networks: it has no heads" in text
    assert "version 3" in text
    assert "What \\| remains" in text
    assert undefined_lines(Sample) == [("Mixer", "it has no heads")]
