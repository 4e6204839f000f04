"""What a descent leaves behind beside its pictures: a trace of every number, and a frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from core.engine.ranges import to_bytes
from core.errors import ComputationFailed

CHECK_EVERY = 25
"""Steps between looks at whether the numbers are still finite: each look waits for the device."""


class LatestValues(Mapping[str, float]):
    """The newest traced values of the first picture; the device is waited for only when one is read."""

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
    """Traces and frames of one run, kept on the device and moved once, at the end."""

    def __init__(self, steps: int, frames: int, shown: Callable[[Tensor], Tensor]) -> None:
        """`shown`: what the frames show of pictures (N, 3, H, W)."""
        self._steps, self._shown = steps, shown
        self._frame_steps = even_steps(steps, frames)
        self._frame_count = frames
        self._names: tuple[str, ...] = ()
        self._values: list[Tensor] = []
        self._frames: list[Tensor] = []

    def note(self, step: int, values: Mapping[str, Tensor], picture: Tensor, *, last: bool = False) -> LatestValues:
        """Record what holds before step number `step` (0 is the first); ComputationFailed when it is not finite."""
        self._names = tuple(values)
        self._values.append(torch.stack([value.detach().float() for value in values.values()]))
        if step in self._frame_steps or (last and self._frame_count):
            self._frames.append(to_bytes(self._shown(picture)))
        if step % CHECK_EVERY == 0 or last:
            self._check(step)
        return LatestValues(self._names, self._values[-1])

    def _check(self, step: int) -> None:
        recent = torch.stack(self._values[-CHECK_EVERY - 1 :])  # (recent steps, names, N)
        finite = recent.isfinite().all(dim=2).all(dim=1)
        if not finite.all():
            broken = step + 1 - len(recent) + int((~finite).int().argmax())
            raise ComputationFailed(
                f"the numbers were no longer finite at step {broken} of {self._steps}; a smaller rate may help"
            )

    def traces(self) -> dict[str, Tensor]:
        """Name -> (steps noted, N) float32 on the CPU."""
        values = torch.stack(self._values).cpu()  # (steps, names, N)
        return dict(zip(self._names, values.unbind(1), strict=True))

    def frames(self) -> Tensor:
        """(frames, N, H, W, 3) uint8 on the CPU."""
        return torch.stack(self._frames).cpu() if self._frames else torch.empty(0, dtype=torch.uint8)

    def tensors(self) -> dict[str, Tensor]:
        """Everything recorded so far, for `restore`."""
        frames = {"frames": torch.stack(self._frames)} if self._frames else {}
        return {"values": torch.stack(self._values), **frames}

    @property
    def names(self) -> list[str]:
        """Of the traces."""
        return list(self._names)

    def restore(self, names: list[str], tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on behind what `tensors` and `names` gave."""
        self._names = tuple(names)
        self._values = list(tensors["values"].to(device).unbind(0))
        self._frames = list(tensors["frames"].to(device).unbind(0)) if "frames" in tensors else []


def even_steps(steps: int, count: int) -> frozenset[int]:
    """At most `count` steps from 0 to `steps`, both included, as evenly as whole numbers allow."""
    if count < 2:
        return frozenset({steps} if count else ())
    return frozenset(math.floor(index * steps / (count - 1) + 0.5) for index in range(count))
