"""The networks that come with Gazegrid, by their shipped weights. The pictures that they learned are not shipped."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.datasets.files import read_dataset
from core.findings.trained_networks import differing_parameters
from core.learning.classifier.views import Examples
from core.measures.concentration import (
    accuracy_by_size,
    measured,
    one_place_counted,
    runner_up_suppressed,
    with_one_place_left,
)
from core.networks.catalog import get_card
from core.networks.concentration import concentrations
from core.networks.folders import bundled_files, file_sha256
from core.networks.loading import load
from core.networks.network import Network
from core.networks.records import TrainingRecord, training_record

DATA = Path(os.environ.get("GAZEGRID_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "tiny100"
NAMES = sorted(bundled_files())
COUNT = 200
pictures_there = pytest.mark.skipif(not DATA.is_dir(), reason="the pictures that they learned are not shipped")


def record_of(name: str) -> TrainingRecord:
    record = training_record(name)
    assert record is not None
    return record


@lru_cache(maxsize=1)
def held_out() -> tuple[Tensor, Tensor]:
    """(200, 3, 64, 64) in [0, 1] and their labels, every class as often."""
    examples = Examples(read_dataset([], [DATA / "val.parquet"]), 64, 64)
    every = slice(None, None, len(examples.held_out) // COUNT)
    return examples.held_out[every].float() / 255, examples.held_out_labels[every]


def every_other() -> tuple[Tensor, Tensor]:
    """Half of them, where each is changed in many passes."""
    pictures, labels = held_out()
    return pictures[::2], labels[::2]


@lru_cache(maxsize=8)
def network(name: str) -> Network:
    return load(get_card(name))


def test_they_are_small_of_one_size_and_differ_in_their_architecture_only() -> None:
    cards, records = [get_card(name) for name in NAMES], [record_of(name) for name in NAMES]
    sizes = [card.parameters for card in cards]
    assert all(1e6 <= size <= 6e6 for size in sizes)
    assert max(sizes) <= 1.25 * min(sizes)
    assert differing_parameters(records) == []
    assert len({(record.seed, record.dataset.digest) for record in records}) == 1
    assert sum(files.weights.stat().st_size for files in bundled_files().values()) < 40e6


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_of_these_weights(name: str) -> None:
    assert network(name).weights_sha256 == file_sha256(bundled_files()[name].weights)
    assert len(get_card(name).class_names) == record_of(name).dataset.classes == 100


@pictures_there
@pytest.mark.parametrize("name", NAMES)
def test_it_is_as_good_as_its_card_says(name: str) -> None:
    pictures, labels = held_out()
    with torch.inference_mode():
        right = (network(name)(pictures).argmax(1) == labels).float().mean()
    assert float(right) == pytest.approx(record_of(name).metrics.top1, abs=0.1)  # three standard errors of 200


@pictures_there
def test_the_concentrator_classifies_pictures_of_any_size() -> None:
    top1 = accuracy_by_size(network("bundled/concentrator"), *held_out(), (48, 64, 96, 128, 192))
    assert min(top1.values()) > 0.5 * top1[64]
    assert top1[48] > 0.8 * top1[64]
    assert top1[96] > 0.8 * top1[64]


@pictures_there
def test_without_the_opposed_class_the_concentrator_is_surer() -> None:
    found = measured(runner_up_suppressed, network("bundled/concentrator"), *every_other())
    assert found.probability_after > found.probability_before
    assert found.more_confident > 0.75


@pictures_there
@pytest.mark.parametrize("change", [one_place_counted, with_one_place_left])
def test_one_place_alone_weakens_the_concentrator_less_than_the_cnn(change: object) -> None:
    lost = {}
    for name in ("bundled/concentrator", "bundled/cnn"):
        found = measured(change, network(name), *every_other())  # type: ignore[arg-type]
        lost[name] = 1 - found.probability_after / found.probability_before
    assert lost["bundled/concentrator"] < lost["bundled/cnn"]


def test_the_numbers_of_the_cards_are_of_these_weights() -> None:
    measured_of = concentrations()
    assert sorted(measured_of) == ["bundled/cnn", "bundled/concentrator"]
    for name, found in measured_of.items():
        assert found.weights_sha256 == file_sha256(bundled_files()[name].weights)
