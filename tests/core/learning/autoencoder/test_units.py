from __future__ import annotations

import torch
from torch import Tensor

from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.units import WALK, Units, walk_labels
from tests.core.learning.autoencoder.fitting import untrained


def with_decoder(weight: Tensor, **parts: object) -> Autoencoder:
    """A linear one whose code's values draw the columns of `weight` (64, D)."""
    model: Autoencoder = untrained(architecture="linear", code=weight.shape[1], **parts)
    with torch.no_grad():
        model.coder.decoder.weight.copy_(weight)  # type: ignore[union-attr, operator]
        model.mean.zero_()
    return model


CODES = torch.tensor([[1.0, 0, 5], [3, 0, 5.5], [2, 0, 4.5]])


def test_the_unit_that_changes_a_picture_most_comes_first() -> None:
    weight = torch.eye(64)[:, :3] * torch.tensor([1.0, 100.0, 1.0])
    units = Units(with_decoder(weight), CODES)
    assert units.strongest.tolist() == [0, 2, 1]  # the second one never changes
    assert units.unit_order() == "units 0, 2, 1"


def test_a_unit_is_decoded_at_a_number_of_deviations_from_the_mean_code() -> None:
    decoded = Units(with_decoder(torch.eye(64)[:, :3]), CODES).decoded(torch.tensor([0, 2]), 2.0).flatten(1)
    first, third = CODES[:, 0].std(correction=0), CODES[:, 2].std(correction=0)
    assert torch.allclose(decoded[0, :3], torch.tensor([2 + 2 * float(first), 0, 5]))
    assert torch.allclose(decoded[1, :3], torch.tensor([2, 0, 5 + 2 * float(third)]))


def test_a_rectified_code_never_falls_below_zero() -> None:
    decoded = Units(with_decoder(torch.eye(64)[:, :3], rectified=True), CODES).decoded(torch.tensor([0]), -3.0)
    assert float(decoded.flatten()[0]) == 0


def test_a_walk_goes_from_below_the_mean_to_above_it() -> None:
    model = with_decoder(torch.eye(64)[:, :3] / 10)
    units = Units(model, CODES)
    walk = units.walk()
    labels, middle = walk_labels(), len(WALK) // 2
    assert len(walk) == len(labels)
    assert (labels[0], labels[middle], labels[-1]) == (
        "-3 standard deviations",
        "the mean code",
        "+3 standard deviations",
    )
    assert (walk[0] != walk[-1]).any()
    assert (walk[middle][:80, :80] == walk[middle][:80, 82:162]).all()  # in the middle all are the mean code


def test_at_most_sixteen_are_displayed() -> None:
    model = untrained(code=40)
    assert len(Units(model, torch.rand(9, 40)).strongest) == 16
    assert Units(model, torch.rand(9, 40)).sheet().shape[2] == 3
