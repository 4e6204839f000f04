"""Measure attributions: the quality of one attribution method's maps for a network, over many images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from core import engine, measures, methods
from core.canonical import canonical_json, parsed_json
from core.errors import BadInput, ComputationFailed
from core.items import Floats, Map, Result
from core.measures.attributions import RANDOMIZED_PERCENTS, Row
from core.measures.baselines import BASELINES
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from core.measures.measuring import Attribute, Measuring
    from core.measures.subjects import Subject
    from core.media.picture import Picture
    from core.networks.network import Network


Step = Callable[[], Row]


class MeasureAttributions(Method):
    """Runs another method on each image and measures its maps; baseline maps are measured by jobs of their own."""

    title: ClassVar[str] = "Measure attributions"
    summary: ClassVar[str] = (
        "Do the maps of an attribution method explain the predictions? Top pixels are revealed and removed, maps are "
        "compared with bounding boxes, and weights are randomized."
    )
    source: ClassVar[str] = (
        "Petsiuk et al. 2018, arXiv:1806.07421 (insertion and deletion); Zhang et al. 2016, arXiv:1608.00507 (pointing "
        "game); Choe et al. 2020, arXiv:2001.07437 (MaxBoxAccV2); Adebayo et al. 2018, arXiv:1810.03292 (parameter "
        "randomization)"
    )
    family: ClassVar[MethodFamily] = "inspection"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("measures", "table", "Each measure over all images, with its 95 % confidence interval"),
        Output("insertion_curve", "series", "Probability of the predicted class while top pixels replace blurred ones"),
        Output("deletion_curve", "series", "Probability of the predicted class while top pixels are blurred"),
        Output("retained_curve", "series", "Predictions retained with only the top pixels shown"),
        Output("removed_curve", "series", "Predictions retained with the top pixels hidden"),
        Output("by_picture", "table", "Measures of each image"),
        Output("insertion", "scalar", "Insertion: area under the probability curve, mean over the images"),
        Output("deletion", "scalar", "Deletion: area under the probability curve, mean over the images"),
        Output("pictures", "scalar", "Measured images"),
    )

    attribution: str = parameter("center_gaussian", "Attribution method, or the name of a baseline map.")
    parameters: dict[str, Any] = parameter({}, "Parameters of the attribution method: names and values.")
    attribution_version: int = parameter(
        0, "Version of the attribution method; 0: the installed one.", unit="", ge=0, le=1000, advanced=True
    )
    count: int = parameter(100, "Number of images, balanced over classes.", unit="pictures", ge=1, le=10_000)
    steps: int = parameter(25, "Steps of insertion and deletion.", unit="steps", ge=2, le=1000)
    only_correct: bool = parameter(
        default=False,
        description="Correctly classified images only; the network must have the classes of the data set.",
    )
    small_boxes: bool = parameter(
        default=False, description="Images only whose object fills less than half of the network's input."
    )
    randomizations: int = parameter(
        20, "Images for the parameter randomization; 0: none.", unit="pictures", ge=0, le=500
    )
    collages: int = parameter(
        20, "Collages, pairs of images of different classes side by side; 0: none.", unit="pairs", ge=0, le=500
    )

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, values: Any) -> Any:
        """Values with all parameters and the version of the attribution method, since the key must cover them."""
        if not isinstance(values, Mapping) or values.get("attribution") not in attributions():
            return values
        parameters = values.get("parameters") or {}
        if not isinstance(parameters, Mapping):
            return values
        method = _attribution_method(values["attribution"], parameters)
        version = values.get("attribution_version") or method.version
        return {**values, "parameters": method.model_dump(mode="json"), "attribution_version": version}

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        name, version = self.attribution, 0
        if name in BASELINES:
            if self.parameters:
                raise ValueError(f"{name} has no parameters, got {', '.join(self.parameters)[:80]}")
        elif name not in attributions():
            known = ", ".join((*attributions(), *BASELINES))
            raise ValueError(f"attribution must be one of {known}, got {name[:80]!r}")
        else:
            version = _attribution_method(name, self.parameters).version
        if self.attribution_version != version:
            raise ValueError(f"attribution_version of {name} must be {version}, got {self.attribution_version}")
        return self

    def subject(self) -> str:
        return self.attribution

    @property
    def is_baseline(self) -> bool:
        """Whether the maps are baseline maps, which do not use the network."""
        return self.attribution in BASELINES

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no prediction, or the attribution method is not defined, in a sentence; None else."""
        if not card.class_names:
            return "This network predicts no classes: there is no prediction to retain."
        return None if self.is_baseline else _attribution_method(self.attribution, self.parameters).undefined_for(card)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        """Measure one image after the other, from the checkpoint on."""
        measuring = self._measuring(network, context)
        subjects = measures.subjects.subjects(
            network, measuring.dataset, self.count, only_correct=self.only_correct, small_boxes=self.small_boxes
        )
        steps = list(self._steps(subjects, measuring))
        rows, timer = _finished_rows(context)[: len(steps)], engine.checkpoint_timer.CheckpointTimer()
        for number, step in enumerate(steps):
            if number >= len(rows):
                rows.append(step())
                timer.write_if_due(lambda: context.checkpoint.write(canonical_json(rows)))
            context.report(number + 1, len(steps))
        return self.result(measures.attribution_items.items(rows, subjects, network.card))

    def _measuring(self, network: Network, context: Context) -> Measuring:
        if context.dataset is None:
            raise BadInput("attributions are measured on a data set, and none was given")
        return measures.measuring.Measuring(
            network, context.dataset, self._attribute(context), self.steps, context.seed
        )

    def _steps(self, subjects: Sequence[Subject], measuring: Measuring) -> Iterator[Step]:
        """Functions that return a row each; baseline maps depend on no weights and no class."""
        yield from (partial(measuring.of_picture, subject) for subject in subjects)
        if self.is_baseline:
            return
        for percent in RANDOMIZED_PERCENTS:
            for subject in subjects[: self.randomizations]:
                yield partial(measuring.with_random_weights, percent, subject)
        if "class_name" in self.parameters:
            pairs = [pair for pair in pairwise(subjects) if pair[0].target != pair[1].target]
            yield from (partial(measuring.of_collage, *pair) for pair in pairs[: self.collages])

    def _attribute(self, context: Context) -> Attribute:
        """The function that computes a map."""
        if self.is_baseline:
            return lambda _, network, __, number: BASELINES[self.attribution](*network.card.input_px, number)
        inner = Context(context.seed)
        inner.device = context.device

        def attribute(picture: Picture, network: Network, target: int, number: int) -> Floats:  # noqa: ARG001
            method = _attribution_method(self.attribution, self.parameters | self._class_parameter(network, target))
            items = method.run([picture], network, inner).items.values()
            values = next(item.values for item in items if isinstance(item, Map))
            if values.shape != network.card.input_px:
                raise ComputationFailed(f"the map of {self.attribution} has the shape {values.shape}, not the input's")
            return values

        return attribute

    def _class_parameter(self, network: Network, target: int) -> dict[str, str]:
        """The parameter that sets the target class, where the attribution method has one."""
        if "class_name" not in self.parameters:
            return {}
        name = network.card.class_names[target]
        return {"class_name": name if network.class_index(name) == target else str(target)}


def attributions() -> list[str]:
    """Names of the methods whose maps can be measured: they read one picture and a network, and return a map."""
    return [name for name, method in methods.METHODS.items() if _returns_a_map(method)]


def _returns_a_map(method: type[Method]) -> bool:
    needs = method.needs
    one_picture = needs.grid and needs.pictures == 1 and not needs.dataset
    return one_picture and any(output.kind == Map.kind for output in method.outputs)


def _attribution_method(name: str, parameters: Mapping[str, Any]) -> Method:
    """The attribution method. Raises ValueError, as a validator must, where its parameters are not allowed."""
    try:
        return methods.make_method(name, parameters)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _finished_rows(context: Context) -> list[Row]:
    """The rows in the checkpoint; none where it is damaged."""
    content = context.checkpoint.read()
    try:
        rows = parsed_json(content) if content is not None else []
    except ValueError:
        return []
    return rows if isinstance(rows, list) else []
