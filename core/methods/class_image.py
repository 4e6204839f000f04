"""Class image: the picture that a network would call this class before all others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Image, Item, Result, Scalar, Table
from core.method_base.class_weights import class_problem
from core.method_base.judges import COLUMNS, Judges, asked, verdicts
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
    as_declared,
    class_parameter,
    frames_parameter,
    jitter_parameter,
    learning_rate_parameter,
    plan,
    precision_parameter,
    rotate_parameter,
    scale_parameter,
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
    "total": ("loss", "Whole loss"),
    "probability": ("probability", "Probability of the class, mean of the pictures"),
    "logit": ("logit", "Logit of the class, mean of the pictures"),
}


class ClassImage(Method):
    """Maximizes z_c(x) - decay mean (x - 1/2)^2 over a picture that is moved a little before each step."""

    title: ClassVar[str] = "Class image"
    summary: ClassVar[str] = (
        "What does the network's idea of a class look like? "
        "A picture is made that the network takes for this class more than for any other: a super-cat."
    )
    source: ClassVar[str] = (
        "Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034: argmax z_c(x) - lambda |x|^2, logits and not softmax, "
        "which can be raised by lowering the others; with the waves and moves of Olah et al. 2017"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("images", "image", "Pictures of the class, each from a random start of its own"),
        Output("original", "image", "The photo as the network sees it"),
        Output("animation", "animation", "How the pictures came to be"),
        *trace_outputs(TRACES),
        Output("judgments", "table", "What the network itself and others see in the pictures"),
        Output("probability_after", "scalar", "Probability of the class for the pictures, mean"),
        Output(
            "agreement", "scalar", "Share of the verdicts of networks that know the class, its own among them, for it"
        ),
        Output("steps", "scalar", "Steps that were taken"),
    )

    class_name: str = class_parameter()
    start: Literal["blank", "photo", "noise"] = parameter(
        "blank", "Begin with a mid-gray sheet, with the photo, or with noise."
    )
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Move waves, so that structure of every size grows alike, or single pixels."
    )
    score: Literal["logits", "probabilities"] = parameter(
        "logits", "Raise the class's logit, or its probability, which can also rise by lowering the others."
    )
    seeds: int = seeds_parameter(4)
    steps: int = steps_parameter(150)
    judges: Judges = parameter((), "Other networks that are asked what they see in the pictures.", choices="networks")
    l2_penalty: float = parameter(
        1.0, "Weight of the mean square of the distance from mid-gray.", unit="", ge=0, le=1e4, advanced=True
    )
    jitter: float = jitter_parameter(0.06)
    scale: float = scale_parameter(0.1)
    rotate: float = rotate_parameter(8.0)
    learning_rate: float = learning_rate_parameter(0.05)
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes has no picture of one; one without the named class cannot be asked for it."""
        if not card.class_names:
            return "This network gives no classes: there is none to draw."
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        index = network.class_index(self.class_name) if self.class_name else int(network(photo).argmax())
        canvas = engine.optimization.canvas.Canvas(photo, self.start, self.seeds, context.seed, photo)
        sheet = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        objective = self._objective(network, index, context.seed)
        outcome = engine.optimization.optimize.descend(sheet, objective, plan(self, schedule="cosine"), context)
        judges = asked(self.judges, network, context)
        return Result(as_declared(self._items(outcome, photo, judges, index), self.outputs))

    def _objective(self, network: Network, index: int, seed: int) -> Objective:
        moves = engine.optimization.transforms.RandomTransforms(self.jitter, self.scale, self.rotate)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            logits = network(engine.optimization.transforms.transformed_at(step, picture, moves, seed)).float()
            wanted = logits.new_full((len(logits),), index).long()
            aim = engine.optimization.objectives.class_score(logits, wanted, self.score)
            distance = (picture - 0.5).square().mean(dim=(1, 2, 3))
            return {
                "total": self.l2_penalty * distance - aim,
                "probability": logits.detach().softmax(dim=1)[:, index],
                "logit": logits.detach()[:, index],
            }

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, judges: Sequence[Network], index: int) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        name = judges[0].card.class_names[index]
        rows = verdicts(judges, outcome.picture, name)
        own = rows[: self.seeds]
        columns = math.ceil(math.sqrt(self.seeds))
        able = [row for row in rows if row[4] is not None]
        probability = sum(row[4] for row in own) / len(own)
        agreement = sum(row[2] == name for row in able) / len(able)
        return {
            "images": sheet_image(outcome.picture, columns, f"{said['images']}: {name}"),
            "original": Image(pixels=engine.ranges.to_pixels(photo), caption=said["original"]),
            "animation": animation(outcome, columns, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "judgments": Table(columns=COLUMNS, rows=tuple(rows), caption=said["judgments"]),
            "probability_after": Scalar(
                value=probability, unit="share", subject=name, caption=said["probability_after"]
            ),
            "agreement": Scalar(value=agreement, unit="share", caption=said["agreement"]),
            "steps": Scalar(value=outcome.steps, unit="steps", caption=said["steps"]),
        }
