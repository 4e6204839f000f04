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


@pytest.mark.parametrize("kind", ["black", "gray", "blurred"])
def test_it_agrees_with_captum(kind: str) -> None:
    network, pictures = rectified(), noise(2)
    method = made("integrated_gradients", baseline=kind, steps=23, class_name="dog")
    baselines = baseline(pictures, kind)  # type: ignore[arg-type]
    maps = method.maps(network, pictures, baselines, method.score(network, pictures).target, lambda *_: None)
    theirs = IntegratedGradients(network).attribute(pictures, baselines, target=1, n_steps=23).sum(dim=1)
    torch.testing.assert_close(maps, theirs.float(), rtol=1e-5, atol=1e-5 * float(theirs.abs().amax()))


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_it_agrees_with_captum_in_every_family_and_a_batch_equals_single_pictures(name: str) -> None:
    network = loaded(name)
    pictures, method = photos(network, 2), made("integrated_gradients", steps=3)
    baselines, target = torch.zeros_like(pictures), method.score(network, pictures).target
    together = method.maps(network, pictures, baselines, target, lambda *_: None)
    for row in range(2):
        one = pictures[row : row + 1]
        apart = method.maps(network, one, baselines[:1], method.score(network, one).target, lambda *_: None)
        torch.testing.assert_close(together[row], apart[0], rtol=1e-3, atol=1e-4 * float(apart.abs().amax()))
    predicted = int(target.index[1])
    theirs = IntegratedGradients(network).attribute(pictures[1:], 0, target=predicted, n_steps=3).sum(dim=1).float()
    torch.testing.assert_close(together[1], theirs[0], rtol=1e-3, atol=1e-5 * float(theirs.abs().amax()))


def test_for_a_linear_network_one_step_is_exact(linear: Network, picture: Picture) -> None:
    result = made("integrated_gradients", class_name="dog", baseline="gray", steps=1).run([picture], linear, Context())
    expected = (rows()[1].view(3, PIXELS, PIXELS) * (linear.prepare(picture) - 0.5)).sum(dim=0)
    attribution = result.items["attribution"]
    torch.testing.assert_close(torch.tensor(attribution.values), expected)  # type: ignore[attr-defined]
    assert result.metrics["completeness_error"] == pytest.approx(0, abs=1e-5)


def test_more_steps_reduce_the_completeness_error() -> None:
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


def test_pixels_equal_to_the_baseline_contribute_nothing() -> None:
    network = loaded("random/test_resnet")
    pictures = photos(network)
    pictures[:, :, :50] = 0
    method = made("integrated_gradients", steps=2)
    target = method.score(network, pictures).target
    maps = method.maps(network, pictures, torch.zeros_like(pictures), target, lambda *_: None)
    assert maps[:, :50].abs().amax() == 0
    assert maps[:, 50:].abs().amax() > 0
