"""L-BFGS with one evaluation a step that never increases the loss, and whose state holds tensors alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

HISTORY = 10
"""Steps in the history: each takes the memory of two pictures."""
SHRINK = 0.25
"""Factor by which a step that increased the loss is shortened."""
MAX_TRIES = 6
"""After so many shortened steps that all increase the loss, the history is dropped."""

_COUNTS = ("n_iter", "func_evals", "tries")
_LISTS = ("old_dirs", "old_stps", "ro", "start")
_NUMBERS = ("t", "prev_loss", "H_diag")


class Lbfgs(torch.optim.LBFGS):
    """torch's L-BFGS without a line search; no step is longer than `max_step`, as root mean square over all values.

    torch itself offers a line search of several evaluations a step, or full steps that may diverge. Here a step that
    increased the loss is undone and shortened; where even short steps increase it, the history is dropped. All tensors
    form one vector: for one picture at a time.
    """

    def __init__(self, tensors: list[Tensor], max_step: float) -> None:
        super().__init__(
            tensors,
            lr=max_step,
            max_iter=1,
            history_size=HISTORY,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn=None,
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        """One step along the gradients of the tensors; `closure` returns their loss. Returns that loss."""
        loss = float(closure())
        if self.undo_if_worse(loss):
            state = self.state[self._params[0]]
            state["tries"] += 1
            if state["tries"] <= MAX_TRIES:
                self._move(state["t"] * SHRINK)
            else:
                self.state.clear()
            return loss
        start, max_step = self._clone_param(), self.param_groups[0]["lr"]  # type: ignore[no-untyped-call]
        state = self.state[self._params[0]]
        steps = state.get("n_iter", 0)
        self.param_groups[0]["lr"] = 1.0  # torch's own first step
        super().step(lambda: loss)  # type: ignore[no-untyped-call]
        self.param_groups[0]["lr"] = max_step
        if state["n_iter"] == steps:  # the gradient is zero
            return loss
        state |= {"start": start, "tries": 0}
        step_length = float(state["d"].square().mean().sqrt() * state["t"])
        if step_length > max_step:
            self._set_param(start)
            self._move(state["t"] * max_step / step_length)
        return loss

    def _move(self, length: float) -> None:
        """Move by `length` times the search direction."""
        state = self.state[self._params[0]]
        state["t"] = length
        self._add_grad(length, state["d"])

    @torch.no_grad()
    def undo_if_worse(self, loss: float) -> bool:
        """Whether the last step increased the loss to `loss`; such a step is undone."""
        state = self.state[self._params[0]]
        worse = "start" in state and not loss <= state["prev_loss"]  # nan is an increase, too
        if worse:
            self._set_param(state["start"])
        return worse

    def state_dict(self) -> dict[str, Any]:
        """torch's state with lists split into their elements and numbers as tensors."""
        plain = super().state_dict()
        return plain | {"state": {number: _flattened(part) for number, part in plain["state"].items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        parts = {number: _unflattened(part) for number, part in state_dict["state"].items()}
        super().load_state_dict({**state_dict, "state": parts})


def _flattened(state: Mapping[str, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _COUNTS:
            tensors[name] = torch.tensor(value, dtype=torch.int64)
        elif name in _NUMBERS:
            tensors[name] = torch.as_tensor(value, dtype=torch.float64)
        elif isinstance(value, list):
            if name != "al":  # overwritten at each step before it is read
                tensors |= {f"{name}.{place}": tensor for place, tensor in enumerate(value)}
        else:
            tensors[name] = value
    return tensors


def _unflattened(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    state: dict[str, Any] = {name: [] for name in _LISTS} if "d" in tensors else {}
    listed = {name: tensor for name, tensor in tensors.items() if "." in name}
    for name in sorted(listed, key=lambda name: int(name.partition(".")[2])):
        state[name.partition(".")[0]].append(listed[name])
    for name in tensors.keys() - listed.keys():
        value = tensors[name]
        state[name] = int(value) if name in _COUNTS else float(value) if name in _NUMBERS else value
    return state
