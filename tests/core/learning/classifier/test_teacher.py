from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.datasets.dataset import Dataset
from core.errors import BadParameter
from core.learning.classifier import teacher
from core.learning.classifier.teacher import TeacherPredictions
from core.learning.classifier.views import Examples, ViewRecipe, Views
from core.networks.card import NetworkCard
from core.networks.network import Network
from tests.support.contexts import MemoryCheckpoint
from tests.support.squares import squares

SIDE = 16
RECIPE = ViewRecipe(SIDE, SIDE, min_crop=0.5, flip=True, magnitude=3)


class Colors(nn.Module):
    """Logits: five times the mean of each color, in the given order."""

    def __init__(self, order: Sequence[int], side: int) -> None:
        super().__init__()
        self.order, self.side, self.calls = list(order), side, 0

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2:] == (self.side, self.side)
        assert 0 <= x.min() <= x.max() <= 1  # also where bicubic weights would shoot over
        self.calls += 1
        return 5 * x.mean(dim=(2, 3))[:, self.order]


class Shelf(dict[str, MemoryCheckpoint]):
    def __call__(self, digest: str) -> MemoryCheckpoint:
        return self.setdefault(digest, MemoryCheckpoint())


def a_teacher(names: Sequence[str] = ("red", "green", "blue"), side: int = SIDE, **changes: Any) -> Network:
    """A network that classifies these colors."""
    order = [("red", "green", "blue").index(name) if name in ("red", "green", "blue") else 0 for name in names]
    card = NetworkCard(
        **{"name": "local/colors", "identity": "local/colors#1"} | changes, family="cnn", architecture="x",
        input_px=(side, side), class_names=tuple(names), parameters=1, license="none", source="a test",
        mean=(0, 0, 0), std=(1, 1, 1),
    )  # fmt: skip
    return Network(card, Colors(order, side), "0" * 64)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return squares(each=4, held_out=1, side=SIDE)


def views_of(dataset: Dataset, seed: int = 0) -> Views:
    return Views(Examples(dataset, SIDE, SIDE), RECIPE, 4, seed, 0, torch.device("cpu"))


def predictions_of(network: Network, shelf: Shelf, dataset: Dataset, epoch: int = 0, seed: int = 0) -> Tensor:
    predictions = TeacherPredictions(network, dataset.digest, dataset.class_names, shelf)
    return predictions.of_epoch(views_of(dataset, seed), epoch, lambda _: None)


def calls(network: Network) -> int:
    assert isinstance(network.model, Colors)
    return network.model.calls


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full precision, also on a processor that computes bfloat16."""
    monkeypatch.setattr(teacher, "half_precision", lambda _device: False)


@pytest.mark.usefixtures("full_precision")
def test_predictions_are_the_teacher_s_probabilities_for_every_view(dataset: Dataset) -> None:
    result = predictions_of(a_teacher(), Shelf(), dataset)
    assert (result.shape, result.dtype) == ((3, 4, 3), torch.float16)
    for number, (pictures, _) in views_of(dataset).batches(0):
        expected = (5 * pictures.float().div(255).mean(dim=(2, 3))).softmax(dim=1)
        assert torch.allclose(result[number].float(), expected, atol=1e-3)


@pytest.mark.usefixtures("full_precision")
def test_columns_are_matched_by_the_names_of_the_classes(dataset: Dataset) -> None:
    """The teacher has them in another order, among others; what it thinks of those does not count."""
    plain = predictions_of(a_teacher(), Shelf(), dataset)
    other = predictions_of(a_teacher(("cat", "blue", "red", "dog", "green")), Shelf(), dataset)
    assert torch.equal(other, plain)


def test_an_unknown_class_is_refused_before_any_prediction(dataset: Dataset) -> None:
    network = a_teacher(("red", "blue", "yellow"))
    with pytest.raises(BadParameter, match=r"^a class of local/colors must be a name or .*got 'green'[^\n]*$"):
        TeacherPredictions(network, dataset.digest, dataset.class_names, Shelf())
    assert calls(network) == 0


def test_each_view_is_predicted_once_for_all_learners(dataset: Dataset) -> None:
    network, shelf = a_teacher(), Shelf()
    first = predictions_of(network, shelf, dataset)
    again = predictions_of(network, shelf, dataset)
    assert calls(network) == 3
    assert torch.equal(first, again)
    assert len(shelf) == 1
    predictions_of(network, shelf, dataset, epoch=1)
    assert calls(network) == 6


def test_progress_is_reported_unless_predictions_are_cached(dataset: Dataset) -> None:
    predictions, reported = TeacherPredictions(a_teacher(), dataset.digest, dataset.class_names, Shelf()), []
    for _ in range(2):
        predictions.of_epoch(views_of(dataset), 0, reported.append)
    assert reported == [0, pytest.approx(1 / 3), pytest.approx(2 / 3)]


def test_another_teacher_data_set_or_view_has_predictions_of_its_own(dataset: Dataset) -> None:
    shelf, other = Shelf(), squares(each=4, held_out=1, side=SIDE, seed=1)
    predictions_of(a_teacher(), shelf, dataset)
    predictions_of(a_teacher(identity="local/colors#2"), shelf, dataset)
    predictions_of(a_teacher(), shelf, other)
    predictions_of(a_teacher(), shelf, dataset, seed=1)
    predictions_of(a_teacher(), shelf, dataset, epoch=1)
    assert len(shelf) == 5


@pytest.mark.parametrize("damage", [lambda _: b"", lambda content: content[:-9], lambda content: content[:500] + b"x"])
def test_damaged_predictions_are_computed_again(dataset: Dataset, damage: Any) -> None:
    network, shelf = a_teacher(), Shelf()
    first = predictions_of(network, shelf, dataset)
    (kept,) = shelf.values()
    sound = kept.content
    kept.content = damage(sound)
    assert torch.equal(predictions_of(network, shelf, dataset), first)
    assert calls(network) == 6
    assert kept.content == sound


@pytest.mark.usefixtures("full_precision")
def test_views_are_resized_to_the_teacher_s_input_size(dataset: Dataset) -> None:
    small, large = (predictions_of(a_teacher(side=side), Shelf(), dataset).float() for side in (SIDE, 40))
    assert torch.allclose(small, large, atol=0.02)


def test_the_teacher_is_left_as_it_was(dataset: Dataset) -> None:
    network = a_teacher()
    predictions_of(network, Shelf(), dataset)
    assert not network.training
    assert torch.is_grad_enabled()
