from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor

from core.engine import checkpoint_timer
from core.errors import Canceled, ComputationFailed, Damaged
from core.items import Pixels, Series
from core.learning.loop import Loop, Plan
from core.method_base.method import Checkpoint, Context

PICTURES = torch.arange(7, dtype=torch.uint8).reshape(7, 1, 1, 1).expand(7, 1, 4, 4).contiguous()
PLAN = Plan(epochs=3, batch=3, seed=5)


class Sums:
    """Learns a number: what it has seen, weighted by when."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.value = torch.zeros((), dtype=torch.float64)
        self.breaks_at = breaks_at
        self.seen: list[list[int]] = []
        self.shares: list[float] = []

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        seen = (pictures[:, 0, 0, 0] * 255).round().int().tolist()
        self.seen.append(seen)
        self.shares.append(share)
        self.value = self.value * 0.9 + sum(seen) * (number + 1)
        return {"loss": float("nan") if number == self.breaks_at else float(self.value)}

    def measured(self) -> Mapping[str, float]:
        return {"held_out_loss": float(self.value) / 2}

    def preview(self) -> Pixels:
        return torch.zeros(2, 2, 3, dtype=torch.uint8).numpy()

    def tensors(self) -> Mapping[str, Tensor]:
        return {"value": self.value}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        if "value" not in tensors:
            raise Damaged("another learner's")
        self.value = tensors["value"]


class Kept(Checkpoint):
    content: bytes | None = None

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


class Job(Context):
    """Stops at a step; another loop may go on from its checkpoint."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(0)
        self.checkpoint: Kept = Kept()
        self.stop_at = stop_at
        self.steps: list[tuple[int, int]] = []
        self.scalars: list[dict[str, float]] = []
        self.drawn: list[list[int]] = []

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        assert preview is not None
        self.steps.append((step, total))
        self.scalars.append(dict(scalars or {}))
        if step == self.stop_at:
            raise Canceled("asked to stop")

    def draw(self, curves: Sequence[Series]) -> None:
        self.drawn.append([len(curve.y) for curve in curves])


def ended(job: Job, plan: Plan = PLAN) -> Loop:
    loop = Loop(Sums(), PICTURES, plan)
    loop.run(job, further=2)
    return loop


def seen(loop: Loop) -> list[list[int]]:
    assert isinstance(loop.learner, Sums)
    return loop.learner.seen


def test_each_picture_is_seen_at_most_once_an_epoch_in_an_order_of_its_own() -> None:
    batches = seen(ended(Job()))
    epochs = [[*batches[start], *batches[start + 1]] for start in (0, 2, 4)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_seed_decides_the_order() -> None:
    assert seen(ended(Job())) == seen(ended(Job()))
    assert seen(ended(Job())) != seen(ended(Job(), Plan(3, 3, 6)))


def test_a_batch_is_no_larger_than_the_data_set() -> None:
    loop = ended(Job(), Plan(2, 100, 0))
    assert [len(batch) for batch in seen(loop)] == [7, 7]


def test_every_step_is_reported_with_its_numbers_and_every_epoch_drawn() -> None:
    job = Job()
    loop = ended(job)
    assert job.steps == [(step, 8) for step in range(1, 7)]
    assert [scalars["epoch"] for scalars in job.scalars] == [1, 1, 2, 2, 3, 3]
    assert all("loss" in scalars for scalars in job.scalars)
    assert job.drawn == [[1, 1], [2, 2], [3, 3]]
    assert isinstance(loop.learner, Sums)
    assert loop.learner.shares == [step / 6 for step in range(6)]


def test_curves_are_means_of_the_steps_and_what_was_measured_after_each_epoch() -> None:
    job = Job()
    curves = ended(job).curves()
    losses = [scalars["loss"] for scalars in job.scalars]
    assert curves["loss"].y.tolist() == pytest.approx([(losses[i] + losses[i + 1]) / 2 for i in (0, 2, 4)])
    assert curves["held_out_loss"].y.tolist() == pytest.approx([losses[i] / 2 for i in (1, 3, 5)])
    assert curves["loss"].x.tolist() == [1, 2, 3]


def test_where_steps_are_counted_their_number_holds_and_curves_have_about_a_hundred_points() -> None:
    job = Job()
    loop = ended(job, Plan(0, 3, 5, steps=250))
    assert job.steps == [(step, 252) for step in range(1, 251)]
    assert all(scalars.keys() == {"loss"} for scalars in job.scalars)
    loss = loop.curves()["loss"]
    assert loss.x.tolist() == list(range(2, 251, 2))
    assert loss.x_label == "Step"
    losses = [scalars["loss"] for scalars in job.scalars]
    assert loss.y[:2].tolist() == pytest.approx([(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2])


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5, 6])
def test_a_loop_that_was_stopped_goes_on_to_the_same_end(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    monkeypatch.setattr(checkpoint_timer, "MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(checkpoint_timer, "MAX_TIME_SHARE", 1e9)
    job = Job(stop_at)
    with pytest.raises(Canceled):
        ended(job)
    job.stop_at, job.steps = None, []
    assert ended(job).to_bytes() == ended(Job()).to_bytes()
    assert job.steps[0] == (stop_at, 8)  # the step at which it was stopped was not kept


def test_what_has_learned_already_is_not_trained_again() -> None:
    job = Job()
    first = ended(job).to_bytes()
    job.steps = []
    assert ended(job).to_bytes() == first
    assert job.steps == []


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\0" * 500])
def test_a_damaged_checkpoint_starts_anew(content: bytes) -> None:
    job = Job()
    job.checkpoint.content = content
    ended(job)
    assert job.steps[0] == (1, 8)


def test_a_number_that_is_none_ends_it_in_a_sentence() -> None:
    with pytest.raises(ComputationFailed, match=r"^loss was nan at step 3: try a lower rate$"):
        Loop(Sums(breaks_at=3), PICTURES, PLAN).run(Job())
