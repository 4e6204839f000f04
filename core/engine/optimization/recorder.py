"""What a run records beside its pictures: a trace of each value, and frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from core.engine.ranges import to_bytes
from core.errors import ComputationFailed

CHECK_EVERY = 25
"""Steps between checks for finite values: each check waits for the device."""


class LatestValues(Mapping[str, float]):
    """The latest values of the first picture; reading one waits for the device."""

    def __init__(self, names: tuple[str, ...], values: Tensor) -> None:
        self._names = names
        self._values = values  # (names, N)

    def __getitem__(self, name: str) -> float:
        if name not in self._names:
            raise KeyError(name)
        return float(self._values[self._names.index(name), 0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Recorder:
    """Traces and frames of one run, kept on the device and copied to the CPU once, at the end."""

    def __init__(self, steps: int, frames: int, display: Callable[[Tensor], Tensor]) -> None:
        """`display`: from the pictures (N, 3, H, W) to what frames show, same shape."""
        self._steps, self._display = steps, display
        self._frame_steps = even_steps(steps, frames)
        self._frame_count = frames
        self._names: tuple[str, ...] = ()
        self._values: list[Tensor] = []
        self._frames: list[Tensor] = []

    def record(self, step: int, values: Mapping[str, Tensor], picture: Tensor, *, last: bool = False) -> LatestValues:
        """Record the values (N,) before step number `step` (0 is the first); returns the latest values.

        Raises ComputationFailed where values are no longer finite.
        """
        self._names = tuple(values)
        self._values.append(torch.stack([value.detach().float() for value in values.values()]))
        if step in self._frame_steps or (last and self._frame_count):
            self._frames.append(to_bytes(self._display(picture)))
        if step % CHECK_EVERY == 0 or last:
            self._check(step)
        return LatestValues(self._names, self._values[-1])

    def _check(self, step: int) -> None:
        recent = torch.stack(self._values[-CHECK_EVERY - 1 :])  # (recent steps, names, N)
        finite = recent.isfinite().all(dim=2).all(dim=1)
        if not finite.all():
            broken = step + 1 - len(recent) + int((~finite).int().argmax())
            raise ComputationFailed(
                f"values were no longer finite at step {broken} of {self._steps}; a smaller learning rate may help"
            )

    def traces(self) -> dict[str, Tensor]:
        """Name -> (recorded steps, N) float32 on the CPU."""
        values = torch.stack(self._values).cpu()  # (steps, names, N)
        return dict(zip(self._names, values.unbind(1), strict=True))

    def frames(self) -> Tensor:
        """(frames, N, H, W, 3) uint8 on the CPU."""
        return torch.stack(self._frames).cpu() if self._frames else torch.empty(0, dtype=torch.uint8)

    def tensors(self) -> dict[str, Tensor]:
        """Everything recorded so far on the device, for `restore`."""
        frames = {"frames": torch.stack(self._frames)} if self._frames else {}
        return {"values": torch.stack(self._values), **frames}

    @property
    def names(self) -> list[str]:
        """Names of the traces."""
        return list(self._names)

    def restore(self, names: list[str], tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Continue after what `names` and `tensors` gave."""
        self._names = tuple(names)
        self._values = list(tensors["values"].to(device).unbind(0))
        self._frames = list(tensors["frames"].to(device).unbind(0)) if "frames" in tensors else []


def even_steps(steps: int, count: int) -> frozenset[int]:
    """At most `count` steps from 0 to `steps`, both included, as evenly as whole numbers allow."""
    if count < 2:
        return frozenset({steps} if count else ())
    return frozenset(math.floor(index * steps / (count - 1) + 0.5) for index in range(count))
