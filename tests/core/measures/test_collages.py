from __future__ import annotations

import numpy as np
import pytest
import torch

from core.measures.collages import collage, share_on


@pytest.mark.parametrize("width", [12, 13])
def test_a_collage_shows_the_middles_of_both(width: int) -> None:
    left = torch.arange(width).float().expand(3, 5, width)
    pooled = collage(left, left + 100)
    assert pooled.shape == (3, 5, width)
    assert pooled[0, 0].tolist() == [*range(3, 3 + width // 2), *range(103, 103 + width - width // 2)]


def test_the_share_of_a_half_is_that_of_its_positive_weight() -> None:
    values = np.zeros((4, 6), np.float32)
    values[:, :3], values[:, 3:], values[0, 0] = 1, 3, -20
    assert share_on(values, "left") == pytest.approx(11 / 47)
    assert share_on(values, "left") + share_on(values, "right") == pytest.approx(1)
    assert share_on(np.zeros((4, 6), np.float32), "left") == pytest.approx(0.5)
