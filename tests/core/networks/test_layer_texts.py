from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.networks.layer_texts import folded, unfolded

NAMES = st.lists(st.from_regex(r"[a-c][0-2]{0,2}(\.([a-c]|[0-3]|1[01])){0,3}", fullmatch=True), unique=True, min_size=1)


@pytest.mark.parametrize(
    ("names", "text", "counts"),
    [
        (["stem", "stages.0.pool", "stages.0.blocks.0", "stages.0.blocks.1", "head"],
         "stem stages.0.pool ..blocks.0+ head", (2,)),
        (["conv1", "bn1", "layer1.0", "layer2.0", "layer2.1", "fc"], "conv1 bn1 layer1.0+ layer2.0+ fc", (1, 2)),
        (["a.b1", "a.b2", "a.b3"], "a.b1+", (3,)),
        (["s.9", "s.10", "s.12"], "s.9+ .12+", (2, 1)),
        (["a00", "a1", "s.01", "s.2"], "a00 a1 s.01 .2+", (1,)),
    ],
)  # fmt: skip
def test_names_are_a_text_and_counts(names: list[str], text: str, counts: tuple[int, ...]) -> None:
    assert folded(names) == (text, counts)
    assert unfolded(text, counts) == tuple(names)


def test_networks_that_differ_in_depth_alone_have_one_text() -> None:
    texts = {folded([f"blocks.{number}" for number in range(depth)])[0] for depth in (1, 12, 24)}
    assert texts == {"blocks.0+"}


@given(NAMES)
def test_unfolded_they_are_the_names_again(names: list[str]) -> None:
    assert unfolded(*folded(names)) == tuple(names)
