from __future__ import annotations

import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from core.errors import ComputationFailed
from core.measures.accuracy import top_shares


def test_without_ties_it_is_top_k_accuracy() -> None:
    logits, labels = torch.randn(200, 12), torch.arange(200) % 12
    for count in (1, 5):
        expected = top_k_accuracy_score(labels.numpy(), logits.numpy(), k=count, labels=range(12))
        assert float(top_shares(logits, labels, count).mean()) == pytest.approx(expected)


def test_equal_logits_earn_what_chance_earns() -> None:
    constant, labels = torch.zeros(8, 10), torch.arange(8)
    assert top_shares(constant, labels).tolist() == pytest.approx([0.1] * 8)
    assert top_shares(constant, labels, 5).tolist() == pytest.approx([0.5] * 8)


def test_a_tie_is_shared_among_the_places_that_are_left() -> None:
    logits = torch.tensor([[3.0, 2.0, 2.0, 2.0, 1.0]]).expand(5, -1)
    assert top_shares(logits, torch.arange(5), 2).tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 0])
    assert top_shares(logits, torch.arange(5), 4).sum() == pytest.approx(4)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    logits = torch.zeros(2, 3)
    logits[1, 2] = value
    with pytest.raises(ComputationFailed, match="output is not finite"):
        top_shares(logits, torch.tensor([0, 1]))
