from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.items import Result, Scalar, Series, Table, Weights, png_bytes
from core.jobs.spec import JobSpec
from core.methods.train import Train
from core.networks.folders import NetworkFiles
from core.networks.records import Confusion, hardest_to_train, training_record
from core.store.store import Store
from tests.support.trained import a_record, put_local, the_record
from workers.cli.training import put_network


def test_a_trained_network_has_its_record(home: Path) -> None:
    put_local(home, "mine", a_record((0.2, 0.6)))
    record = training_record("local/mine")
    assert record is not None
    assert record.accuracy == (0.2, 0.6)
    assert record.confusions[0] == Confusion(picture_of="cat", taken_for="cup", times=9, of=40)
    assert (record.metrics.top1, record.dataset.held_out, record.epoch_minutes) == (0.6, 120, 1.0)


def test_a_network_that_was_trained_elsewhere_has_none(home: Path) -> None:
    put_local(home, "mine")
    assert [training_record(name) for name in ("local/mine", "local/no", "timm/resnet18.a1_in1k", "../x")] == [None] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": []}, {"accuracy": [0.1, 1.5, 0.3]}, {"accuracy": [0.1, 0.2]}, {"seconds": float("nan")},
        {"dataset": None}, {"confusions": [["cat", "cup"]]}, {"metrics": {"top1": "good"}},
    ],
)  # fmt: skip
def test_a_damaged_record_counts_as_none(home: Path, change: dict[str, Any]) -> None:
    put_local(home, "mine", a_record() | change)
    assert training_record("local/mine") is None


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_record_counts_as_none(home: Path, content: bytes) -> None:
    put_local(home, "mine").record.write_bytes(content)
    assert training_record("local/mine") is None


def test_what_a_later_version_writes_besides_is_passed_over(home: Path) -> None:
    put_local(home, "mine", a_record() | {"mood": "good"})
    assert training_record("local/mine") is not None


def test_the_hardest_network_needed_the_most_epochs_for_what_all_reached() -> None:
    quick, slow, odd = the_record(0.5, 0.7, 0.9), the_record(0.1, 0.3, 0.6), the_record(0.2, 0.6, 0.5)
    found = hardest_to_train({"quick": quick, "slow": slow, "odd": odd})
    assert found is not None
    assert (found.name, found.accuracy, found.epochs) == ("slow", 0.6, {"quick": 2, "slow": 3, "odd": 2})


def test_of_equally_slow_networks_the_one_that_ended_worse_was_harder() -> None:
    found = hardest_to_train({"good": the_record(0.1, 0.5, 0.9), "bad": the_record(0.1, 0.5, 0.4)})
    assert found is not None
    assert found.name == "bad"


def test_the_records_do_not_say_where_there_is_one_or_two_are_alike() -> None:
    record = the_record(0.1, 0.5)
    assert hardest_to_train({}) is None
    assert hardest_to_train({"one": record}) is None
    assert hardest_to_train({"one": record, "two": record}) is None


def test_the_record_that_a_training_writes_can_be_read(home: Path) -> None:
    store = Store(str(home / "store"))
    pictures = [png_bytes(np.full((2, 2, 3), shade, np.uint8)) for shade in range(3)]
    dataset = Dataset(("cat", "cup"), pictures, np.array([0, 1, 1]), np.array([False, False, True]))
    epochs = np.arange(1, 3, dtype=np.float32)
    result = Result(
        {
            "network": Weights(tensors={"w": np.zeros(2, np.float32)}, config={"architecture": "test_resnet"}),
            "accuracy": Series(x=epochs, y=np.float32([0.25, 0.5]), x_label="", y_label=""),
            "loss": Series(x=epochs, y=np.float32([2, 1]), x_label="", y_label=""),
            "confusions": Table(columns=("a", "b", "c", "d"), rows=(("cat", "cup", 1, 2),)),
            "top1": Scalar(value=0.5, unit="share"),
            "parameters": Scalar(value=2),
        }
    )
    spec = JobSpec(Train(epochs=2), (), None, 3, store.inputs.put_dataset(dataset))
    noted = {"training_seconds": 61.5, "device": "cpu", "versions": {"torch": "2"}}
    put_network(NetworkFiles.in_folder(home / "networks" / "local" / "mine"), store.publish(spec, result, noted), store)
    record = training_record("local/mine")
    assert record is not None
    assert (record.accuracy, record.seconds, record.metrics.top1, record.seed) == ((0.25, 0.5), 61.5, 0.5, 3)
    assert (record.dataset.digest, record.dataset.training, record.dataset.held_out) == (dataset.digest, 2, 1)
