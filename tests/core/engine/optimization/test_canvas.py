from __future__ import annotations

from typing import get_args

import pytest
import torch

from core.engine.optimization.canvas import PARAMETERIZATIONS, Canvas, ParameterizationKind
from core.engine.optimization.starts import Start

KINDS = get_args(ParameterizationKind)


def canvas(start: Start = "blank", count: int = 3, seed: int = 0) -> Canvas:
    random = torch.Generator().manual_seed(9)
    photo = torch.rand(1, 3, 16, 20, generator=random) * 0.6 + 0.2
    return Canvas(photo, start, count, seed, torch.rand(4, 3, 16, 20, generator=random) * 0.6 + 0.2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", get_args(Start))
def test_every_sheet_from_every_start_is_a_batch_of_pictures_in_range(kind: ParameterizationKind, start: Start) -> None:
    picture = PARAMETERIZATIONS[kind](canvas(start)).picture()
    assert picture.shape == (3, 3, 16, 20)
    assert picture.min() >= 0
    assert picture.max() <= 1


@pytest.mark.parametrize("kind", ["fourier", "pixels"])
def test_a_photo_as_the_start_is_the_photo(kind: ParameterizationKind) -> None:
    photo_canvas = canvas("photo")
    torch.testing.assert_close(
        PARAMETERIZATIONS[kind](photo_canvas).picture(), photo_canvas.photo.expand(3, -1, -1, -1), atol=2e-3, rtol=0
    )


@pytest.mark.parametrize(("kind", "start"), [("fourier", "blank"), ("phases", "blank"), ("pixels", "noise")])
def test_random_starts_differ_within_a_batch_and_between_seeds(kind: ParameterizationKind, start: Start) -> None:
    first, again, other = (PARAMETERIZATIONS[kind](canvas(start, seed=seed)).picture() for seed in (0, 0, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, other)


def test_a_blank_fourier_start_is_nearly_gray() -> None:
    assert (PARAMETERIZATIONS["fourier"](canvas()).picture() - 0.5).abs().max() < 0.1
