"""Detail search: remove every detail of a picture that the prediction does not need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine
from core.items import Image, Item, Map, Result, Scalar
from core.method_base.class_weights import ClassWeights, class_problem
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

    from core.engine.optimization.optimize import Objective, Outcome
    from core.engine.optimization.parameterizations import PixelParameterization
    from core.engine.targets import Target
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Total loss, k1 Lc + k2 Ld"),
    "class": ("loss", "Class loss Lc: distance of the prediction from its target"),
    "detail": ("loss", "Detail loss Ld: edge energy of the picture"),
    "probability": ("probability", "Probability of the target class"),
    "edges": ("share of the original", "Edge energy left"),
}


class DetailSearch(PictureOptimization):
    """Minimizes k1 Lc + k2 Ld over the pixels; Lc = mean_k w_k (t_k - y_k)^2, Ld the energy of Sobel edges."""

    title: ClassVar[str] = "Detail search"
    summary: ClassVar[str] = (
        "Which details does the prediction need? Every detail that it does not need is removed; the remaining details "
        "are the evidence."
    )
    source: ClassVar[str] = (
        "Search for root causes (talk in Ukrainian): "
        "L = k1 mean_k w_k (t_k - y_k)^2 + k2 (mean e(S_h x) + mean e(S_v x))"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("remaining", "image", "Remaining picture"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("destroyed", "map", "Removed details: mean over colors of |original - remaining|"),
        Output("animation", "animation", "Progress of the removal"),
        *(replace(output, optional=output.name == "trace_edges") for output in trace_outputs(TRACES)),
        Output("predictions", "table", "Predictions before and after"),
        Output("edges_left", "scalar", "Edge energy left, as a share of the original's"),
        Output("probability_before", "scalar", "Probability of the target class for the original picture"),
        Output("probability_after", "scalar", "Probability of the target class for the remaining picture"),
        Output("steps", "scalar", "Optimization steps"),
    )

    target: Literal["keep", "without runner-up", "set"] = parameter(
        "keep",
        "Target of the class loss: the network's own prediction; its predicted class without the runner-up; or chosen "
        "classes.",
    )
    wanted: ClassWeights = parameter(
        {}, "Classes to raise to the goal, with weights.", choices="classes", when={"target": ["set"]}
    )
    opposed: ClassWeights = parameter(
        {}, "Classes to lower to 0, with weights.", choices="classes", when={"target": ["set"]}
    )
    goal: float = parameter(
        1.0, "Target value of the raised classes: 1 is a certain probability; a certain logit is 10 to 30.", unit="",
        ge=0, le=1000, when={"target": ["set"]}, advanced=True,
    )  # fmt: skip
    score: Literal["probabilities", "logits"] = parameter(
        "probabilities", "Class outputs y of the class loss: probabilities (after the softmax) or logits (before it)."
    )
    start: Literal["photo", "blank", "noise"] = parameter(
        "photo", "Start of the optimization: the photo, mid-gray, or noise."
    )
    k1: float = parameter(300.0, "Weight of the class loss Lc: higher keeps the prediction.", unit="", ge=0, le=1e6)
    k2: float = parameter(1.0, "Weight of the detail loss Ld: higher removes more detail.", unit="", ge=0, le=1e6)
    edges: Literal["mae", "mse"] = parameter(
        "mae", "Edge energy: absolute values (flattens areas, keeps strong edges) or squares (blurs)."
    )
    steps: int = steps_parameter(200)
    class_steps: int = parameter(
        0,
        "Initial steps without the detail loss: two phases, for example to remove a class first and details second.",
        unit="steps", ge=0, le=10_000, advanced=True,
    )  # fmt: skip
    learning_rate: float = learning_rate_parameter(0.005, "Learning rate, for pixels with range 1.")
    optimizer: Literal["adam", "sgd", "rmsprop"] = parameter("adam", "Optimizer of the pixels.", advanced=True)
    schedule: Literal["cosine", "constant"] = parameter(
        "cosine", "Learning rate schedule: cosine decay to 0, with which the picture settles, or constant.",
        advanced=True,
    )  # fmt: skip
    momentum: float = parameter(
        0.9, "Momentum of SGD.", unit="", ge=0, lt=1, when={"optimizer": ["sgd"]}, advanced=True
    )
    range: Literal["clamp", "rescale"] = parameter(
        "clamp",
        "Projection to [0, 1]: clamp at each step, or rescale from minimum and maximum every few steps, which also "
        "restores contrast.",
        advanced=True,
    )
    rescale_every: int = parameter(
        10, "Steps between two rescalings.", unit="steps", ge=1, le=10_000, when={"range": ["rescale"]}, advanced=True
    )

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if self.target == "set" and not self.wanted and not self.opposed:
            raise ValueError("target 'set' needs at least one class in wanted or opposed, got none")
        if both := sorted(self.wanted.keys() & self.opposed.keys()):
            raise ValueError(f"a class must be wanted or opposed, {both[0][:60]!r} is both")
        if self.score == "probabilities" and self.goal > 1:
            raise ValueError(f"goal must be 0 to 1 where score is 'probabilities', got {self.goal:g}")
        return self

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such target, in a sentence; None where it has."""
        if not card.class_names:
            return "This network predicts no classes: there is no prediction to keep."
        if self.target == "without runner-up" and len(card.class_names) < 2:
            return "This network has a single class: there is no runner-up."
        return class_problem(card, self._goals()) if self.target == "set" else None

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        logits = network(original)  # (1, K)
        target, target_class = self._target(network, logits)
        objective = self._objective(network, target, target_class, original)
        pixels = self._parameterization(original, context.seed)
        plan = self.plan(optimizer=self.optimizer, schedule=self.schedule, momentum=self.momentum)
        outcome = engine.optimization.optimize.descend(pixels, objective, plan, context)
        return self.result(self._items(outcome, original, logits, network, target_class))

    def _parameterization(self, original: Tensor, seed: int) -> PixelParameterization:
        start = engine.optimization.starts.STARTS[self.start](original, seed)
        pixels_from = engine.optimization.parameterizations.pixel_parameterization
        if self.range == "clamp":
            return pixels_from(start, engine.ranges.clamp)
        return pixels_from(start, engine.ranges.rescale, self.rescale_every)

    def _goals(self) -> Mapping[str, tuple[float, float]]:
        """Class -> (target value, weight)."""
        raised = {name: (self.goal, weight) for name, weight in self.wanted.items()}
        return raised | {name: (0.0, weight) for name, weight in self.opposed.items()}

    def _target(self, network: Network, logits: Tensor) -> tuple[Target, int]:
        """The target, and the class whose probability is reported: that of the highest goal, or the predicted one."""
        outputs = self._class_outputs(logits)
        if self.target == "keep":
            return engine.targets.all_classes(outputs), int(logits.argmax())
        if self.target == "without runner-up":
            top, runner_up = logits[0].topk(2).indices.tolist()
            goal = 1.0 if self.score == "probabilities" else float(outputs[0, top])
            return engine.targets.some_classes({top: (goal, 1.0), runner_up: (0.0, 1.0)}, logits), top
        goals = {network.class_index(name): goal for name, goal in self._goals().items()}
        return engine.targets.some_classes(goals, logits), max(goals, key=lambda index: goals[index])

    def _class_outputs(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1) if self.score == "probabilities" else logits

    def _objective(self, network: Network, target: Target, target_class: int, original: Tensor) -> Objective:
        energy = engine.style.edges.energy(original, self.edges)
        has_edges = bool(energy > 0)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            k2 = self.k2 if step >= self.class_steps else 0.0
            logits = network(picture).float()
            class_loss = target.loss(self._class_outputs(logits))
            detail_loss = engine.style.edges.energy(picture, self.edges)
            values = {
                "total": self.k1 * class_loss + k2 * detail_loss,
                "class": class_loss,
                "detail": detail_loss,
                "probability": logits.detach().softmax(dim=1)[:, target_class],
            }
            return values | ({"edges": detail_loss.detach() / energy} if has_edges else {})

        return objective

    def _items(
        self, outcome: Outcome, original: Tensor, logits: Tensor, network: Network, target_class: int
    ) -> dict[str, Item]:
        remaining, after = outcome.picture, network(outcome.picture)
        removed = (original - remaining).abs().mean(dim=1)[0].cpu().numpy()  # (H, W)
        class_names = network.card.class_names

        def probability(logits: Tensor) -> Scalar:
            value = float(logits.softmax(dim=1)[0, target_class])
            return Scalar(value=value, unit="share", subject=class_names[target_class])

        return {
            "remaining": Image(pixels=engine.ranges.to_pixels(remaining)),
            "original": Image(pixels=engine.ranges.to_pixels(original)),
            "destroyed": Map(values=removed, unit="of the range"),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(logits[0], after[0], class_names),
            "edges_left": _edges_left(outcome),
            "probability_before": probability(logits),
            "probability_after": probability(after),
            "steps": Scalar(value=self.steps, unit="steps"),
        }


def _edges_left(outcome: Outcome) -> Scalar:
    if "edges" not in outcome.traces:
        return Scalar(value=None, unit="share", reason="the original picture has no edges")
    return Scalar(value=float(outcome.traces["edges"][-1, 0]), unit="share")
