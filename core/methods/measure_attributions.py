"""Measure attributions: what the maps of one attribution method are worth on a network, over many pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from core import measures, methods
from core.canonical import canonical_json, parsed_json
from core.errors import BadInput, ComputationFailed
from core.items import Floats, Map, Result
from core.measures.attributions import STAGES, Row
from core.measures.baselines import BASELINES
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from core.measures.measuring import Attribute, Measuring
    from core.measures.subjects import Subject
    from core.media.picture import Picture
    from core.networks.network import Network

COLUMNS = ("measure", "what it says", "value", "low", "high", "pictures")

PROBABILITY, KEPT = "Probability of the answer", "Pictures whose answer is kept, share"

CHECKPOINT_EVERY_S = 2.0
"""At the least; a picture is never done by half."""

Step = Callable[[], Row]


class MeasureAttributions(Method):
    """Runs another method picture by picture and asks the network again; baselines are jobs of their own."""

    title: ClassVar[str] = "Measure attributions"
    summary: ClassVar[str] = (
        "Do an attribution's maps show what the network's answer rests on? Pictures are shown with only the best "
        "pixels, or without them, maps are held against objects' boxes, and weights are randomized."
    )
    source: ClassVar[str] = (
        "Insertion and deletion: Petsiuk et al. 2018, arXiv:1806.07421; pointing game: Zhang et al. 2018, "
        "arXiv:1608.00507; boxes: Choe et al. 2020, arXiv:2001.07437; randomized weights: Adebayo et al. 2018, "
        "arXiv:1810.03292"
    )
    family: ClassVar[MethodFamily] = "inspection"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("measures", "table", "Each measure over all pictures, with its 95 % interval of the bootstrap"),
        Output(
            "insertion_curve", "series", "Probability of the answer as the best pixels are shown, all others blurred"
        ),
        Output("deletion_curve", "series", "Probability of the answer as the best pixels are blurred"),
        Output("retained_curve", "series", "Pictures whose answer is kept with only the best pixels shown"),
        Output("removed_curve", "series", "Pictures whose answer is kept with the best pixels hidden"),
        Output("by_picture", "table", "The measures of each picture"),
        Output("insertion", "scalar", "Mean area under the probability as the best pixels are shown"),
        Output("deletion", "scalar", "Mean area under the probability as the best pixels are hidden"),
        Output("pictures", "scalar", "Pictures that were measured"),
    )

    attribution: str = parameter(
        "center_gaussian", "Name of the method whose maps are measured, or of a map that knows nothing."
    )
    parameters: dict[str, Any] = parameter({}, "Parameters of that method: names and values.")
    attribution_version: int = parameter(
        0, "Version of that method; left at 0: the one that is here.", unit="", ge=0, le=1000, advanced=True
    )
    count: int = parameter(100, "Pictures that are measured, each class as often.", unit="pictures", ge=1, le=10_000)
    steps: int = parameter(25, "Steps in which pixels are shown or hidden.", unit="steps", ge=2, le=1000)
    only_correct: bool = parameter(
        default=False, description="Only pictures that the network names right; it must know the data set's classes."
    )
    small_boxes: bool = parameter(
        default=False, description="Only pictures whose object fills less than half of what the network sees."
    )
    randomizations: int = parameter(
        20, "Pictures whose map is made again with randomized weights; 0: none.", unit="pictures", ge=0, le=500
    )
    collages: int = parameter(
        20, "Pairs of pictures of different class that are shown side by side; 0: none.", unit="pairs", ge=0, le=500
    )

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, asked: Any) -> Any:
        """All that decides the maps is in the key: the other method's defaults and its version."""
        if not isinstance(asked, Mapping) or asked.get("attribution") not in attributions():
            return asked
        given = asked.get("parameters") or {}
        if not isinstance(given, Mapping):
            return asked
        made = _made(asked["attribution"], given)
        version = asked.get("attribution_version") or made.version
        return {**asked, "parameters": made.model_dump(mode="json"), "attribution_version": version}

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        name, version = self.attribution, 0
        if name in BASELINES:
            if self.parameters:
                raise ValueError(f"{name} has no parameters, got {', '.join(self.parameters)[:80]}")
        elif name not in attributions():
            known = ", ".join((*attributions(), *BASELINES))
            raise ValueError(f"attribution must be one of {known}, got {name[:80]!r}")
        else:
            version = _made(name, self.parameters).version
        if self.attribution_version != version:
            raise ValueError(f"this asks for {name} version {self.attribution_version}, here is {version}")
        return self

    def subject(self) -> str:
        return self.attribution

    @property
    def is_baseline(self) -> bool:
        """Whether the maps know nothing of the picture."""
        return self.attribution in BASELINES

    def undefined_for(self, card: NetworkCard) -> str | None:
        """As the other method says; a network without classes gives no answer to measure with."""
        if not card.class_names:
            return "This network gives no classes: there is no answer that could be kept."
        return None if self.is_baseline else _made(self.attribution, self.parameters).undefined_for(card)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        """Go on from the checkpoint, one picture after the other."""
        measuring = self._measuring(network, context)
        chosen = measures.subjects.subjects(
            network, measuring.dataset, self.count, only_correct=self.only_correct, small_boxes=self.small_boxes
        )
        steps = list(self._steps(chosen, measuring))
        rows, next_s = _kept_rows(context)[: len(steps)], time.monotonic() + CHECKPOINT_EVERY_S
        for number, step in enumerate(steps):
            if number >= len(rows):
                rows.append(step())
                if time.monotonic() >= next_s:
                    context.checkpoint.write(canonical_json(rows))
                    next_s = time.monotonic() + CHECKPOINT_EVERY_S
            context.report(number + 1, len(steps))
        items = measures.attribution_items.items(rows, chosen, network.card)
        return Result({output.name: replace(items[output.name], caption=output.caption) for output in self.outputs})

    def _measuring(self, network: Network, context: Context) -> Measuring:
        if context.dataset is None:
            raise BadInput("attributions are measured on a data set, and none was given")
        return measures.measuring.Measuring(
            network, context.dataset, self._attribute(context), self.steps, context.seed
        )

    def _steps(self, chosen: Sequence[Subject], measuring: Measuring) -> Iterator[Step]:
        """What is to be done, each of which gives a row; a map that knows nothing changes with no weight and class."""
        yield from (partial(measuring.of_picture, subject) for subject in chosen)
        if self.is_baseline:
            return
        for percent in STAGES:
            for subject in chosen[: self.randomizations]:
                yield partial(measuring.with_random_weights, percent, subject)
        if "class_name" in self.parameters:
            pairs = [pair for pair in pairwise(chosen) if pair[0].answer != pair[1].answer]
            yield from (partial(measuring.of_collage, *pair) for pair in pairs[: self.collages])

    def _attribute(self, context: Context) -> Attribute:
        """How a map is made."""
        if self.is_baseline:
            return lambda _, network, __, number: BASELINES[self.attribution](*network.card.input_px, number)
        inside = Context(context.seed)
        inside.device = context.device

        def attribute(picture: Picture, network: Network, answer: int, number: int) -> Floats:  # noqa: ARG001
            method = _made(self.attribution, self.parameters | self._asking(network, answer))
            found = method.run([picture], network, inside)
            values = next(item.values for item in found.items.values() if isinstance(item, Map))
            if values.shape != network.card.input_px:
                raise ComputationFailed(f"{self.attribution} gave a map of {values.shape}, not of the picture's size")
            return values

        return attribute

    def _asking(self, network: Network, answer: int) -> dict[str, str]:
        """The parameter that names the class, where the method has one."""
        if "class_name" not in self.parameters:
            return {}
        name = network.card.class_names[answer]
        return {"class_name": name if network.class_index(name) == answer else str(answer)}


def attributions() -> list[str]:
    """The methods whose maps can be measured: they look at one picture through a network, and give a map first."""
    return [name for name, method in methods.METHODS.items() if _gives_a_map(method)]


def _gives_a_map(method: type[Method]) -> bool:
    needs = method.needs
    one_picture = needs.grid and needs.pictures == 1 and not needs.dataset
    return one_picture and any(output.kind == Map.kind for output in method.outputs)


def _made(name: str, parameters: Mapping[str, Any]) -> Method:
    """The other method. ValueError, which pydantic makes a sentence of, where its parameters are not allowed."""
    try:
        return methods.make_method(name, parameters)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _kept_rows(context: Context) -> list[Row]:
    """How far it is; nothing where that is damaged."""
    content = context.checkpoint.read()
    try:
        rows = parsed_json(content) if content is not None else []
    except ValueError:
        return []
    return rows if isinstance(rows, list) else []
