from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.engine.checkpoints import from_bytes, load_optimizer_state, optimizer_state, to_bytes
from core.engine.optimization.lbfgs import HISTORY, Lbfgs


def rosenbrock(point: Tensor) -> Tensor:
    """A bent valley; 0 at (1, 1, ...)."""
    return (100 * (point[1:] - point[:-1].square()).square() + (1 - point[:-1]).square()).sum()


def quadratic(point: Tensor) -> Tensor:
    return (torch.arange(1.0, 1 + len(point)) * (point - 3).square()).sum()


def walk(loss_of: Callable[[Tensor], Tensor], point: Tensor, optimizer: Lbfgs, steps: int) -> list[float]:
    """The losses before each step."""
    losses = []
    for _ in range(steps):
        loss = loss_of(point)
        (point.grad,) = torch.autograd.grad(loss, [point])
        optimizer.step(loss.detach)  # type: ignore[arg-type]
        losses.append(float(loss.detach()))
    return losses


def test_without_an_increase_of_the_loss_it_equals_torch_s() -> None:
    mine, theirs = (torch.zeros(6, requires_grad=True) for _ in range(2))
    walk(quadratic, mine, Lbfgs([mine], math.inf), 12)
    optimizer = torch.optim.LBFGS([theirs], lr=1.0, max_iter=12, history_size=HISTORY)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = quadratic(theirs)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(mine, theirs)


def test_it_follows_a_bent_valley_to_its_end_where_full_steps_diverge() -> None:
    point = torch.tensor([-1.2, 1.0, -0.5, 2.0], requires_grad=True)
    losses = walk(rosenbrock, point, Lbfgs([point], 1.0), 150)
    torch.testing.assert_close(point.detach(), torch.ones(4), atol=1e-2, rtol=0)
    assert min(losses) < 1e-4


def test_a_step_that_increases_the_loss_is_undone() -> None:
    point = torch.tensor([-1.2, 1.0], requires_grad=True)
    losses = walk(rosenbrock, point, Lbfgs([point], math.inf), 60)
    assert any(later > earlier for earlier, later in itertools.pairwise(losses))
    best = losses[0]
    for number in range(1, len(losses)):
        if losses[number] > best:  # the next step begins lower again, or tries something shorter
            assert min(losses[number + 1 : number + 9], default=0.0) <= best
        best = min(best, losses[number])
    assert best < 0.5 * losses[0]


def test_a_step_to_a_nan_loss_is_undone() -> None:
    point = torch.tensor([4.0], requires_grad=True)
    losses = walk(lambda x: (x - x.log() * 0.1).sum(), point, Lbfgs([point], 4.0), 40)  # the logarithm ends at 0
    assert point.isfinite().all()
    assert point.item() == pytest.approx(0.1, abs=0.05)
    assert min(loss for loss in losses if loss == loss) < 1  # noqa: PLR0124  not a number


def test_no_step_is_longer_than_it_may_be() -> None:
    point = torch.zeros(6, requires_grad=True)
    optimizer = Lbfgs([point], 0.05)
    for _ in range(40):
        before = point.detach().clone()
        walk(quadratic, point, optimizer, 1)
        assert (point.detach() - before).square().mean().sqrt() <= 0.05 * (1 + 1e-5)
    assert quadratic(point.detach()) < 0.7 * quadratic(torch.zeros(6))


def test_without_a_slope_it_stays_where_it_is_and_goes_on_where_there_is_one() -> None:
    point = torch.full((3,), 3.0, requires_grad=True)
    optimizer = Lbfgs([point], 0.5)
    assert walk(quadratic, point, optimizer, 3) == [0.0] * 3
    assert torch.equal(point, torch.full((3,), 3.0))
    again = Lbfgs([point], 0.5)
    load_optimizer_state(again, from_bytes(to_bytes(optimizer_state(optimizer), {}))[0])
    assert walk(lambda x: quadratic(x + 1), point, again, 40)[-1] < 1e-3


@pytest.mark.parametrize("finished", [0, 1, 2, 5, 30])
def test_its_state_goes_through_bytes(finished: int) -> None:
    start = [-1.2, 1.0, -0.5, 2.0]
    whole, part = (torch.tensor(start, requires_grad=True) for _ in range(2))
    walk(rosenbrock, whole, Lbfgs([whole], 1.0), finished + 20)
    optimizer = Lbfgs([part], 1.0)
    walk(rosenbrock, part, optimizer, finished)
    tensors, _ = from_bytes(to_bytes(optimizer_state(optimizer), {}))
    again = Lbfgs([part], 1.0)
    load_optimizer_state(again, tensors)
    walk(rosenbrock, part, again, 20)
    assert torch.equal(part, whole)
