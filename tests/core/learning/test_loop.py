from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from core.engine import checkpoint_timer
from core.errors import Canceled, ComputationFailed, Damaged
from core.items import Pixels
from core.learning.loop import Loop, Plan
from tests.support.contexts import RecordingContext

PICTURES = torch.arange(7, dtype=torch.uint8).reshape(7, 1, 1, 1).expand(7, 1, 4, 4).contiguous()
PLAN = Plan(epochs=3, batch=3, seed=5)


class Sums:
    """Learns a number: the sum of its pictures, weighted by step."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.value = torch.zeros((), dtype=torch.float64)
        self.breaks_at = breaks_at
        self.batches_of: list[list[int]] = []
        self.shares: list[float] = []

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        batches_of = (pictures[:, 0, 0, 0] * 255).round().int().tolist()
        self.batches_of.append(batches_of)
        self.shares.append(share)
        self.value = self.value * 0.9 + sum(batches_of) * (number + 1)
        return {"loss": float("nan") if number == self.breaks_at else float(self.value)}

    def evaluate(self) -> Mapping[str, float]:
        return {"held_out_loss": float(self.value) / 2}

    def preview(self) -> Pixels:
        return torch.zeros(2, 2, 3, dtype=torch.uint8).numpy()

    def tensors(self) -> Mapping[str, Tensor]:
        return {"value": self.value}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        if "value" not in tensors:
            raise Damaged("another learner's")
        self.value = tensors["value"]


def ended(job: RecordingContext, plan: Plan = PLAN) -> Loop:
    loop = Loop(Sums(), PICTURES, plan)
    loop.run(job, extra_steps=2)
    return loop


def batches_of(loop: Loop) -> list[list[int]]:
    assert isinstance(loop.learner, Sums)
    return loop.learner.batches_of


def test_each_picture_is_used_at_most_once_per_epoch_in_an_order_of_its_own() -> None:
    batches = batches_of(ended(RecordingContext()))
    epochs = [[*batches[start], *batches[start + 1]] for start in (0, 2, 4)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_seed_decides_the_order() -> None:
    assert batches_of(ended(RecordingContext())) == batches_of(ended(RecordingContext()))
    assert batches_of(ended(RecordingContext())) != batches_of(ended(RecordingContext(), Plan(3, 3, 6)))


def test_a_batch_is_no_larger_than_the_data_set() -> None:
    loop = ended(RecordingContext(), Plan(2, 100, 0))
    assert [len(batch) for batch in batches_of(loop)] == [7, 7]


def test_every_step_is_reported_with_its_values_and_curves_are_drawn_every_epoch() -> None:
    job = RecordingContext()
    loop = ended(job)
    assert job.steps == [1, 2, 3, 4, 5, 6]
    assert job.totals == [8] * 6
    assert [scalars["epoch"] for scalars in job.scalars] == [1, 1, 2, 2, 3, 3]
    assert all("loss" in scalars for scalars in job.scalars)
    assert [[len(curve.y) for curve in curves] for curves in job.curves] == [[1, 1], [2, 2], [3, 3]]
    assert isinstance(loop.learner, Sums)
    assert loop.learner.shares == [step / 6 for step in range(6)]


def test_curves_are_means_of_the_steps_and_what_was_measured_after_each_epoch() -> None:
    job = RecordingContext()
    curves = ended(job).curves()
    losses = [scalars["loss"] for scalars in job.scalars]
    assert curves["loss"].y.tolist() == pytest.approx([(losses[i] + losses[i + 1]) / 2 for i in (0, 2, 4)])
    assert curves["held_out_loss"].y.tolist() == pytest.approx([losses[i] / 2 for i in (1, 3, 5)])
    assert curves["loss"].x.tolist() == [1, 2, 3]


def test_where_steps_are_counted_their_number_holds_and_curves_have_about_a_hundred_points() -> None:
    job = RecordingContext()
    loop = ended(job, Plan(0, 3, 5, steps=250))
    assert job.steps == list(range(1, 251))
    assert set(job.totals) == {252}
    assert all(scalars.keys() == {"loss"} for scalars in job.scalars)
    loss = loop.curves()["loss"]
    assert loss.x.tolist() == list(range(2, 251, 2))
    assert loss.x_label == "Step"
    losses = [scalars["loss"] for scalars in job.scalars]
    assert loss.y[:2].tolist() == pytest.approx([(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2])


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5, 6])
def test_an_interrupted_loop_continues_to_the_same_end(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
    job = RecordingContext(stop_at=stop_at)
    with pytest.raises(Canceled):
        ended(job)
    job.stop_at, job.steps = None, []
    assert ended(job).to_bytes() == ended(RecordingContext()).to_bytes()
    assert job.steps[0] == stop_at  # the step at which it was stopped was not kept


def test_a_finished_training_is_not_repeated() -> None:
    job = RecordingContext()
    first = ended(job).to_bytes()
    job.steps = []
    assert ended(job).to_bytes() == first
    assert job.steps == []


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\0" * 500])
def test_a_damaged_checkpoint_starts_anew(content: bytes) -> None:
    job = RecordingContext()
    job.checkpoint.content = content
    ended(job)
    assert job.steps[0] == 1


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    with pytest.raises(ComputationFailed, match=r"^loss was nan at step 3: try a lower learning rate$"):
        Loop(Sums(breaks_at=3), PICTURES, PLAN).run(RecordingContext())
