"""Amplify: the least change of a picture that makes the network surer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Image, Item, Result, Scalar
from core.method_base.class_weights import class_problem
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
    as_declared,
    class_parameter,
    frames_parameter,
    learning_rate_parameter,
    plan,
    precision_parameter,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome, Plan
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Whole loss, -log p + penalty |d|^2"),
    "probability": ("probability", "Probability of the class"),
    "change": ("root mean square", "Size of the change d, of a range of 1"),
}


class Amplify(Method):
    """Minimizes -log p_c(x0 + d) + penalty mean d^2, or -log p_c alone where no value may change by more than a limit.

    Plain descent along the gradient brought to length 1: the first step goes along the gradient itself.
    """

    title: ClassVar[str] = "Amplify"
    summary: ClassVar[str] = (
        "Which least change makes the network surer? A small change is searched that the eye hardly sees "
        "and that raises the probability the most; it is shown magnified."
    )
    source: ClassVar[str] = (
        "'Small changes, colossal result', of the talk on searching for root causes; "
        "min -log p_c(x0 + d) + lambda |d|^2, or |d| <= eps at every value (Goodfellow et al. 2014, arXiv:1412.6572)"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("change", "image", "The change, magnified, around mid-gray"),
        Output("original", "image", "The picture as the network sees it"),
        Output("changed", "image", "The picture with the change"),
        Output("animation", "animation", "The change as it grows, magnified"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "The network's answers before and after"),
        Output("probability_before", "scalar", "Probability of the class for the original picture"),
        Output("probability_after", "scalar", "Probability of the class for the changed picture"),
        Output("change_size", "scalar", "Root mean square of the change, of a range of 1"),
        Output("gain", "scalar", "How much the class's log odds rose for each hundredth of change"),
        Output("steps", "scalar", "Steps that were taken"),
    )

    class_name: str = class_parameter()
    limit: Literal["penalty", "box"] = parameter(
        "penalty", "Keep the change small as a whole by a penalty, or every single value within a box."
    )
    penalty: float = parameter(
        1000.0, "Weight of the mean square of the change.", unit="", ge=0, le=1e7, when={"limit": ["penalty"]}
    )
    epsilon: float = parameter(
        0.01, "Most that a value may change, of a range of 1.", unit="", gt=0, le=1, when={"limit": ["box"]}
    )
    goal: float = parameter(0.99, "Probability at which the search ends.", unit="", gt=0, le=1)
    steps: int = steps_parameter(100)
    magnify: float = parameter(
        20.0, "The change is shown so many times larger than it is.", unit="times", ge=1, le=255, advanced=True
    )
    learning_rate: float = learning_rate_parameter(5e-4, "Root mean square of a step; a pixel's range is 1.")
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes is never sure; one without the named class cannot be asked for it."""
        if not card.class_names:
            return "This network gives no classes: there is no probability to raise."
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        logits = network(original)
        index = network.class_index(self.class_name) if self.class_name else int(logits.argmax())
        sheet = engine.optimization.parameterizations.pixel_parameterization(original, self._range(original))
        outcome = engine.optimization.optimize.descend(
            sheet, self._objective(network, original, index), self._plan(original), context
        )
        return Result(as_declared(self._items(outcome, original, logits, network, index), self.outputs))

    def _range(self, original: Tensor) -> Callable[[Tensor], Tensor]:
        if self.limit == "penalty":
            return engine.ranges.clamp
        low, high = (original - self.epsilon).clamp(min=0), (original + self.epsilon).clamp(max=1)
        return lambda picture: picture.clamp(low, high)

    def _magnified(self, picture: Tensor, original: Tensor) -> Tensor:
        """The change around mid-gray."""
        return 0.5 + (picture - original) * self.magnify

    def _plan(self, original: Tensor) -> Plan:
        return plan(
            self,
            optimizer="sgd",
            schedule="cosine",
            gradient=engine.optimization.gradients.normalized,
            shown=lambda picture: self._magnified(picture, original),
            until=lambda values: bool((values["probability"] >= self.goal).all()),
        )

    def _objective(self, network: Network, original: Tensor, index: int) -> Objective:
        penalty = self.penalty if self.limit == "penalty" else 0.0

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:  # noqa: ARG001
            surprise = -network(picture).float().log_softmax(dim=1)[:, index]
            square = (picture - original).square().mean(dim=(1, 2, 3))
            return {
                "total": surprise + penalty * square,
                "probability": surprise.detach().neg().exp(),
                "change": square.detach().sqrt(),
            }

        return objective

    def _items(
        self, outcome: Outcome, original: Tensor, logits: Tensor, network: Network, index: int
    ) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        names = network.card.class_names
        after = network(outcome.picture)
        change = outcome.picture - original
        size = float(change.square().mean().sqrt())
        odds = [float(answer[0].double().log_softmax(dim=0)[index]) for answer in (logits, after)]
        risen = (_log_odds(odds[1]) - _log_odds(odds[0])) / max(size * 100, 1e-9)
        shares = {"probability_before": math.exp(odds[0]), "probability_after": math.exp(odds[1])}
        magnified = self._magnified(outcome.picture, original)
        return {
            "change": Image(
                pixels=engine.ranges.to_pixels(magnified), caption=f"{said['change']}: {self.magnify:g} times"
            ),
            "changed": Image(pixels=engine.ranges.to_pixels(outcome.picture), caption=said["changed"]),
            "original": Image(pixels=engine.ranges.to_pixels(original), caption=said["original"]),
            "animation": animation(outcome, 1, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.answers(logits[0], after[0], names, said["predictions"]),
            **{
                key: Scalar(value=value, unit="share", subject=names[index], caption=said[key])
                for key, value in shares.items()
            },
            "change_size": Scalar(value=size, caption=said["change_size"]),
            "gain": Scalar(value=risen, unit="log odds per 1/100", caption=said["gain"]),
            "steps": Scalar(value=outcome.steps, unit="steps", caption=said["steps"]),
        }


def _log_odds(log_probability: float) -> float:
    """log(p / (1 - p)), also where p rounds to 1."""
    return log_probability - math.log(max(-math.expm1(log_probability), 1e-12))
