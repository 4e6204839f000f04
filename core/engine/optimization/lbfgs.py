"""L-BFGS with one evaluation a step, which never climbs, and whose state is tensors alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

HISTORY = 10
"""Steps that are remembered: each takes the memory of two pictures."""
SHORTER = 0.25
"""What is left of a step that made the loss larger."""
TRIES = 6
"""Where so many shorter steps all climb, what was remembered no longer holds."""

_COUNTS = ("n_iter", "func_evals", "tries")
_LISTS = ("old_dirs", "old_stps", "ro", "here")
_NUMBERS = ("t", "prev_loss", "H_diag")


class Lbfgs(torch.optim.LBFGS):
    """torch's L-BFGS without a line search; no step is longer than `longest`, the root mean square over all values.

    torch itself offers a line search of several evaluations a step, or full steps that may run away. Here a step that
    made the loss larger is taken back and shortened; where even short ones climb, what was remembered is forgotten. All
    tensors count as one: for one picture at a time.
    """

    def __init__(self, tensors: list[Tensor], longest: float) -> None:
        super().__init__(
            tensors,
            lr=longest,
            max_iter=1,
            history_size=HISTORY,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn=None,
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        """One step by the gradients that are there; `closure` gives their loss."""
        loss = float(closure())
        if self.taken_back(loss):
            state = self.state[self._params[0]]
            state["tries"] += 1
            if state["tries"] <= TRIES:
                self._go(state["t"] * SHORTER)
            else:
                self.state.clear()
            return loss
        here, longest = self._clone_param(), self.param_groups[0]["lr"]  # type: ignore[no-untyped-call]
        state = self.state[self._params[0]]
        steps = state.get("n_iter", 0)
        self.param_groups[0]["lr"] = 1.0  # torch's own guess
        super().step(lambda: loss)  # type: ignore[no-untyped-call]
        self.param_groups[0]["lr"] = longest
        if state["n_iter"] == steps:  # a gradient of nothing
            return loss
        state |= {"here": here, "tries": 0}
        length = float(state["d"].square().mean().sqrt() * state["t"])
        if length > longest:
            self._set_param(here)
            self._go(state["t"] * longest / length)
        return loss

    def _go(self, share: float) -> None:
        """Take so much of the direction."""
        state = self.state[self._params[0]]
        state["t"] = share
        self._add_grad(share, state["d"])

    @torch.no_grad()
    def taken_back(self, loss: float) -> bool:
        """Whether the last step came to a larger `loss`, and was therefore undone."""
        state = self.state[self._params[0]]
        climbed = "here" in state and not loss <= state["prev_loss"]  # a loss that is no number is no gain, either
        if climbed:
            self._set_param(state["here"])
        return climbed

    def state_dict(self) -> dict[str, Any]:
        """As torch has it, but each list taken apart and each number a tensor."""
        plain = super().state_dict()
        return plain | {"state": {number: _apart(part) for number, part in plain["state"].items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on with what `state_dict` gave."""
        parts = {number: _together(part) for number, part in state_dict["state"].items()}
        super().load_state_dict({**state_dict, "state": parts})


def _apart(state: Mapping[str, Any]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _COUNTS:
            found[name] = torch.tensor(value, dtype=torch.int64)
        elif name in _NUMBERS:
            found[name] = torch.as_tensor(value, dtype=torch.float64)
        elif isinstance(value, list):
            if name != "al":  # written anew at each step before it is read
                found |= {f"{name}.{place}": tensor for place, tensor in enumerate(value)}
        else:
            found[name] = value
    return found


def _together(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    state: dict[str, Any] = {name: [] for name in _LISTS} if "d" in tensors else {}
    listed = {name: tensor for name, tensor in tensors.items() if "." in name}
    for name in sorted(listed, key=lambda name: int(name.partition(".")[2])):
        state[name.partition(".")[0]].append(listed[name])
    for name in tensors.keys() - listed.keys():
        value = tensors[name]
        state[name] = int(value) if name in _COUNTS else float(value) if name in _NUMBERS else value
    return state
