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
GIVE_UP = 1e-4
"""So short a step along a remembered direction says that what was remembered no longer holds."""

_COUNTS = ("n_iter", "func_evals")
_NUMBERS = ("t", "prev_loss", "H_diag")


class Lbfgs(torch.optim.LBFGS):
    """torch's L-BFGS, stepping without a line search; a step that made the loss larger is taken back and shortened.

    torch itself offers a line search of several evaluations a step, or full steps that may run away. Where even a short
    step climbs, what was remembered is forgotten. All tensors count as one: for one picture at a time.
    """

    def __init__(self, tensors: list[Tensor], rate: float) -> None:
        super().__init__(
            tensors,
            lr=rate,
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
            if state["t"] * SHORTER >= GIVE_UP * self.param_groups[0]["lr"]:
                state["t"] = state["t"] * SHORTER
                self._add_grad(state["t"], state["d"])
            else:
                self.state.clear()
            return loss
        here = self._clone_param()  # type: ignore[no-untyped-call]
        super().step(lambda: loss)  # type: ignore[no-untyped-call]
        self.state[self._params[0]]["here"] = here
        return loss

    @torch.no_grad()
    def taken_back(self, loss: float) -> bool:
        """Whether the last step came to a larger `loss`, and was therefore undone."""
        state = self.state[self._params[0]]
        climbed = bool(state) and not loss <= state["prev_loss"]  # a loss that is no number is no gain, either
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
    state: dict[str, Any] = {"old_dirs": [], "old_stps": [], "ro": [], "here": []} if tensors else {}
    listed = {name: tensor for name, tensor in tensors.items() if "." in name}
    for name in sorted(listed, key=lambda name: int(name.partition(".")[2])):
        state[name.partition(".")[0]].append(listed[name])
    for name in tensors.keys() - listed.keys():
        value = tensors[name]
        state[name] = int(value) if name in _COUNTS else float(value) if name in _NUMBERS else value
    return state
