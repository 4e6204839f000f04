"""Class image: a synthetic image that maximizes the score of a class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine, measures
from core.items import Image, Item, Result, Scalar, Table
from core.method_base.class_weights import class_parameter, class_problem
from core.method_base.judges import COLUMNS, Judges, judgments, loaded_judges, logits_of
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import (
    TransformedOptimization,
    animation,
    seeds_parameter,
    sheet_image,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Total loss"),
    "probability": ("probability", "Probability of the target class, mean over the images, transformed but at the end"),
    "logit": ("logit", "Logit of the target class, mean over the images, transformed but at the end"),
}


class ClassImage(TransformedOptimization):
    """Maximizes z_c(x) - l2_penalty mean (x - 1/2)^2 over images that are randomly transformed before each step.

    The logit, not the probability: the latter can also be raised by lowering other logits.
    """

    title: ClassVar[str] = "Class image"
    summary: ClassVar[str] = (
        "What does the network's ideal of a class look like? An image is optimized to raise the logit of the class, "
        "from a blank start, from noise or from the photo."
    )
    source: ClassVar[str] = "Simonyan et al. 2013, arXiv:1312.6034; Olah et al. 2017, doi:10.23915/distill.00007"
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("images", "image", "Images of the class, from different random starts"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("judgments", "table", "Predictions of the network itself and of the judges for the images"),
        Output("probability_after", "scalar", "Probability of the target class, mean over the images"),
        Output("agreement", "scalar", "Share of predictions that are the target class, over all networks that have it"),
        Output("steps", "scalar", "Optimization steps taken"),
    )

    class_name: str = class_parameter()
    start: Literal["blank", "photo", "noise"] = parameter(
        "blank", "Start of the optimization: mid-gray, the photo, or noise."
    )
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Optimized variables: Fourier coefficients, which treat structure of all sizes alike, or pixels."
    )
    score: Literal["logits", "probabilities"] = parameter(
        "logits", "Maximize the logit of the class, or its probability, which also rises when other logits fall."
    )
    seeds: int = seeds_parameter(4)
    steps: int = steps_parameter(150)
    judges: Judges = parameter((), "Judges: other networks that classify the images.", choices="networks")
    l2_penalty: float = parameter(
        1.0, "Weight of the mean squared distance from mid-gray.", unit="", ge=0, le=1e4, advanced=True
    )

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such class, in a sentence; None where it has."""
        if not card.class_names:
            return "This network predicts no classes: there is no class to maximize."
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        index = network.class_index(self.class_name) if self.class_name else int(network(photo).argmax())
        canvas = engine.optimization.canvas.Canvas(photo, self.start, self.seeds, context.seed, photo)
        parameterization = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        objective = self._objective(network, index, context.seed)
        outcome = engine.optimization.optimize.descend(
            parameterization, objective, self.plan(schedule="cosine"), context
        )
        networks = loaded_judges(self.judges, network, context)
        return self.result(self._items(outcome, photo, networks, index))

    def _objective(self, network: Network, index: int, seed: int) -> Objective:
        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            logits = network(self.transformed(picture, step, seed)).float()
            classes = logits.new_full((len(logits),), index).long()
            score = engine.optimization.objectives.class_score(logits, classes, self.score)
            distance = (picture - 0.5).square().mean(dim=(1, 2, 3))
            return {
                "total": self.l2_penalty * distance - score,
                "probability": logits.detach().softmax(dim=1)[:, index],
                "logit": logits.detach()[:, index],
            }

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, networks: Sequence[Network], index: int) -> dict[str, Item]:
        """`networks`: the job's own, then the judges."""
        name = networks[0].card.class_names[index]
        rows = judgments(networks, outcome.picture, name)
        own = rows[: self.seeds]
        columns = math.ceil(math.sqrt(self.seeds))
        probability = sum(row[4] for row in own) / len(own)
        return {
            "images": sheet_image(outcome.picture, columns, f"{self.captions()['images']}: {name}"),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "animation": animation(outcome, columns),
            **engine.result_items.traces(outcome.traces, TRACES),
            "judgments": Table(columns=COLUMNS, rows=tuple(rows)),
            "probability_after": Scalar(value=probability, unit="share", subject=name),
            "agreement": Scalar(value=_agreement(networks, outcome.picture, name), unit="share"),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }


def _agreement(networks: Sequence[Network], pictures: Tensor, class_name: str) -> float:
    """Share of predictions that are the class, over the networks that have it; where logits are equal, by chance."""
    shares: list[float] = []
    for network in networks:
        if class_name in network.card.class_names:
            logits = logits_of(network, pictures)
            classes = logits.new_full((len(logits),), network.class_index(class_name)).long()
            shares += measures.accuracy.top_shares(logits, classes).tolist()
    return sum(shares) / len(shares)
