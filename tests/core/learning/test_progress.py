from __future__ import annotations

import torch

from core.learning.progress import Progress


def recorded(steps: int, frames: int = 5) -> tuple[Progress, torch.Tensor]:
    """Progress of a model that draws the share of the steps taken."""
    state = torch.zeros(())
    progress = Progress(frames, lambda: state.expand(2, 1, 4, 4))
    for step in range(steps):
        progress.record(step, step / steps)
        state += 1 / steps
    return progress, state


def test_frames_run_from_the_start_to_the_end_and_are_denser_at_the_start() -> None:
    progress, _ = recorded(16)
    values = progress.animation()[:, 0, 0, 0, 0].tolist()
    assert values == [round(255 * share) for share in (0, 1 / 16, 4 / 16, 9 / 16, 1)]
    assert progress.labels() == (*(f"after {step} steps" for step in (0, 1, 4, 9)), "at the end")


def test_an_interrupted_recording_continues_to_the_same_frames() -> None:
    whole, state = recorded(16)
    continued = Progress(5, lambda: state.expand(2, 1, 4, 4))
    continued.restore(whole.tensors())
    assert torch.equal(continued.animation(), whole.animation())
    assert continued.labels() == whole.labels()


def test_before_the_first_step_there_is_nothing_to_store() -> None:
    progress, _ = recorded(0)
    assert not progress.tensors()
    progress.restore({})
    assert progress.labels() == ("at the end",)
