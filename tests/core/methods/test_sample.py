from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.errors import BadInput
from core.items import Animation, Image, Result
from core.jobs.comparison import Comparison
from core.learning.gan.networks import Design, build
from core.learning.gan.stored import as_weights
from core.methods import make_method
from tests.support.contexts import StoredContext

KEY = "ab" * 32


@pytest.fixture(scope="module")
def trained() -> Result:
    generator, _ = build(Design(16, 1, latent=8, width=4), "batch", seed=0)
    for part in generator.parameters():
        part.data *= 5  # so that samples differ
    generator(torch.randn(64, 8))
    return Result({"network": as_weights(generator.eval())})


def run(trained: Result, seed: int = 0, **parameters: Any) -> dict[str, Any]:
    method = make_method("sample", {"model": KEY, "count": 4} | parameters)
    return dict(method.run_without_network([], StoredContext({KEY: trained.items}, seed=seed)).items)


def tiles(image: Image, columns: int) -> list[np.ndarray[Any, Any]]:
    """The images of a square sheet."""
    side = (image.pixels.shape[1] - 2 * (columns - 1)) // columns
    starts = [place * (side + 2) for place in range(columns)]
    return [image.pixels[top : top + side, left : left + side] for top in starts for left in starts]


def test_samples_depend_on_the_latents_and_not_on_the_seed(trained: Result) -> None:
    first, again, other = run(trained), run(trained, seed=5), run(trained, first_latent=4)
    assert {name: item.files() for name, item in first.items()} == {name: item.files() for name, item in again.items()}
    assert first["samples"].files() != other["samples"].files()


def test_a_latent_with_an_index_does_not_depend_on_the_first_one(trained: Result) -> None:
    from_0, from_2 = (tiles(run(trained, first_latent=start)["samples"], 2) for start in (0, 2))
    assert np.array_equal(from_0[2], from_2[0])
    assert np.array_equal(from_0[3], from_2[1])
    assert not np.array_equal(from_0[0], from_2[0])


def test_a_smaller_spread_gives_less_variety(trained: Result) -> None:
    variety = [
        np.std(tiles(run(trained, latent_scale=spread)["samples"], 2), axis=0).mean() for spread in (0.1, 0.5, 1.0)
    ]
    assert variety == sorted(variety)
    assert variety[0] < 0.5 * variety[2]


def test_samples_form_a_square(trained: Result) -> None:
    alone = run(trained, count=1)
    assert alone["samples"].pixels.shape == (320, 320, 3)
    assert isinstance(alone["walk"], Animation)
    many = run(trained, count=20)
    assert many["samples"].pixels.shape[1] == 5 * 64 + 4 * 2
    assert len(many["walk"].frames) == 16 * 8, "a walk has at most 16 latents"


def test_a_generator_is_required(trained: Result) -> None:
    with pytest.raises(BadInput, match="contains no generator"):
        run(Result({}))
    with pytest.raises(BadInput, match="no result"):
        run(trained, model="cd" * 32)


def test_variants_form_a_grid_with_one_row() -> None:
    variants = tuple(make_method("sample", {"model": KEY, "latent_scale": spread}) for spread in (0.5, 1.0))
    cells = list(Comparison((), (), variants).cells())
    assert [cell.row for cell in cells] == [None, None]
    assert len({cell.spec.key for cell in cells}) == 2
