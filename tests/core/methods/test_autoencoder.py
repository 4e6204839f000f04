from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.engine import checkpoint_timer
from core.errors import BadInput, BadParameter, Canceled, ComputationFailed
from core.items import Animation, Embedding, Image, Map, Result, Scalar, Series
from core.learning.autoencoder import learner
from core.learning.autoencoder.evaluation import _ratio
from core.learning.autoencoder.stored import autoencoder_of
from core.method_base.method import Context
from core.methods import make_method
from tests.core.learning.autoencoder.fitting import fitted
from tests.support.contexts import RecordingContext
from tests.support.squares import squares

SMALL: dict[str, Any] = {"input_px": 8, "epochs": 2, "batch_size": 8, "width": 4, "code_size": 4, "labels_per_class": 0}
SPARSE = {"kind": "sparse", "architecture": "dense", "code_size": 32}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return squares(each=8, held_out=6)


def run(job: Context, **parameters: Any) -> Result:
    return make_method("autoencoder", SMALL | parameters).run_without_network([], job)


def files(result: Result) -> dict[str, Any]:
    return {name: item.files() for name, item in result.items.items()} | result.metrics


@pytest.fixture(scope="module")
def on_digits() -> Result:
    """Result for the digits, with the dense architecture, which takes a few seconds."""
    return run(
        RecordingContext(digits()),
        architecture="dense",
        code_size=16,
        width=16,
        epochs=20,
        batch_size=64,
        labels_per_class=1,
    )


def test_one_linear_layer_has_the_subspace_of_pca() -> None:
    items = fitted(architecture="linear").pca_comparison()
    angle, error = items["pca_angle"], items["pca_error"]
    assert isinstance(angle, Scalar)
    assert isinstance(error, Scalar)
    assert angle.value < 5
    assert 0.008 < error.value < 0.015


@pytest.mark.parametrize("noise", ["pixels", "patch"])
def test_denoising_removes_more_than_half_of_the_noise(noise: str) -> None:
    removed = fitted(kind="denoising", noise=noise, architecture="dense").reconstruction()["noise_removed"]
    assert isinstance(removed, Scalar)
    assert removed.value > 0.5


@pytest.mark.parametrize(("penalty", "active"), [("l1", 0.1), ("l1", 0.3), ("l2", 0.1), ("l2", 0.3)])
def test_sparse_codes_have_the_given_sparsity(penalty: str, active: float) -> None:
    items = fitted(**SPARSE, penalty=penalty, active_share=active).reconstruction()
    share, error = items["active"], items["held_out_error"]
    assert isinstance(share, Scalar)
    assert isinstance(error, Scalar)
    assert share.value == pytest.approx(active, rel=0.15)
    assert error.value < 0.03  # the error of the mean image is 0.07


def test_a_nonlinear_code_has_a_smaller_error_than_pca(on_digits: Result) -> None:
    assert on_digits.metrics["held_out_error"] < on_digits.metrics["pca_error"]


def test_a_transposed_convolution_has_more_stride_energy() -> None:
    energies = {}
    for decoder in ("nearest", "transposed"):
        item = fitted(decoder=decoder, epochs=12).reconstruction()["stride_energy"]
        assert isinstance(item, Scalar)
        energies[decoder] = item.value
    assert energies["transposed"] > 1.2 * energies["nearest"]


def test_all_sheets_have_the_same_order(on_digits: Result) -> None:
    originals, reconstructions, errors = (on_digits.items[name] for name in ("originals", "reconstructions", "errors"))
    assert isinstance(originals, Image)
    assert isinstance(reconstructions, Image)
    assert isinstance(errors, Map)
    difference = np.abs(originals.pixels.astype(float) - reconstructions.pixels).mean(axis=2) / 255
    inside = errors.values > 0
    # reconstructions are clipped to [0, 1], errors are not
    assert np.corrcoef(difference[inside], errors.values[inside])[0, 1] > 0.9


def test_projected_codes_have_classes_and_thumbnails(on_digits: Result) -> None:
    for name in ("codes_pca", "codes_tsne"):
        codes = on_digits.items[name]
        assert isinstance(codes, Embedding)
        assert codes.points.shape == (1000, 2)
        assert set(codes.labels) == set("0123456789")
        assert codes.thumbnails is not None
        assert codes.thumbnails.shape == (1000, 8, 8, 3)


def test_a_linear_classifier_is_about_as_accurate_on_codes_as_on_pixels(on_digits: Result) -> None:
    metrics = on_digits.metrics
    assert all(metrics[f"accuracy_{name}"] > 0.9 for name in ("codes", "pixels", "pca"))
    assert 0.2 < metrics["accuracy_scratch"] < 0.9
    assert 0.2 < metrics["accuracy_pretrained"] < 0.9


def test_walk_and_curves_cover_all_frames_and_epochs(on_digits: Result) -> None:
    walk, loss, held_out = (on_digits.items[name] for name in ("walk", "loss", "held_out_loss"))
    assert isinstance(walk, Animation)
    assert isinstance(loss, Series)
    assert isinstance(held_out, Series)
    assert len(walk.frames) == 25
    assert len(loss.y) == len(held_out.y) == 20
    assert loss.y[-1] < loss.y[0]
    assert loss.y_label == held_out.y_label == "Mean squared error"
    assert walk.caption.startswith("Up to 16 units, each from 3 standard deviations")
    assert ", row by row " in walk.caption


def test_compression_counts_all_inputs_of_the_decoder(dataset: Dataset) -> None:
    assert run(RecordingContext(dataset)).metrics["compression"] == 3 * 64 / 4
    assert run(RecordingContext(dataset), decoder="unpooling").metrics["compression"] == pytest.approx(
        192 / (4 + 64 + 32)
    )


def test_undefined_scalars_are_left_out(dataset: Dataset) -> None:
    plain, noisy, sparse, one_class = (
        run(RecordingContext(dataset)).metrics,
        run(RecordingContext(dataset), kind="denoising", architecture="dense"),
        run(RecordingContext(dataset), kind="sparse").metrics,
        run(RecordingContext(squares(each=24, held_out=6, classes=1)), labels_per_class=3),
    )
    assert "stride_energy" in plain
    assert not plain.keys() & {"noise_removed", "active", "pca_angle", "accuracy_pretrained"}
    assert "inputs" in noisy.items
    assert "noise_removed" in noisy.metrics
    assert "stride_energy" not in noisy.metrics
    assert "active" in sparse
    accuracies = {name: item for name, item in one_class.items.items() if name.startswith("accuracy")}
    assert len(accuracies) == 5
    assert {(item.value, item.reason) for item in accuracies.values()} == {
        (None, "one class leaves nothing to tell apart")
    }


def test_a_ratio_to_rounding_is_no_number() -> None:
    """Such as the waves of plain pictures, or noise that changes nothing."""
    assert _ratio(0.5, 0.25, "share", "").value == 2
    odd = _ratio(1e-9, 1e-30, "share", "the noise changes nothing")
    assert (odd.value, odd.unit, odd.reason) == (None, "share", "the noise changes nothing")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"decoder": "unpooling", "kind": "denoising"},
        {"architecture": "dense", "kind": "sparse"},
        {"decoder": "transposed", "kind": "sparse", "penalty": "l2"},
    ],
    ids=str,
)
def test_a_canceled_job_continues_to_the_same_bytes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any]
) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
    undisturbed = files(run(RecordingContext(dataset), **parameters))
    for stop_at in (1, 4, 7):  # in both epochs of three steps, and after them
        job = RecordingContext(dataset, stop_at=stop_at)
        with pytest.raises(Canceled):
            run(job, **parameters)
        job.stop_at, job.steps = None, []
        assert files(run(job, **parameters)) == undisturbed
        assert job.steps[0] == min(stop_at, 7)


def test_a_checkpoint_of_another_network_is_ignored(dataset: Dataset) -> None:
    other, job = RecordingContext(dataset), RecordingContext(dataset)
    run(other, code_size=5)
    job.checkpoint.content = other.checkpoint.content
    assert files(run(job)) == files(run(RecordingContext(dataset)))
    assert job.steps[0] == 1


def test_the_seed_determines_the_result(dataset: Dataset) -> None:
    first, second, other = (files(run(RecordingContext(dataset, seed=seed))) for seed in (1, 1, 2))
    assert first == second
    assert first["network"] != other["network"]


def test_previews_and_curves_are_reported_during_the_training(dataset: Dataset) -> None:
    job = RecordingContext(dataset)
    run(job)
    assert len(job.previews) == 6
    assert (job.previews[0] != job.previews[-1]).any()
    assert [[curve.y_label for curve in curves] for curves in job.curves] == [["Loss", "Held-out loss"]] * 2


def test_the_result_holds_the_trained_network(dataset: Dataset) -> None:
    result = run(RecordingContext(dataset), loss="mae")
    model = autoencoder_of(result, "cpu")
    assert (model.design.side_px, model.design.channels, model.design.code) == (8, 3, 4)
    loss = result.items["loss"]
    assert isinstance(loss, Series)
    assert loss.y_label == "Mean absolute error"
    assert result.metrics["parameters"] == sum(part.numel() for part in model.parameters())


def test_a_data_set_is_required() -> None:
    with pytest.raises(BadInput, match="an autoencoder is trained on a data set, and none was given"):
        run(RecordingContext(None))


def test_a_loss_of_nan_ends_the_training_with_a_sentence(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(learner.LOSSES, "mse", lambda reconstructions, _: reconstructions.sum() * float("nan"))
    with pytest.raises(ComputationFailed, match=r"^loss was nan at step 0: try a lower learning rate$"):
        run(RecordingContext(dataset))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"input_px": 30}, "input_px must be a multiple of 4, got 30"),
        ({"input_px": 4}, "input_px must be 8 to 128 px, got 4"),
        ({"code_size": 1}, "code_size must be a whole number from 2 to 1024, got 1"),
        ({"kind": "variational"}, "kind must be one of plain, denoising, sparse, got 'variational'"),
        ({"active_share": 0}, "active_share must be 0.01 to 0.9, got 0"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_in_a_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=r"^[^\n]+$") as caught:
        make_method("autoencoder", parameters)
    assert sentence in str(caught.value)


def test_parameters_without_effect_do_not_change_the_job() -> None:
    plain = make_method("autoencoder", {})
    assert make_method("autoencoder", {"noise": "patch", "patch_share": 0.2, "active_share": 0.5}) == plain
    assert (
        make_method("autoencoder", {"architecture": "dense", "decoder": "transposed"}).model_dump()["decoder"]
        == "nearest"
    )


def test_the_subject_distinguishes_jobs() -> None:
    assert make_method("autoencoder", {}).subject() == "plain convolutional autoencoder, nearest, code of 16"
    assert make_method("autoencoder", SPARSE).subject() == "sparse dense autoencoder, code of 32"
