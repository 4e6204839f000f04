from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.engine import checkpoint_timer
from core.errors import BadInput, BadParameter, Canceled, NetworkUnavailable
from core.items import Animation, Image, Result, Series, Weights
from core.methods import make_method
from core.methods.gan import outcome
from core.networks.network import Network
from tests.support.contexts import RecordingContext
from tests.support.squares import squares

JUDGE = "random/test_resnet"
SMALL: dict[str, Any] = {"epochs": 3, "batch_size": 4, "width": 4, "latent_dim": 8, "judge": JUDGE}
FRECHET = {"frechet_distance", "frechet_floor"}


def run(job: RecordingContext, **parameters: Any) -> Result:
    return make_method("gan", SMALL | parameters).run_without_network([], job)


def files(result: Result) -> dict[str, Any]:
    return {name: item.files() for name, item in result.items.items()} | result.metrics


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_a_canceled_job_continues_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    dataset = squares(each=4, held_out=2)  # 12 training images: 9 steps
    stopped, job = RecordingContext(dataset, stop_at, seed=2), RecordingContext(dataset, seed=2)
    with pytest.raises(Canceled):
        run(stopped)
    job.checkpoint.content = stopped.checkpoint.content
    assert files(run(job)) == files(run(RecordingContext(dataset, seed=2)))


def test_it_reports_losses_and_previews_during_the_training() -> None:
    job = RecordingContext(squares(each=4, held_out=2), seed=2)
    run(job)
    assert set().union(*job.scalars) == {"epoch", "generator_loss", "discriminator_loss", "discriminator_accuracy"}
    assert job.previews
    assert job.previews[-1].std() > 0


def test_both_losses_share_a_chart_and_the_caption_says_who_wins() -> None:
    items = run(RecordingContext(squares(each=4, held_out=2), seed=2)).items
    curves = {name: item for name, item in items.items() if isinstance(item, Series)}
    assert list(curves) == ["generator_loss", "discriminator_loss", "discriminator_accuracy"]
    assert len({(curve.x_label, curve.y_label) for curve in curves.values()}) == 2
    assert all(len(curve.y) == 3 for curve in curves.values())
    accuracy = curves["discriminator_accuracy"]
    assert accuracy.caption.endswith(f"; {outcome(accuracy.y)}")


@pytest.mark.parametrize(
    ("final", "winner"),
    [
        (0.96, "0.96 in the final epochs, the discriminator wins, and the generator learns little"),
        (0.95, "0.95 in the final epochs, neither wins"),
        (0.55, "0.55 in the final epochs, neither wins"),
        (0.5, "0.50 in the final epochs, the generator wins, and learns little from a discriminator that guesses"),
    ],
)
def test_the_accuracy_in_the_final_epochs_decides_who_wins(final: float, winner: str) -> None:
    assert outcome(np.array([0.0, 1.0] * 9 + [final] * 2)) == winner  # the last tenth of 20 epochs


@pytest.mark.parametrize("normalization", ["batch", "spectral"])
def test_a_data_set_with_one_class_is_enough(normalization: str) -> None:
    everything = digits()
    chosen = np.flatnonzero(everything.labels == 3)
    pictures = [everything.pictures[index] for index in chosen]
    ones = Dataset(("3",), pictures, np.zeros(len(chosen), np.int64), everything.held_out[chosen])
    result = run(RecordingContext(ones, seed=2), normalization=normalization, batch_size=32)
    assert {(result.items[name].value, result.items[name].reason) for name in FRECHET} == {
        (None, "it needs 20 pictures of each part")  # 18 validation images
    }
    assert all(np.isfinite(value) for value in result.metrics.values() if value is not None)


def test_enough_validation_images_are_compared_by_the_judge() -> None:
    job = RecordingContext(squares(each=8, held_out=8), seed=2)
    assert run(job).items.keys() >= FRECHET

    def unavailable(_: str) -> Network:
        raise NetworkUnavailable("not here")

    job.network = unavailable  # type: ignore[method-assign]
    job.scalars = []
    with pytest.raises(NetworkUnavailable):
        run(job)
    assert not job.scalars, "an unavailable judge raises before the training"


@pytest.mark.parametrize(("side", "given", "input_px"), [(8, None, 16), (20, None, 32), (70, None, 64), (20, 16, 16)])
def test_images_are_resized_to_the_next_side(side: int, given: int | None, input_px: int) -> None:
    items = run(RecordingContext(squares(each=2, held_out=1, side=side), seed=2), input_px=given, epochs=1).items
    network, samples, animation = items["network"], items["samples"], items["progress"]
    assert isinstance(network, Weights)
    assert network.config["generator"] == {"side_px": input_px, "channels": 3, "latent": 8, "width": 4}
    assert isinstance(samples, Image)
    assert isinstance(animation, Animation)
    assert samples.pixels.shape == animation.frames.shape[1:]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"input_px": 24}, "input_px must be 16, 32 or 64, got 24"),
        ({"judge": f"{JUDGE}, random/test_vit"}, "there must be one judge, got 2"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_in_a_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        make_method("gan", parameters)


def test_a_data_set_is_required() -> None:
    with pytest.raises(BadInput, match="data set"):
        run(RecordingContext(None, seed=2))
