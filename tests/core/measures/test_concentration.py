from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from core.errors import Undefined
from core.measures.concentration import (
    BOUND,
    accuracy_by_size,
    class_evidence,
    measured,
    one_place_counted,
    pooled,
    runner_up_suppressed,
    suppressed,
    with_one_place_left,
)
from core.networks.catalog import get_card
from core.networks.concentration import BeforeAfter
from core.networks.loading import load
from core.networks.network import Network

LABELS = torch.tensor([0, 1, 2])


class Colors(nn.Module):
    """Evidence for a class at a place: how much of its color is there. Mean of the places, or the strongest."""

    def __init__(self, strongest: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3, bias=False)
        self.fc.weight.data = torch.eye(3) * 4
        if strongest:
            self.join = lambda evidence: evidence.amax(dim=(2, 3))

    def forward_features(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 4)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward(self, x: Tensor) -> Tensor:
        evidence = self.fc(self.forward_features(x).movedim(1, -1)).movedim(-1, 1)
        return evidence.amax(dim=(2, 3)) if hasattr(self, "join") else evidence.mean(dim=(2, 3))


def colors(strongest: bool = False) -> Network:
    card = get_card("random/resnet18").model_copy(
        update={"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "class_names": ("red", "green", "blue")}
    )
    return Network(card, Colors(strongest), "0" * 64)


@pytest.fixture
def pictures() -> Tensor:
    """(3, 3, 16, 16): gray with a patch of red, of green and of blue."""
    patches = torch.full((3, 3, 16, 16), 0.3)
    for label in range(3):
        patches[label, label, 4:8, 8:12] = 0.9
    return patches


@pytest.mark.parametrize("name", ["random/resnet18", "random/test_resnet"])
def test_pooled_evidence_is_the_network_s_logits(name: str) -> None:
    network = load(get_card(name))
    pictures_ = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    evidence = class_evidence(network, pictures_)
    torch.testing.assert_close(pooled(network, evidence), network(pictures_), atol=1e-4, rtol=1e-4)


def test_a_network_without_a_feature_map_has_no_evidence() -> None:
    with pytest.raises(Undefined, match="no feature map"):
        class_evidence(load(get_card("random/test_vit")), torch.zeros(1, 3, 160, 160))


def test_under_mean_pooling_one_position_counts_a_sixteenth(pictures: Tensor) -> None:
    before, after = one_place_counted(colors(), pictures, LABELS)
    own = torch.arange(3)
    torch.testing.assert_close(before[own, LABELS], torch.full((3,), 4 * (0.3 + 0.6 / 16)))
    torch.testing.assert_close(after, before)  # everything else is the weakest already
    strong = pictures.clone()
    strong[:, :, :4, :4] += 0.3  # a second place, that counts no more
    before, after = one_place_counted(colors(), strong, LABELS)
    torch.testing.assert_close((before - after)[own, LABELS], torch.full((3,), 4 * 0.3 / 16))


def test_under_max_pooling_one_position_is_enough(pictures: Tensor) -> None:
    strong = pictures.clone()
    strong[:, :, :4, :4] += 0.3
    before, after = one_place_counted(colors(strongest=True), strong, LABELS)
    torch.testing.assert_close(after, before)


def test_suppression_stays_within_its_bound_and_lowers_the_evidence(pictures: Tensor) -> None:
    changed = suppressed(colors(), pictures, LABELS)
    assert (changed - pictures).abs().max() <= BOUND + 1e-6
    lowered = pictures[torch.arange(3), LABELS] - changed[torch.arange(3), LABELS]
    torch.testing.assert_close(lowered, torch.full_like(lowered, BOUND))  # all of its color, as far as it may
    off_diagonal = torch.ones(3, 3, dtype=torch.bool).fill_diagonal_(False)
    assert torch.equal(changed[off_diagonal], pictures[off_diagonal])


def test_spared_pixels_stay(pictures: Tensor) -> None:
    spared = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    spared[:, :, :8] = True
    changed = suppressed(colors(), pictures, LABELS, spared=spared)
    assert torch.equal(changed[:, :, :8], pictures[:, :, :8])
    assert not torch.equal(changed[:, :, 8:], pictures[:, :, 8:])


def test_without_the_runner_up_a_class_is_more_confident(pictures: Tensor) -> None:
    result = measured(runner_up_suppressed, colors(), pictures, LABELS)
    assert result.probability_after > result.probability_before
    assert result.more_confident == result.accuracy_before == result.accuracy_after == 1


def test_with_one_window_left_the_strongest_position_is_unchanged(pictures: Tensor) -> None:
    strongest = measured(with_one_place_left, colors(strongest=True), pictures, LABELS)
    mean = measured(with_one_place_left, colors(), pictures, LABELS)
    assert strongest.probability_after == pytest.approx(strongest.probability_before)
    assert mean.probability_after < mean.probability_before


def test_chunks_give_the_measures_of_all(pictures: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(_: Network, pictures_: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = nn.functional.one_hot(labels, 3).float() * pictures_.mean(dim=(1, 2, 3))[:, None]
        return logits, -logits

    whole = measured(change, colors(), pictures, LABELS)
    monkeypatch.setattr("core.measures.concentration.CHUNK", 2)
    assert measured(change, colors(), pictures, LABELS) == whole
    assert isinstance(whole, BeforeAfter)
    assert (whole.accuracy_before, whole.accuracy_after, whole.more_confident) == (1, 0, 0)


def test_the_mean_color_is_right_at_every_size(pictures: Tensor) -> None:
    assert accuracy_by_size(colors(), pictures, LABELS, (8, 16, 48)) == {8: 1, 16: 1, 48: 1}
    wrong = accuracy_by_size(colors(), pictures, LABELS.flip(0), (16,))
    assert wrong == {16: pytest.approx(1 / 3)}
    assert math.isclose(sum(wrong.values()), 1 / 3, rel_tol=1e-6)


def test_evidence_for_a_preserved_class_stays(pictures: Tensor) -> None:
    network, off_diagonal = colors(), LABELS.roll(1)
    rows = torch.arange(3)
    before = class_evidence(network, pictures)
    after = class_evidence(network, suppressed(network, pictures, off_diagonal, preserved=LABELS))
    torch.testing.assert_close(after[rows, LABELS], before[rows, LABELS])
    assert (after[rows, off_diagonal].sum((1, 2)) < before[rows, off_diagonal].sum((1, 2))).all()
