from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import timm
import torch

from core import learning
from core.datasets.dataset import Dataset
from core.engine import checkpoint_timer
from core.errors import BadInput, BadParameter, Canceled, ComputationFailed
from core.items import Result, Scalar, Series, Table, Weights
from core.learning.classifier.views import Examples
from core.method_base.method import Context
from core.methods import make_method
from core.networks.card import NetworkCard
from core.networks.network import Network
from tests.support.contexts import MemoryCheckpoint, RecordingContext
from tests.support.squares import squares

SMALL: dict[str, Any] = {
    "architecture": "test_resnet", "model_args": {"output_stride": 8}, "input_px": 16, "epochs": 2, "batch_size": 4,
    "learning_rate": 0.01, "ema_decay": 0.5,
}  # fmt: skip
MIXER: dict[str, Any] = {
    "architecture": "open_mixer",
    "model_args": {"img_size": 16, "patch_size": 4, "embed_dim": 16, "num_blocks": 2},
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return squares(each=4, held_out=2, side=16)


def run(job: Context, **parameters: Any) -> Result:
    return make_method("train", SMALL | parameters).run_without_network([], job)


def files(result: Result) -> dict[str, Any]:
    return {name: item.files() for name, item in result.items.items()} | result.metrics


def weights_of(result: Result) -> Weights:
    item = result.items["network"]
    assert isinstance(item, Weights)
    return item


def as_network(result: Result, identity: str = "local/trained#1") -> Network:
    """The trained network, as it is loaded elsewhere."""
    config = weights_of(result).config
    model = timm.create_model(config["architecture"], num_classes=config["num_classes"], **config["model_args"])
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights_of(result).tensors.items()})
    preprocessing = config["pretrained_cfg"]
    card = NetworkCard(
        name=identity.partition("#")[0], identity=identity, family="cnn", architecture=config["architecture"],
        input_px=preprocessing["input_size"][1:], class_names=config["label_names"], parameters=1, license="none",
        source="a test", mean=preprocessing["mean"], std=preprocessing["std"], crop_share=preprocessing["crop_pct"],
    )  # fmt: skip
    return Network(card, model, "0" * 64)


def accuracy(network: Network, dataset: Dataset) -> float:
    examples = Examples(dataset, 16, 16)
    with torch.no_grad():
        predictions = network(examples.held_out.float() / 255).argmax(dim=1)
    return float((predictions == examples.held_out_labels).float().mean())


def test_the_stored_network_has_the_reported_accuracy(dataset: Dataset) -> None:
    plain = {"randaugment": 0, "mix_share": 0, "min_crop": 1, "epochs": 4}
    result = run(RecordingContext(dataset), **plain)
    top1 = result.metrics["top1"]
    assert top1 > 0.6
    assert accuracy(as_network(result), dataset) == pytest.approx(top1)
    assert weights_of(result).config["label_names"] == ["red", "green", "blue"]
    assert result.metrics["parameters"] == sum(part.numel() for part in as_network(result).parameters())
    confusions = result.items["confusions"]
    assert isinstance(confusions, Table)
    assert sum(count for _, _, count, _ in confusions.rows) == round(6 * (1 - top1))
    for name in ("accuracy", "loss"):
        curve = result.items[name]
        assert isinstance(curve, Series)
        assert curve.x.tolist() == [1, 2, 3, 4]
        assert np.isfinite(curve.y).all()


@pytest.mark.parametrize(("family", "stops"), [({}, (1, 3, 5)), (MIXER, (2, 6))], ids=["cnn", "mixer"])
def test_a_canceled_job_continues_to_the_same_bytes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, family: dict[str, Any], stops: tuple[int, ...]
) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
    undisturbed = files(run(RecordingContext(dataset), **family))
    for stop_at in stops:
        job = RecordingContext(dataset, stop_at=stop_at)
        with pytest.raises(Canceled):
            run(job, **family)
        job.stop_at, job.steps = None, []
        assert files(run(job, **family)) == undisturbed
        assert job.steps == list(range(stop_at, 7))  # the canceled step is repeated


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\0" * 500])
def test_a_damaged_checkpoint_is_ignored(dataset: Dataset, content: bytes) -> None:
    job = RecordingContext(dataset)
    job.checkpoint.content = content
    assert files(run(job)) == files(run(RecordingContext(dataset)))
    assert job.steps[0] == 1


def test_a_checkpoint_of_another_network_is_ignored(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    other, job = RecordingContext(dataset, seed=1), RecordingContext(dataset)
    run(other, **MIXER)
    job.checkpoint.content = other.checkpoint.content
    assert files(run(job)) == files(run(RecordingContext(dataset)))


def test_checkpoints_are_written_occasionally(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(MemoryCheckpoint, "write", lambda _, content: written.append(len(content)))
    run(RecordingContext(dataset))
    assert len(written) < 6
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
    written.clear()
    run(RecordingContext(dataset))
    assert len(written) == 6


def test_weights_are_stored_in_half_precision(dataset: Dataset) -> None:
    dtypes = {
        array.dtype
        for name, array in weights_of(run(RecordingContext(dataset))).tensors.items()
        if "num_batches" not in name
    }
    assert dtypes == {np.dtype(np.float16)}


def test_weights_are_stored_in_full_precision_where_half_precision_costs_accuracy(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[dict[str, torch.Tensor]] = []

    def halved(model: torch.nn.Module) -> dict[str, torch.Tensor]:
        before.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}

    plain = {"randaugment": 0, "mix_share": 0, "min_crop": 1, "epochs": 4}
    expected = run(RecordingContext(dataset), **plain).metrics["top1"]
    monkeypatch.setattr(learning.classifier.models, "halved", halved)
    result = run(RecordingContext(dataset), **plain)
    assert result.metrics["top1"] == pytest.approx(expected, abs=0.01)
    assert accuracy(as_network(result), dataset) == pytest.approx(result.metrics["top1"])
    assert all(np.array_equal(array, before[0][name].numpy()) for name, array in weights_of(result).tensors.items())


def test_the_seed_determines_the_result(dataset: Dataset) -> None:
    first, second, other = (files(run(RecordingContext(dataset, seed=seed))) for seed in (1, 1, 2))
    assert first == second
    assert first["network"] != other["network"]


def test_predictions_of_a_teacher_are_shared_between_jobs(dataset: Dataset) -> None:
    teacher = as_network(run(RecordingContext(dataset)), "local/teacher#1")
    passes: list[int] = []
    teacher.register_forward_hook(lambda *_: passes.append(1))
    job = RecordingContext(dataset, **{"local/teacher#1": teacher})
    with_teacher = {"teacher": "local/teacher#1", "distinct_views": 1}
    student = run(job, **with_teacher)
    assert len(passes) == 3  # the batches of the one distinct epoch
    assert {"teacher", "epoch"} <= job.scalars[0].keys()
    again = RecordingContext(dataset, **{"local/teacher#1": teacher})
    again.shared_checkpoints = job.shared_checkpoints
    run(again, **with_teacher, **MIXER)
    assert len(passes) == 3
    assert files(student)["network"] != files(run(RecordingContext(dataset), distinct_views=1))["network"]


def test_a_teacher_without_one_of_the_classes_is_refused(dataset: Dataset) -> None:
    teacher = as_network(run(RecordingContext(squares(each=4, held_out=2, classes=2, side=16))), "local/teacher#1")
    with pytest.raises(BadParameter, match=r"^a class of local/teacher must be [^\n]* got 'blue'[^\n]*$"):
        run(RecordingContext(dataset, **{"local/teacher#1": teacher}), teacher="local/teacher#1")


def test_a_pretrained_network_is_trained_on_new_classes_and_not_changed(dataset: Dataset) -> None:
    start = as_network(run(RecordingContext(dataset)), "local/start#1")
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    more = squares(each=4, held_out=2, classes=4, side=16)
    frozen, free = (
        weights_of(
            run(
                RecordingContext(more, **{"local/start#1": start}),
                pretrained="local/start#1", model_args={}, freeze_backbone=frozen, architecture="resnet18",
            )
        )
        for frozen in (True, False)
    )  # fmt: skip
    assert all(torch.equal(tensor, start.state_dict()[name]) for name, tensor in before.items())
    for weights in (frozen, free):
        assert weights.config["architecture"] == "test_resnet"
        assert weights.config["label_names"] == ["red", "green", "blue", "yellow"]
    same = {
        name
        for name, array in frozen.tensors.items()
        if np.array_equal(array.astype(np.float32), before[f"model.{name}"].float().numpy())
    }
    assert frozen.tensors.keys() - same == {"fc.weight", "fc.bias"}
    assert not np.array_equal(free.tensors["conv1.0.weight"], frozen.tensors["conv1.0.weight"])


def test_progress_is_reported_at_every_step_and_drawn_at_every_epoch(dataset: Dataset) -> None:
    job = RecordingContext(dataset)
    run(job)
    assert job.steps == [1, 2, 3, 4, 5, 6]
    assert [scalars["epoch"] for scalars in job.scalars] == [1, 1, 1, 2, 2, 2]
    assert all("loss" in scalars for scalars in job.scalars)
    assert [("top1" in scalars) for scalars in job.scalars] == [False] * 3 + [True] * 3
    assert [len(curve.y) for curves in job.curves for curve in curves] == [0, 0, 1, 1]
    assert 0 < job.noted["training_seconds"] < 60


def test_an_impossible_training_is_refused_in_a_sentence(dataset: Dataset) -> None:
    with pytest.raises(BadInput, match="trained on a data set, and none was given"):
        run(RecordingContext(None))
    with pytest.raises(BadInput, match="a classifier needs at least two classes, this data set has 1"):
        run(RecordingContext(replace(dataset, labels=dataset.labels * 0)))
    with pytest.raises(BadParameter, match="batch_size must be at most 12, the training images, got 14"):
        run(RecordingContext(dataset), batch_size=14)
    with pytest.raises(BadParameter, match=r"^test_vit cannot be built with these arguments: [^\n]+$"):
        run(RecordingContext(dataset), architecture="test_vit", model_args={"num_heads": 0})


def test_a_loss_of_nan_ends_the_training_with_a_sentence(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        learning.classifier.trainer.functional, "cross_entropy", lambda logits, _: logits.sum() * float("nan")
    )
    with pytest.raises(ComputationFailed, match=r"^the loss was nan at step 0: try a lower learning rate$"):
        run(RecordingContext(dataset))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"architecture": "resnet"}, "architecture: there is no architecture 'resnet'"),
        ({"model_args": {"pretrained": True}}, "may not set pretrained to True"),
        ({"model_args": {"depth": None}}, "model_args must be a table of names and values, got None for depth"),
        ({"pretrained": "local/a#1"}, "model_args must be empty for a pretrained network, which has its own"),
        ({"freeze_backbone": True}, "freeze_backbone needs a pretrained network: random weights must be trained"),
        ({"batch_size": 5}, "batch_size must be even, as images are mixed in pairs, got 5"),
        ({"epochs": 0}, "epochs must be a whole number from 1 to 10000, got 0"),
        ({"min_crop": 0}, "min_crop must be 0.05 to 1, got 0"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_in_a_sentence(parameters: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=r"^[^\n]+$") as caught:
        make_method("train", SMALL | dict(parameters))
    assert sentence in str(caught.value)


def test_arguments_keep_their_types() -> None:
    arguments = {
        "depth": 6,
        "drop_rate": 0.5,
        "scale": 1.0,
        "qkv_bias": True,
        "act": "gelu",
        "layers": [1, 2],
        "r": [0.5],
    }
    method = make_method("train", {"architecture": "test_vit", "model_args": arguments})
    dumped = method.model_dump(mode="json")["model_args"]
    assert {name: (type(value), value) for name, value in dumped.items()} == {
        name: (type(value), value) for name, value in arguments.items()
    }


def test_the_subject_distinguishes_jobs() -> None:
    assert make_method("train", SMALL | {"epochs": 1}).subject() == "test_resnet, 16 px, 1 epoch"
    frozen = make_method("train", {"pretrained": "lite/efficientnet_lite0#e8ef1c1a", "freeze_backbone": True})
    assert frozen.subject() == "lite/efficientnet_lite0 with a new classifier, 64 px, 30 epochs"


def test_scalars_have_their_units(dataset: Dataset) -> None:
    top1 = run(RecordingContext(dataset)).items["top1"]
    assert isinstance(top1, Scalar)
    assert top1.unit == "share"
