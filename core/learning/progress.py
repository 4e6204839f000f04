"""An animation of what a model draws in the course of its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from core.engine.ranges import to_bytes


class Progress:
    """Frames from before the first step to after the last, denser at the start."""

    def __init__(self, frames: int, render: Callable[[], Tensor]) -> None:
        """`frames`: approximate number; `render` draws pictures (N, C, S, S) in [0, 1] with the current model."""
        self._count, self._render = frames, render
        self._frames: list[Tensor] = []
        self._steps: list[int] = []

    def record(self, step: int, share: float) -> None:
        """Add a frame if one is due before step number `step`, which is at `share` of the training, 0 to 1."""
        if share >= (len(self._frames) / (self._count - 1)) ** 2:
            self._frames.append(self._frame())
            self._steps.append(step)

    def animation(self) -> Tensor:
        """All frames, the last one of the current state: (T, N, C, S, S) uint8 on the CPU."""
        return torch.stack([*self._frames, self._frame()])

    def labels(self) -> tuple[str, ...]:
        """A label of each frame of `animation`."""
        return (*(f"after {step:,} steps" for step in self._steps), "at the end")

    def tensors(self) -> Mapping[str, Tensor]:
        """The recorded frames and their steps, for `restore`."""
        if not self._frames:
            return {}
        return {"animation": torch.stack(self._frames), "animation_steps": torch.tensor(self._steps)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue after what `tensors` gave."""
        self._frames = list(tensors.get("animation", ()))
        self._steps = tensors["animation_steps"].tolist() if self._frames else []

    def _frame(self) -> Tensor:
        return to_bytes(self._render()).movedim(-1, -3).cpu()
