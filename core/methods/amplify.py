"""Amplify: the smallest change of a picture that raises the network's confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator

from core import engine
from core.items import Image, Item, Result, Scalar
from core.method_base.class_weights import class_parameter, class_problem
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import (
    PictureOptimization,
    animation,
    learning_rate_parameter,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome, Plan
    from core.media.picture import Picture
    from core.networks.network import Network

LEVELS = 255
"""Steps of a stored value from black to white."""
TRACES = {
    "total": ("loss", "Total loss, -log p + penalty mean d^2"),
    "probability": ("probability", "Probability of the target class"),
    "change": ("root mean square", "Root mean square of the change d, for pixels with range 1"),
}


def _at_least_a_level(epsilon: float) -> float:
    if not _levels(epsilon):
        raise ValueError(f"must be at least 1/255 = 0.00392..., the smallest change of a stored value, got {epsilon:g}")
    return epsilon


def _levels(epsilon: float) -> int:
    """The whole steps of 8 bits in a change of `epsilon`."""
    return math.floor(epsilon * LEVELS + 1e-6)


Epsilon = Annotated[float, AfterValidator(_at_least_a_level)]


class Amplify(PictureOptimization):
    """Minimizes -log p_c(x0 + d) + penalty mean d^2, or -log p_c(x0 + d) with |d| <= epsilon at every value.

    Gradient descent with the gradient normalized to a root mean square of 1. x0 + d is rounded to 8 bits at each step,
    so that probability, change and limits hold for the stored picture.
    """

    title: ClassVar[str] = "Amplify"
    summary: ClassVar[str] = (
        "What is the smallest change that raises the confidence? A hardly visible change "
        "is optimized to raise the probability of a class; it is displayed amplified."
    )
    source: ClassVar[str] = (
        "Search for root causes (talk in Ukrainian), section 'small changes, colossal result'; "
        "Goodfellow et al. 2014a, arXiv:1412.6572"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("change", "image", "Change, amplified, around mid-gray"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("changed", "image", "Picture with the change"),
        Output("animation", "animation", "Growth of the change, amplified"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "Predictions before and after"),
        Output("probability_before", "scalar", "Probability of the target class for the original picture"),
        Output("probability_after", "scalar", "Probability of the target class for the changed picture"),
        Output("change_size", "scalar", "Root mean square of the change, for pixels with range 1"),
        Output("gain", "scalar", "Increase of the log odds of the target class per 1/100 of change"),
        Output("steps", "scalar", "Optimization steps taken"),
    )

    class_name: str = class_parameter()
    limit: Literal["penalty", "box"] = parameter(
        "penalty", "Limit the change by a penalty on its mean square, or each value by a bound (box)."
    )
    penalty: float = parameter(
        1000.0, "Weight of the mean square of the change.", unit="", ge=0, le=1e7, when={"limit": ["penalty"]}
    )
    epsilon: Epsilon = parameter(
        0.01,
        "Maximum change of a value, for pixels with range 1, in whole steps of 1/255: the changed picture has 8 bits.",
        unit="", gt=0, le=1, when={"limit": ["box"]},
    )  # fmt: skip
    goal: float = parameter(0.99, "Probability at which the optimization stops.", unit="", gt=0, le=1)
    steps: int = steps_parameter(100)
    magnify: float = parameter(
        20.0, "Factor by which the displayed change is amplified.", unit="times", ge=1, le=255, advanced=True
    )
    learning_rate: float = learning_rate_parameter(5e-4, "Root mean square of a step, for pixels with range 1.")

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such class, in a sentence; None where it has."""
        if not card.class_names:
            return "This network predicts no classes: there is no probability to raise."
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        logits = network(original)
        index = network.class_index(self.class_name) if self.class_name else int(logits.argmax())
        pixels = engine.optimization.parameterizations.pixel_parameterization(
            original, self._range(original), stored=True
        )
        outcome = engine.optimization.optimize.descend(
            pixels, self._objective(network, original, index), self._plan(original), context
        )
        return self.result(self._items(outcome, original, logits, network, index))

    def _range(self, original: Tensor) -> Callable[[Tensor], Tensor]:
        if self.limit == "penalty":
            return engine.ranges.clamp
        largest = _levels(self.epsilon) / LEVELS
        low, high = (original - largest).clamp(min=0), (original + largest).clamp(max=1)
        return lambda picture: picture.clamp(low, high)

    def _magnified(self, picture: Tensor, original: Tensor) -> Tensor:
        """The amplified change around mid-gray, same shape."""
        return 0.5 + (picture - original) * self.magnify

    def _plan(self, original: Tensor) -> Plan:
        return self.plan(
            optimizer="sgd",
            schedule="cosine",
            gradient=engine.optimization.gradients.normalized,
            display=lambda picture: self._magnified(picture, original),
            stop_when=lambda values: bool((values["probability"] >= self.goal).all()),
        )

    def _objective(self, network: Network, original: Tensor, index: int) -> Objective:
        penalty = self.penalty if self.limit == "penalty" else 0.0

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:  # noqa: ARG001
            cross_entropy = -network(picture).float().log_softmax(dim=1)[:, index]
            square = (picture - original).square().mean(dim=(1, 2, 3))
            return {
                "total": cross_entropy + penalty * square,
                "probability": cross_entropy.detach().neg().exp(),
                "change": square.detach().sqrt(),
            }

        return objective

    def _items(
        self, outcome: Outcome, original: Tensor, logits: Tensor, network: Network, index: int
    ) -> dict[str, Item]:
        names = network.card.class_names
        after = network(outcome.picture)
        size = float((outcome.picture - original).square().mean().sqrt())
        log_before, log_after = (float(row[0].double().log_softmax(dim=0)[index]) for row in (logits, after))
        raised = _log_odds(log_after) - _log_odds(log_before)
        magnified = self._magnified(outcome.picture, original)
        caption = f"{self.captions()['change']}: {self.magnify:g} times"
        return {
            "change": Image(pixels=engine.ranges.to_pixels(magnified), caption=caption),
            "original": Image(pixels=engine.ranges.to_pixels(original)),
            "changed": Image(pixels=engine.ranges.to_pixels(outcome.picture)),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(logits[0], after[0], names),
            "probability_before": Scalar(value=math.exp(log_before), unit="share", subject=names[index]),
            "probability_after": Scalar(value=math.exp(log_after), unit="share", subject=names[index]),
            "change_size": Scalar(value=size),
            "gain": _gain(raised, size),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }


def _gain(raised: float, size: float) -> Scalar:
    """Log odds that a change of `size` raised, per 1/100."""
    unit = "log odds per 1/100"
    if not size:
        return Scalar(value=None, unit=unit, reason="nothing was changed")
    return Scalar(value=raised / (100 * size), unit=unit)


def _log_odds(log_probability: float) -> float:
    """log(p / (1 - p)) of log p, finite where p rounds to 1."""
    return log_probability - math.log(max(-math.expm1(log_probability), 1e-12))
