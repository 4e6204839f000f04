from __future__ import annotations

from typing import ClassVar

import torch

from core.engine.optimization.optimize import Outcome
from core.engine.optimization.transforms import RandomTransforms
from core.method_base.method import MethodFamily, Output
from core.method_base.optimization import (
    TransformedOptimization,
    animation,
    sheet_image,
    steps_parameter,
    trace_outputs,
)


class Optimized(TransformedOptimization):
    title: ClassVar[str] = "Optimized"
    summary: ClassVar[str] = "What is optimized? Nothing."
    source: ClassVar[str] = "none"
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (Output("image", "image", "Result"),)

    steps: int = steps_parameter(7)


def test_optimizer_settings_stand_last_and_defaults_can_be_overridden() -> None:
    names = ["steps", "jitter", "scale", "rotate", "learning_rate", "frames", "precision"]
    assert list(Optimized.model_fields) == names
    assert Optimized().steps == 7


def test_fields_and_further_settings_are_the_plan() -> None:
    plan = Optimized(learning_rate=0.25, frames=3).plan(optimizer="sgd")
    assert (plan.steps, plan.learning_rate, plan.frames, plan.precision) == (7, 0.25, 3, "float32")
    assert plan.optimizer == "sgd"
    assert Optimized(jitter=0.5, rotate=0).random_transforms == RandomTransforms(0.5, 0.1, 0.0)


def test_pictures_are_tiled_in_columns() -> None:
    pictures = torch.zeros(3, 3, 4, 5)
    assert sheet_image(pictures, 2, "Two columns").pixels.shape == (4 + 2 + 4, 5 + 2 + 5, 3)
    frames = torch.zeros(6, 2, 4, 5, 3, dtype=torch.uint8)  # 6 frames of 2 pictures
    outcome = Outcome(picture=pictures, traces={}, frames=frames)
    assert animation(outcome, 2).frames.shape == (6, 4, 5 + 2 + 5, 3)


def test_each_trace_is_an_output_with_its_caption() -> None:
    assert trace_outputs({"total": ("loss", "Total loss")}) == [Output("trace_total", "series", "Total loss")]
