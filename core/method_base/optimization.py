"""Methods that optimize pictures: their parameters, and the items of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from core import engine
from core.items import Animation, Image
from core.method_base.method import Method, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Outcome, Plan
    from core.engine.optimization.transforms import RandomTransforms

LEARNING_RATE = "Learning rate, for Fourier coefficients or for pixels with range 1."


def steps_parameter(default: int) -> Any:
    """The parameter `steps`."""
    return parameter(default, "Optimization steps.", unit="steps", ge=1, le=10_000)


def learning_rate_parameter(default: float, description: str = LEARNING_RATE) -> Any:
    """The parameter `learning_rate`."""
    return parameter(default, description, unit="", gt=0, le=10, advanced=True)


def precision_parameter() -> Any:
    """The parameter `precision`."""
    return parameter(
        "float32", "Number format; bf16 is faster on hardware that has it, and less precise.", advanced=True
    )


def seeds_parameter(default: int) -> Any:
    """The parameter `seeds`."""
    return parameter(default, "Images from different random starts.", unit="images", ge=1, le=16)


class PictureOptimization(Method):
    """A method that optimizes pictures by gradient descent."""

    shared: ClassVar[bool] = True

    steps: int = steps_parameter(200)
    learning_rate: float = learning_rate_parameter(0.05)
    frames: int = parameter(24, "Frames of the animation.", unit="frames", ge=2, le=120, advanced=True)
    precision: Literal["float32", "bf16"] = precision_parameter()

    def plan(self, **settings: Any) -> Plan:
        """Settings of the optimization: these fields, and `settings`."""
        fields = self.model_dump(include={"steps", "learning_rate", "frames", "precision"})
        return engine.optimization.optimize.Plan(**fields, **settings)


class TransformedOptimization(PictureOptimization):
    """A method that transforms the picture at random before each step, so that the result is robust to it."""

    shared: ClassVar[bool] = True

    jitter: float = parameter(
        0.06, "Largest random shift before each step, as a share of the side.", unit="", ge=0, le=0.5, advanced=True
    )
    scale: float = parameter(
        0.1, "Largest random scaling before each step, as a share of the size.", unit="", ge=0, le=0.5, advanced=True
    )
    rotate: float = parameter(
        8.0, "Largest random rotation before each step.", unit="degrees", ge=0, le=90, advanced=True
    )

    @property
    def random_transforms(self) -> RandomTransforms:
        """Ranges of the transforms."""
        return engine.optimization.transforms.RandomTransforms(self.jitter, self.scale, self.rotate)

    def transformed(self, pictures: Tensor, step: int, seed: int) -> Tensor:
        """Pictures (N, 3, H, W) transformed for step number `step`; after the last step as they are, for the result."""
        if step >= self.steps:
            return pictures
        return engine.optimization.transforms.transformed_at(step, pictures, self.random_transforms, seed)


def sheet_image(pictures: Tensor, columns: int, caption: str = "") -> Image:
    """Pictures (N, 3, H, W) in [0, 1] as one image, a grid of `columns`."""
    pixels = engine.ranges.to_bytes(pictures).cpu().numpy()
    return Image(pixels=engine.result_items.tiled(pixels, columns), caption=caption)


def animation(outcome: Outcome, columns: int = 1) -> Animation:
    """The animation of a run, its pictures in a grid of `columns`."""
    return Animation(frames=engine.result_items.tiled(outcome.frames.movedim(1, 0).numpy(), columns))


def trace_outputs(traces: Mapping[str, tuple[str, str]]) -> list[Output]:
    """Outputs for the curves of `engine.result_items.traces`; `traces`: name -> (label of the y axis, caption)."""
    return [Output(f"trace_{name}", "series", caption) for name, (_, caption) in traces.items()]
