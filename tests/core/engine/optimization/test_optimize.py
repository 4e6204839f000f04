from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from core.engine.optimization import optimize
from core.engine.optimization.gradients import normalized
from core.engine.optimization.optimize import Objective, Outcome, Plan, descend
from core.engine.optimization.parameterizations import pixel_parameterization
from core.engine.optimization.recorder import CHECK_EVERY, even_steps
from core.engine.ranges import as_stored, clamp, from_pixels, rescale
from core.engine.style.edges import energy
from core.errors import Canceled, ComputationFailed
from core.method_base.method import Context
from tests.support.contexts import MemoryCheckpoint


class CallbackContext(Context):
    """Calls `callback` with each report."""

    def __init__(self, callback: Callable[..., Any]) -> None:
        super().__init__()
        self.callback = callback

    def report(self, *arguments: Any) -> None:
        self.callback(*arguments)


def photo(count: int = 1) -> Tensor:
    return torch.rand(count, 3, 12, 14, generator=torch.Generator().manual_seed(0))


def toward(goal: float) -> Objective:
    return lambda picture, _: {"total": (picture - goal).square().mean(dim=(1, 2, 3))}


def edges(picture: Tensor, step: int) -> dict[str, Tensor]:  # noqa: ARG001
    return {"total": energy(picture)}


def run(objective: Objective, start: Tensor | None = None, every: int = 0, **plan: Any) -> Outcome:
    begin = photo() if start is None else start
    sheet = pixel_parameterization(begin, rescale, every) if every else pixel_parameterization(begin, clamp)
    return descend(sheet, objective, Plan(**({"steps": 20} | plan)), Context())


def optimized(objective: Objective, start: Tensor | None = None, **plan: Any) -> Tensor:
    """The final pixels before they are rounded to be stored."""
    pixels = pixel_parameterization(photo() if start is None else start, clamp)
    descend(pixels, objective, Plan(**({"steps": 20} | plan)), Context())
    return pixels.pixels.detach()


def test_plain_descent_has_the_closed_form_of_its_quadratic() -> None:
    final = optimized(toward(0.5), optimizer="sgd", learning_rate=0.05, steps=9)
    # the gradient of the mean times the number of values is 2 (x - 0.5): each step leaves 1 - 2 rate of the distance
    torch.testing.assert_close(final, 0.5 + 0.9**9 * (photo() - 0.5))


def test_momentum_is_that_of_the_heavy_ball() -> None:
    final = optimized(toward(0.5), optimizer="sgd", learning_rate=0.02, momentum=0.8, steps=5)
    distance, velocity = photo() - 0.5, torch.zeros_like(photo())
    for _ in range(5):
        velocity = 0.8 * velocity + 2 * distance
        distance = distance - 0.02 * velocity
    torch.testing.assert_close(final, 0.5 + distance)


def test_the_first_step_of_adam_moves_every_pixel_by_the_rate() -> None:
    final = optimized(toward(2.0), start=photo() * 0.5, learning_rate=0.01, steps=1)
    torch.testing.assert_close(final, photo() * 0.5 + 0.01)


def test_a_cosine_takes_the_learning_rate_to_0() -> None:
    final = optimized(toward(0.5), optimizer="sgd", learning_rate=0.05, steps=8, schedule="cosine")
    shares = [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    left = math.prod(1 - 2 * 0.05 * share for share in shares)
    torch.testing.assert_close(final, 0.5 + left * (photo() - 0.5))


@pytest.mark.parametrize(
    ("optimizer", "learning_rate"), [("adam", 0.02), ("sgd", 0.02), ("rmsprop", 0.02), ("lbfgs", 1.0)]
)
def test_every_optimizer_comes_near_the_minimum(optimizer: str, learning_rate: float) -> None:
    outcome = run(toward(0.5), optimizer=optimizer, learning_rate=learning_rate, steps=60)
    assert outcome.traces["total"][-1] < 0.02 * outcome.traces["total"][0]


def test_edge_energy_falls_at_every_step_of_plain_descent() -> None:
    """Sobel's filters together amplify no wave's power by more than 64, so that the Hessian's eigenvalues stay under
    128 H W / ((H - 2) (W - 2)) = 179, and every rate under 2 / 179 = 0.0112 must descend."""
    falling = run(edges, optimizer="sgd", learning_rate=0.011, steps=60).traces["total"][:, 0]
    assert (falling[:-1].diff() < 0).all()  # the last one is that of the rounded picture


def test_that_bound_on_the_learning_rate_is_sharp() -> None:
    waves = torch.zeros(1, 3, 64, 64) + (torch.arange(64) % 4 // 2) * 0.02 + 0.49  # the steepest: period 4 along x
    outcome = run(edges, start=waves, optimizer="sgd", learning_rate=0.017, steps=30)
    assert outcome.traces["total"][30, 0] > outcome.traces["total"][10, 0]


def test_a_batch_is_its_pictures_one_by_one() -> None:
    batched = run(edges, start=photo(3), every=4, frames=3)
    for index in range(3):
        single = run(edges, start=photo(3)[index : index + 1], every=4, frames=3)
        torch.testing.assert_close(batched.picture[index], single.picture[0])
        torch.testing.assert_close(batched.traces["total"][:, index], single.traces["total"][:, 0])
        assert (batched.frames[:, index].int() - single.frames[:, 0].int()).abs().max() <= 1


def test_the_same_start_gives_the_same_bytes() -> None:
    first, second = (run(edges, frames=5) for _ in range(2))
    assert torch.equal(first.picture, second.picture)
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.traces["total"], second.traces["total"])


def test_traces_hold_every_step_and_the_final_picture() -> None:
    outcome = run(toward(0.5), every=7, steps=10)
    assert outcome.traces["total"].shape == (11, 1)
    torch.testing.assert_close(outcome.traces["total"][0], toward(0.5)(photo(), 0)["total"])
    assert torch.equal(outcome.traces["total"][-1], toward(0.5)(outcome.picture, 10)["total"])


def test_the_final_picture_and_its_values_are_those_of_the_stored_bytes() -> None:
    outcome = run(toward(0.3), learning_rate=0.001, steps=7, frames=2)
    decoded = torch.cat([from_pixels(frame.numpy()) for frame in outcome.frames[-1]])
    assert torch.equal(outcome.picture, decoded)
    assert torch.equal(outcome.traces["total"][-1], toward(0.3)(decoded, 7)["total"])


def test_what_is_kept_of_the_picture_is_rounded_and_measured() -> None:
    outcome = run(toward(0.3), kept=lambda picture: picture[..., ::2], frames=2)
    assert outcome.picture.shape == (1, 3, 12, 7)
    assert torch.equal(outcome.picture, as_stored(outcome.picture))
    assert torch.equal(outcome.traces["total"][-1], toward(0.3)(outcome.picture, 20)["total"])


@pytest.mark.parametrize("every", [0, 3, 1000])
def test_the_final_picture_is_in_range_whatever_the_turn(every: int) -> None:
    outcome = run(toward(5.0), every=every, learning_rate=0.3, steps=10)
    assert outcome.picture.min() >= 0
    assert outcome.picture.max() <= 1


def test_frames_go_from_the_start_to_the_end() -> None:
    outcome = run(toward(1.0), frames=4, steps=30)
    assert outcome.frames.shape == (4, 1, 12, 14, 3)
    assert torch.equal(outcome.frames[0, 0], (photo()[0] * 255).round().byte().movedim(0, -1))
    assert torch.equal(outcome.frames[-1, 0], (outcome.picture[0] * 255).round().byte().movedim(0, -1))
    brightness = outcome.frames.float().mean(dim=(1, 2, 3, 4))
    assert (brightness.diff() > 0).all()


def test_frames_are_evenly_spread_and_bounded() -> None:
    assert sorted(even_steps(200, 5)) == [0, 50, 100, 150, 200]
    assert sorted(even_steps(3, 120)) == [0, 1, 2, 3]
    assert even_steps(200, 0) == frozenset()
    for steps, count in itertools.product((1, 7, 200, 9999), (2, 24, 120)):
        selected = sorted(even_steps(steps, count))
        assert (selected[0], selected[-1], len(selected)) == (0, steps, min(count, steps + 1))
        gaps = {later - earlier for earlier, later in itertools.pairwise(selected)}
        assert max(gaps) - min(gaps) <= 1


def test_each_step_is_reported_with_its_numbers_and_a_picture() -> None:
    reports: list[tuple[int, int, dict[str, float], tuple[int, ...]]] = []
    descend(
        pixel_parameterization(photo(), clamp),
        toward(0.5),
        Plan(steps=3),
        CallbackContext(
            lambda step, total, scalars, preview: reports.append((step, total, dict(scalars), preview().shape))
        ),
    )
    assert [(step, total, shape) for step, total, _, shape in reports] == [(n, 3, (12, 14, 3)) for n in (1, 2, 3)]
    assert reports[0][2] == {"total": pytest.approx(toward(0.5)(photo(), 0)["total"].item())}


def test_values_that_are_not_read_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []
    monkeypatch.setattr(Tensor, "__float__", lambda _: fetched.append(1) or 0.0)  # type: ignore[func-returns-value]
    run(toward(0.5))
    assert not fetched


@pytest.mark.parametrize(("breaks_at", "steps"), [(0, 40), (3, 40), (26, 40), (39, 40), (40, 40)])
def test_a_loss_that_is_no_longer_finite_raises_an_error_with_its_step(breaks_at: int, steps: int) -> None:
    def objective(picture: Tensor, step: int) -> dict[str, Tensor]:
        return {"total": picture.mean(dim=(1, 2, 3)) * (torch.nan if step >= breaks_at else 1.0)}

    with pytest.raises(ComputationFailed, match=f"no longer finite at step {breaks_at} of {steps}"):
        run(objective, steps=steps)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_an_interrupted_run_continues_to_the_same_bytes(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "CHECKPOINT_EVERY_S", 0)
    plan = Plan(steps=12, optimizer=optimizer, learning_rate=0.01, momentum=0.5, frames=4, schedule="cosine")  # type: ignore[arg-type]

    def killed(step: int, *_: Any) -> None:
        if step == 7:
            raise KeyboardInterrupt

    cut, resumed = CallbackContext(killed), Context()
    cut.checkpoint = resumed.checkpoint = MemoryCheckpoint()
    with pytest.raises(KeyboardInterrupt):
        descend(pixel_parameterization(photo(2), clamp), edges, plan, cut)
    steps: list[int] = []
    resumed.report = lambda step, *_: steps.append(step)  # type: ignore[method-assign]
    again = descend(pixel_parameterization(photo(2), clamp), edges, plan, resumed)
    whole = descend(pixel_parameterization(photo(2), clamp), edges, plan, Context())
    assert steps == [7, 8, 9, 10, 11, 12]  # six steps were kept; the seventh had not been
    assert torch.equal(again.picture, whole.picture)
    assert torch.equal(again.frames, whole.frames)
    assert torch.equal(again.traces["total"], whole.traces["total"])


def test_a_damaged_checkpoint_is_a_start_from_the_beginning() -> None:
    context = Context()
    context.checkpoint = MemoryCheckpoint()
    context.checkpoint.write(b"no checkpoint")
    again = descend(pixel_parameterization(photo(), clamp), edges, Plan(steps=3), context)
    assert torch.equal(again.picture, run(edges, steps=3).picture)


def test_a_checkpoint_of_another_size_is_a_start_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "CHECKPOINT_EVERY_S", 0)
    context = Context()
    context.checkpoint = MemoryCheckpoint()
    descend(pixel_parameterization(photo(2), clamp), edges, Plan(steps=3), context)  # leaves its last checkpoint behind
    assert context.checkpoint.read()
    again = descend(pixel_parameterization(photo(), clamp), edges, Plan(steps=3), context)
    assert torch.equal(again.picture, run(edges, steps=3).picture)


def test_a_run_ends_when_its_values_are_good_enough() -> None:
    outcome = run(edges, steps=400, frames=3, stop_when=lambda values: bool(values["total"].mean() < 1e9))
    assert outcome.steps == CHECK_EVERY
    assert torch.equal(outcome.frames[-1, 0], (outcome.picture[0] * 255).round().byte().movedim(0, -1))


def test_a_normalized_gradient_moves_each_picture_by_the_rate() -> None:
    steep = photo(2) * torch.tensor([1.0, 0.1]).view(2, 1, 1, 1)
    final = optimized(toward(0.5), start=steep, optimizer="sgd", learning_rate=0.01, steps=1, gradient=normalized)
    lengths = (final - steep).square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(lengths, torch.full((2,), 0.01))


def test_what_the_report_raises_ends_the_run_and_leaves_no_trace() -> None:
    def stop(step: int, *_: Any) -> None:
        if step == 2:
            raise Canceled("asked to stop")

    torch.set_grad_enabled(False)
    try:
        with pytest.raises(Canceled):
            descend(pixel_parameterization(photo(), clamp), edges, Plan(steps=9), CallbackContext(stop))
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def test_weights_that_are_not_frozen_get_no_gradient() -> None:
    layer = torch.nn.Conv2d(3, 2, 3)
    run(lambda picture, _: {"total": layer(picture).square().mean(dim=(1, 2, 3))})
    assert layer.weight.grad is None


def test_reduced_precision_applies_to_products_and_not_to_sums() -> None:
    layer = torch.nn.Conv2d(3, 2, 3).requires_grad_(False)
    types: list[torch.dtype] = []

    def objective(picture: Tensor, step: int) -> dict[str, Tensor]:  # noqa: ARG001
        output = layer(picture)
        types.extend([output.dtype, energy(picture).dtype])
        return {"total": output.float().square().mean(dim=(1, 2, 3)) + energy(picture)}

    outcome = run(objective, precision="bf16", steps=1)
    assert types == [torch.bfloat16, torch.float32, torch.float32, torch.float32]  # the result in full precision
    assert outcome.picture.dtype == torch.float32


def test_frames_and_preview_are_displayed_as_planned() -> None:
    previews: list[Any] = []
    context = CallbackContext(lambda *reported: previews.append(reported[3]()))
    plan = Plan(steps=10, frames=3, display=lambda picture: 1 - picture)
    outcome = descend(pixel_parameterization(photo(), clamp), toward(1.0), plan, context)
    assert (previews[-1] == outcome.frames[-1, 0].numpy()).all()
    assert torch.equal(outcome.frames[0, 0], ((1 - photo()[0]) * 255).round().byte().movedim(0, -1))
    assert torch.equal(outcome.picture, run(toward(1.0), steps=10).picture)


def test_l_bfgs_never_ends_with_a_larger_loss() -> None:
    start = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def hilly(picture: Tensor, step: int) -> dict[str, Tensor]:  # noqa: ARG001
        return {"total": ((picture - 0.3).square() + 0.3 * (9 * picture).sin()).mean(dim=(1, 2, 3))}

    climbed = 0
    for steps in range(2, 14):
        plan: dict[str, Any] = {"optimizer": "lbfgs", "learning_rate": 6.0, "steps": steps}
        trace = run(hilly, start=start, **plan).traces["total"][:-1, 0]
        climbed += int((trace.diff() > 0).sum())
        assert hilly(optimized(hilly, start=start, **plan), steps)["total"] <= trace.min() + 1e-6
    assert climbed


def test_a_reset_optimizer_equals_a_new_one() -> None:
    whole = run(edges, optimizer="adam", learning_rate=0.01, steps=12, reset_steps=frozenset({5}))
    first = optimized(edges, optimizer="adam", learning_rate=0.01, steps=5)
    second = run(edges, start=first, optimizer="adam", learning_rate=0.01, steps=7)
    assert torch.equal(whole.picture, second.picture)
    assert not torch.equal(whole.picture, run(edges, optimizer="adam", learning_rate=0.01, steps=12).picture)
