from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.engine import checkpoint_timer
from core.errors import BadInput, BadParameter, Canceled, NetworkUnavailable
from core.items import Animation, Image, Result, Series, Weights
from core.jobs.comparison import Comparison, DatasetRef
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.support.contexts import RecordingContext
from tests.support.squares import squares

JUDGE = "random/test_resnet"
SMALL: dict[str, Any] = {"steps": 4, "batch_size": 2, "width": 4, "size_px": 32, "style_px": 32, "judge": JUDGE}


def data() -> Dataset:
    return squares(each=4, held_out=2)


def run(network: Network, job: RecordingContext | None = None, **parameters: Any) -> Result:
    return make_method("style_model", SMALL | parameters).run([], network, job or RecordingContext(data(), seed=2))


def curve(result: Result, name: str) -> Any:
    item = result.items[name]
    assert isinstance(item, Series)
    return item.y


def test_it_learns_the_style_and_validation_images_get_its_gram_matrix(turning: Network) -> None:
    """The layer rotates colors, so that its Gram matrix is equivalent to that of the pixels."""
    result = run(turning, steps=120, content_weight=0.0, learning_rate=0.01)
    style = curve(result, "style")
    assert style[-1] < 0.1 * style[0]
    samples, style_image = result.items["samples"], result.items["styles"]
    assert isinstance(samples, Image)
    assert isinstance(style_image, Image)
    columns = (samples.pixels.shape[1] + 2) // 4
    stylized = samples.pixels[samples.pixels.shape[0] // 2 :, : columns - 2]  # of the first image, below the photo
    photo = samples.pixels[: samples.pixels.shape[0] // 2, : columns - 2]
    grams = [pixels.reshape(-1, 3).T / 255 @ (pixels.reshape(-1, 3) / 255) / (pixels.size / 3)
             for pixels in (stylized, photo, style_image.pixels)]  # fmt: skip
    assert np.square(grams[0] - grams[2]).sum() < 0.3 * np.square(grams[1] - grams[2]).sum()


def test_without_style_it_learns_the_identity(turning: Network) -> None:
    content = curve(run(turning, steps=150, style_weight=0.0, total_variation=0.0, learning_rate=0.01), "content")
    assert content[-1] < 0.3 * content[0]


@pytest.mark.parametrize("stop_at", [1, 3, 4])
def test_a_canceled_job_continues_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    network = load(get_card(JUDGE))
    stopped, job = RecordingContext(data(), stop_at, seed=2), RecordingContext(data(), seed=2)
    with pytest.raises(Canceled):
        run(network, stopped)
    job.checkpoint.content = stopped.checkpoint.content
    again, whole = run(network, job), run(network)
    assert {name: item.files() for name, item in again.items.items()} == {
        name: item.files() for name, item in whole.items.items()
    }
    assert again.metrics == whole.metrics


def test_it_reports_all_terms_and_previews_during_the_training(turning: Network) -> None:
    job = RecordingContext(data(), seed=2)
    result = run(turning, job, steps=3)
    terms = {"total", "content", "style", "total_variation"}
    assert set().union(*job.scalars) == terms
    assert min(job.steps) == 1
    assert all(len(curve(result, name)) == 3 for name in terms)
    assert job.previews
    animation, samples = result.items["progress"], result.items["samples"]
    assert isinstance(animation, Animation)
    assert isinstance(samples, Image)
    assert animation.meta()["count"] == 4, "before each step, and after the last one"
    total = curve(result, "total")[0]
    expected = 5 * curve(result, "content")[0] + 10 * curve(result, "style")[0] + curve(result, "total_variation")[0]
    assert total == pytest.approx(expected, rel=1e-5)


def test_the_stored_network_names_its_styles(turning: Network) -> None:
    method = make_method("style_model", SMALL)
    both = (*method.model_dump()["styles"], "a30b" * 16)
    with pytest.raises(BadInput, match="there is no picture a30ba30ba30b…"):
        run(turning, styles=both)
    network = run(turning, steps=1).items["network"]
    assert isinstance(network, Weights)
    assert network.config["style model"] == {
        "width": 4, "styles": method.model_dump()["styles"], "shares": (1.0,), "style_px": 32,
    }  # fmt: skip


def test_each_style_needs_a_weight() -> None:
    with pytest.raises(BadParameter, match="style_weights must give one weight for each of styles: 1, got 2"):
        make_method("style_model", {"style_weights": "1, 2"})


def test_a_data_set_and_the_judge_are_required(turning: Network) -> None:
    with pytest.raises(BadInput, match="data set"):
        run(turning, RecordingContext(None, seed=2))
    job = RecordingContext(data(), seed=2)

    def unavailable(_: str) -> Network:
        raise NetworkUnavailable("not here")

    job.network = unavailable  # type: ignore[method-assign]
    with pytest.raises(NetworkUnavailable):
        run(turning, job)
    assert not job.scalars


def test_data_sets_and_networks_form_a_grid() -> None:
    names = ("random/test_resnet", "random/test_vit")
    grid = Comparison((), names, (make_method("style_model", {}),), datasets=(DatasetRef("1" * 64, "photos"),))
    cells = list(grid.cells())
    assert [(cell.network, cell.spec.dataset) for cell in cells] == [(name, "1" * 64) for name in names]
    assert all(cell.row == grid.datasets[0] for cell in cells)
    assert Comparison.from_document(grid.document()) == grid
