"""Detail search: destroy every detail of a picture that the network's decision does not need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine
from core.items import Image, Item, Map, Result, Scalar
from core.method_base.class_weights import ClassWeights, class_problem
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
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
    from core.engine.optimization.parameterizations import PixelParameterization
    from core.engine.targets import Target
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Whole loss, k1 Lc + k2 Ld"),
    "class": ("loss", "Class loss Lc: how far the answer is from its target"),
    "detail": ("loss", "Detail loss Ld: edge energy of the picture"),
    "probability": ("probability", "Probability of the target class"),
    "edges": ("share of the original", "Edge energy left"),
}


class DetailSearch(Method):
    """Minimizes k1 Lc + k2 Ld over the pixels; Lc = mean_k w_k (t_k - y_k)^2, Ld the energy of Sobel edges."""

    title: ClassVar[str] = "Detail search"
    summary: ClassVar[str] = (
        "What did the network need? Every detail that its decision does not rest on is destroyed; "
        "what is left is the evidence."
    )
    source: ClassVar[str] = (
        "A talk on searching for the root causes of a network's decision: "
        "L = k1 mean_k w_k (t_k - y_k)^2 + k2 (mean e(S_h x) + mean e(S_v x))"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("remaining", "image", "What is left of the picture"),
        Output("original", "image", "The picture as the network sees it"),
        Output("destroyed", "map", "What was destroyed: mean over colors of |original - remaining|"),
        Output("animation", "animation", "The destruction, from the start to the end"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "The network's answers before and after"),
        Output("edges_left", "scalar", "Edge energy left, as a share of the original's"),
        Output("probability_before", "scalar", "Probability of the target class for the original picture"),
        Output("probability_after", "scalar", "Probability of the target class for what is left"),
        Output("steps", "scalar", "Steps that the optimizer took"),
    )

    target: Literal["keep", "without runner-up", "set"] = parameter(
        "keep",
        "Keep the network's own answer for the picture; keep its first class and drive out the second, its rival; or "
        "set what it should answer.",
    )
    wanted: ClassWeights = parameter(
        {}, "Classes to be driven to 1 (or to the goal), with weights.", choices="classes", when={"target": ["set"]}
    )
    opposed: ClassWeights = parameter(
        {}, "Classes to be driven to 0, with weights.", choices="classes", when={"target": ["set"]}
    )
    goal: float = parameter(
        1.0,
        "Value that a wanted class's answer is driven to: 1 is a sure probability; a sure logit is 10 to 30.",
        unit="",
        ge=0,
        le=1000,
        when={"target": ["set"]},
        advanced=True,
    )
    score: Literal["probabilities", "logits"] = parameter(
        "probabilities", "Whether the answer y is taken after the softmax or before it."
    )
    start: Literal["photo", "blank", "noise"] = parameter(
        "photo", "Begin with the photo, with a mid-gray sheet, or with noise."
    )
    k1: float = parameter(300.0, "Weight of the class loss Lc: higher keeps the decision.", unit="", ge=0, le=1e6)
    k2: float = parameter(1.0, "Weight of the detail loss Ld: higher destroys more.", unit="", ge=0, le=1e6)
    edges: Literal["mae", "mse"] = parameter(
        "mae", "Edge energy by absolute values (flattens areas, spares strong edges) or by squares (blurs)."
    )
    steps: int = steps_parameter(200)
    class_steps: int = parameter(
        0,
        "First steps in which only the class loss moves the picture: two phases, such as first driving an opposed "
        "class out, then destroying details.",
        unit="steps",
        ge=0,
        le=10_000,
        advanced=True,
    )
    learning_rate: float = learning_rate_parameter(0.005, "Learning rate; a pixel's range is 1.")
    optimizer: Literal["adam", "sgd", "rmsprop"] = parameter("adam", "Optimizer that moves the pixels.", advanced=True)
    schedule: Literal["cosine", "constant"] = parameter(
        "cosine",
        "Let the rate fall to nothing towards the last step, so that the picture settles, or keep it.",
        advanced=True,
    )
    momentum: float = parameter(
        0.9, "Momentum of SGD.", unit="", ge=0, lt=1, when={"optimizer": ["sgd"]}, advanced=True
    )
    range: Literal["clamp", "rescale"] = parameter(
        "clamp",
        "Keep the picture in [0, 1] by cutting off at each step, or by stretching it from its minimum to its maximum "
        "every few steps, which also undoes a loss of contrast.",
        advanced=True,
    )
    rescale_every: int = parameter(
        10, "Steps between two rescalings.", unit="steps", ge=1, le=10_000, when={"range": ["rescale"]}, advanced=True
    )
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if self.target == "set" and not self.wanted and not self.opposed:
            raise ValueError("target 'set' needs at least one class in wanted or opposed, got none")
        if both := sorted(self.wanted.keys() & self.opposed.keys()):
            raise ValueError(f"a class is either wanted or opposed, {both[0][:60]!r} is both")
        if self.score == "probabilities" and self.goal > 1:
            raise ValueError(f"goal must be 0 to 1 where answer is 'probabilities', got {self.goal:g}")
        return self

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes has no decision; one without the named class cannot be asked for it."""
        if not card.class_names:
            return "This network gives no classes: there is no decision to search for."
        if self.target == "without runner-up" and len(card.class_names) < 2:
            return "This network knows a single class: it has no rival."
        return class_problem(card, self._goals()) if self.target == "set" else None

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        logits = network(original)  # (1, K)
        target, watched = self._target(network, logits)
        objective = self._objective(network, target, watched, engine.style.edges.energy(original, self.edges))
        outcome = engine.optimization.optimize.descend(
            self._sheet(original, context.seed), objective, self._plan(), context
        )
        return Result(self._items(outcome, original, logits, network, watched))

    def _sheet(self, original: Tensor, seed: int) -> PixelParameterization:
        begin = engine.optimization.starts.STARTS[self.start](original, seed)
        if self.range == "clamp":
            return engine.optimization.parameterizations.pixel_parameterization(begin, engine.ranges.clamp)
        return engine.optimization.parameterizations.pixel_parameterization(
            begin, engine.ranges.rescale, self.rescale_every
        )

    def _plan(self) -> Plan:
        return plan(self, optimizer=self.optimizer, schedule=self.schedule, momentum=self.momentum)

    def _goals(self) -> Mapping[str, tuple[float, float]]:
        """Class -> (value to come to, weight)."""
        up = {name: (self.goal, weight) for name, weight in self.wanted.items()}
        return up | {name: (0.0, weight) for name, weight in self.opposed.items()}

    def _target(self, network: Network, logits: Tensor) -> tuple[Target, int]:
        """What the answer should be, and the class whose probability is shown: the heaviest, or the network's own."""
        answered = self._answered(logits)
        if self.target == "keep":
            return engine.targets.all_classes(answered), int(logits.argmax())
        if self.target == "without runner-up":
            own, rival = logits[0].topk(2).indices.tolist()
            surest = 1.0 if self.score == "probabilities" else float(answered[0, own])
            return engine.targets.some_classes({own: (surest, 1.0), rival: (0.0, 1.0)}, logits), own
        goals = {network.class_index(name): goal for name, goal in self._goals().items()}
        return engine.targets.some_classes(goals, logits), max(goals, key=lambda index: goals[index])

    def _answered(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1) if self.score == "probabilities" else logits

    def _objective(self, network: Network, target: Target, watched: int, energy: Tensor) -> Objective:
        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            k2 = self.k2 if step >= self.class_steps else 0.0
            logits = network(picture).float()
            class_loss = target.loss(self._answered(logits))
            detail_loss = engine.style.edges.energy(picture, self.edges)
            return {
                "total": self.k1 * class_loss + k2 * detail_loss,
                "class": class_loss,
                "detail": detail_loss,
                "probability": logits.detach().softmax(dim=1)[:, watched],
                "edges": engine.style.edges.share(detail_loss.detach(), energy),
            }

        return objective

    def _items(
        self, outcome: Outcome, original: Tensor, logits: Tensor, network: Network, watched: int
    ) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        left, after = outcome.picture, network(outcome.picture)
        destroyed = (original - left).abs().mean(dim=1)[0].cpu().numpy()  # (H, W)
        name = network.card.class_names[watched]
        shares = {
            "edges_left": (float(outcome.traces["edges"][-1, 0]), ""),
            "probability_before": (float(logits.softmax(dim=1)[0, watched]), name),
            "probability_after": (float(after.softmax(dim=1)[0, watched]), name),
        }
        return {
            "remaining": Image(pixels=engine.ranges.to_pixels(left), caption=said["remaining"]),
            "original": Image(pixels=engine.ranges.to_pixels(original), caption=said["original"]),
            "destroyed": Map(values=destroyed, unit="of the range", caption=said["destroyed"]),
            "animation": animation(outcome, 1, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(
                logits[0], after[0], network.card.class_names, said["predictions"]
            ),
            **{
                key: Scalar(value=value, unit="share", subject=subject, caption=said[key])
                for key, (value, subject) in shares.items()
            },
            "steps": Scalar(value=self.steps, unit="steps", caption=said["steps"]),
        }
