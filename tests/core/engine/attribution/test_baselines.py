from __future__ import annotations

import pytest
import torch

from core.engine.attribution.baselines import baseline


@pytest.mark.parametrize(("kind", "value"), [("black", 0.0), ("gray", 0.5)])
def test_an_empty_picture_has_one_value(kind: str, value: float) -> None:
    pictures = torch.rand(2, 3, 5, 7)
    assert torch.equal(baseline(pictures, kind), torch.full((2, 3, 5, 7), value))  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [7, 12, 64])
def test_a_blurred_picture_keeps_its_colors_and_loses_its_details(side: int) -> None:
    colors = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).expand(2, -1, side, side)
    torch.testing.assert_close(baseline(colors, "blurred"), colors)
    stripes = torch.zeros(1, 3, side, side)
    stripes[..., ::2] = 1.0
    blurred = baseline(stripes, "blurred")
    assert blurred.shape == stripes.shape
    if side == 64:
        assert blurred.std() < 0.05 * stripes.std()


def test_each_picture_is_blurred_by_itself() -> None:
    pictures = torch.rand(2, 3, 30, 20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(baseline(pictures, "blurred")[1:], baseline(pictures[1:], "blurred"))
