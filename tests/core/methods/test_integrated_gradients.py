from __future__ import annotations

import pytest
import torch
from captum.attr import IntegratedGradients

from core.engine.attribution.baselines import baseline
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.network import Network
from tests.core.methods.attributions import FAMILIES, loaded, made, noise, photos, rectified
from tests.core.methods.conftest import PIXELS, rows


@pytest.mark.parametrize("empty", ["black", "gray", "blurred"])
def test_it_agrees_with_captum(empty: str) -> None:
    network, pictures = rectified(), noise(2)
    asked = made("integrated_gradients", baseline=empty, steps=23, class_name="dog")
    start = baseline(pictures, empty)  # type: ignore[arg-type]
    maps = asked.maps(network, pictures, start, asked.score(network, pictures).target, lambda *_: None)
    theirs = IntegratedGradients(network).attribute(pictures, start, target=1, n_steps=23).sum(dim=1)
    torch.testing.assert_close(maps, theirs.float(), rtol=1e-5, atol=1e-5 * float(theirs.abs().amax()))


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_it_agrees_with_captum_in_every_family_and_pictures_together_are_as_one_by_one(name: str) -> None:
    network = loaded(name)
    pictures, asked = photos(network, 2), made("integrated_gradients", steps=3)
    start, explained = torch.zeros_like(pictures), asked.score(network, pictures).target
    together = asked.maps(network, pictures, start, explained, lambda *_: None)
    for row in range(2):
        one = pictures[row : row + 1]
        apart = asked.maps(network, one, start[:1], asked.score(network, one).target, lambda *_: None)
        torch.testing.assert_close(together[row], apart[0], rtol=1e-3, atol=1e-4 * float(apart.abs().amax()))
    target = int(explained.index[1])
    theirs = IntegratedGradients(network).attribute(pictures[1:], 0, target=target, n_steps=3).sum(dim=1).float()
    torch.testing.assert_close(together[1], theirs[0], rtol=1e-3, atol=1e-5 * float(theirs.abs().amax()))


def test_of_a_linear_network_it_is_exact_in_one_step(linear: Network, picture: Picture) -> None:
    result = made("integrated_gradients", class_name="dog", baseline="gray", steps=1).run([picture], linear, Context())
    expected = (rows()[1].view(3, PIXELS, PIXELS) * (linear.prepare(picture) - 0.5)).sum(dim=0)
    found = result.items["attribution"]
    torch.testing.assert_close(torch.tensor(found.values), expected)  # type: ignore[attr-defined]
    assert result.metrics["completeness_error"] == pytest.approx(0, abs=1e-5)


def test_more_steps_are_more_complete() -> None:
    network = loaded("random/test_resnet")
    few, many = (
        made("integrated_gradients", steps=steps).run([sample("cat")], network, Context()) for steps in (2, 60)
    )
    assert abs(many.metrics["completeness_error"]) < 0.2 * abs(few.metrics["completeness_error"])
    total = float(many.items["attribution"].values.astype(float).sum())  # type: ignore[attr-defined]
    metrics = many.metrics
    assert total - (metrics["score"] - metrics["baseline_score"]) == pytest.approx(
        metrics["completeness_error"], abs=1e-4
    )


def test_where_the_picture_is_as_the_empty_one_nothing_is_added() -> None:
    network = loaded("random/test_resnet")
    pictures = photos(network)
    pictures[:, :, :50] = 0
    asked = made("integrated_gradients", steps=2)
    explained = asked.score(network, pictures).target
    maps = asked.maps(network, pictures, torch.zeros_like(pictures), explained, lambda *_: None)
    assert maps[:, :50].abs().amax() == 0
    assert maps[:, 50:].abs().amax() > 0
