"""The contract of a method: one class whose fields are its parameters.

The class defines the form, the key, the command line, the docs and the validation at every entry point. A method lives
in a file of its own under `core/methods/` and has the file's name; see `docs/how-to/add-a-method.md`.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from core.errors import BadInput, NetworkUnavailable
from core.items import KINDS, Item, Map, Pixels, Result, Series
from core.media.drawn_styles import drawn_style, style_of
from core.networks.card import FAMILIES, Family, NetworkCard

if TYPE_CHECKING:
    from core.datasets.dataset import Dataset
    from core.media.picture import Picture
    from core.media.video import Video
    from core.networks.network import Network

Choices = Literal["classes", "class", "contrast class", "layers", "networks", "pictures", "results"]
REGION = "region"
"""Value of `of` for a picture that is a mask: white inside, black outside."""
MethodFamily = Literal["optimization", "fixation", "attribution", "autoencoder", "style", "inspection", "training"]


@dataclass(frozen=True)
class Needs:
    """Inputs of a method in addition to its parameters."""

    pictures: int = 1
    """Number of pictures per job."""
    dataset: bool = False
    """Whether it reads a data set, which is then `Context.dataset`."""
    network: bool = True
    """Whether it reads a network."""

    @property
    def grid(self) -> bool:
        """Whether it reads pictures and networks, so that a grid of pictures x networks can show it."""
        return self.pictures > 0 and self.network


@dataclass(frozen=True)
class Output:
    """Declaration of one item of a result."""

    name: str
    kind: str
    caption: str
    optional: bool = False
    """Whether it is left out where it has no meaning."""


class Checkpoint:
    """Storage for the progress of a long job, which then survives a kill; this one stores nothing."""

    def read(self) -> bytes | None:
        """The content that was written last; None at the start."""
        return None

    def write(self, content: bytes) -> None:
        """Replace the stored content by `content`, atomically."""


class Context:
    """Inputs of a running job and its progress reports; this one discards the reports."""

    device: str = "cpu"
    """Torch device of the computation."""
    dataset: Dataset | None = None
    """Labeled images, for a method whose `needs.dataset` is true."""
    checkpoint: Checkpoint = Checkpoint()

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.noted: dict[str, Any] = {}
        """Additional entries of the result's provenance, JSON."""

    def network(self, identity: str) -> Network:
        """The network of this identity, other than the job's own. Raises NetworkUnavailable."""
        raise NetworkUnavailable(f"{identity} cannot be loaded here")

    def picture(self, digest: str) -> Picture:
        """The picture of a parameter's value; without a store, generated styles only. Raises BadInput, Damaged."""
        name = style_of(digest)
        if name is None:
            raise BadInput(f"there is no picture {digest[:12]}…: upload it again")
        return drawn_style(name)

    def video(self, digest: str) -> Video:
        """The video of a parameter's value. Raises BadInput, Damaged."""
        raise BadInput(f"there is no video {digest[:12]}… here")

    def result(self, key: str) -> Result:
        """The result of another job. Raises BadInput where the store does not hold it."""
        raise BadInput(f"there is no result {key[:12]} here")

    def shared(self, digest: str) -> Checkpoint:  # noqa: ARG002  nothing is stored here
        """Storage that jobs share for expensive intermediate values; `digest` covers all that determines them."""
        return Checkpoint()

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        """Report that `step` of `total` is done, with the current values and a preview (H, W, 3) uint8.

        Cheap: call it at every step; `preview` is called only occasionally. Raises Canceled when the job was canceled.
        """

    def draw(self, curves: Sequence[Series]) -> None:
        """Show the current state of these curves until the next call."""


def parameter(  # noqa: PLR0913  each is an attribute of a field that pages and checks read
    default: Any,
    description: str,
    *,
    unit: str | None = None,
    when: Mapping[str, Sequence[Any]] | None = None,
    choices: Choices | None = None,
    of: str = "",
    advanced: bool = False,
    video: bool = False,
    **bounds: Any,
) -> Any:
    """A field of a method.

    Args:
        default: Its default value.
        description: What it sets, in a sentence.
        unit: Unit of a number; '' for a pure number. Required for numbers.
        when: Values of other parameters under which it has an effect; the form hides it otherwise.
        choices: What the form offers: names of classes, of a class, of a contrast class, of layers or of networks;
            pictures, whose digests are the value; or results, whose keys are the value.
        of: For results, the method that made them; for a picture, `REGION` where it is painted as a mask.
        advanced: Whether the form folds it away.
        video: Whether the value is a video's digest.
        bounds: `ge` or `gt`, and `le` or `lt`. Required for numbers.
    """
    conditions = {name: list(values) for name, values in (when or {}).items()}
    extra: dict[str, Any] = {"unit": unit, "when": conditions, "choices": choices, "of": of, "advanced": advanced}
    extra |= {"video": True} if video else {}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


def field_extra(field: FieldInfo) -> dict[str, Any]:
    """The arguments `unit`, `when`, `choices`, `of`, `advanced` and `video` of a field's `parameter`."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


class Method(BaseModel):
    """A method and its parameters: a frozen model; each field has a description, and each number has bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    name: ClassVar[str]
    """Name of the class's file; set when the class is made."""
    title: ClassVar[str]
    summary: ClassVar[str]
    """The question that the method answers, ending in '?', and one or two sentences about how."""
    source: ClassVar[str]
    """Citations as in `docs/references.md`, separated by semicolons."""
    family: ClassVar[MethodFamily]
    version: ClassVar[int]
    """Incremented when the mathematics changes: results of another version have another key."""
    outputs: ClassVar[tuple[Output, ...]]
    needs: ClassVar[Needs] = Needs()
    undefined: ClassVar[Mapping[Family, str]] = {}
    """Network family -> why the method is not defined for it, in a sentence."""
    shared: ClassVar[bool] = False
    """True in the body of a base class: it is no method, but declares what several methods share. Not inherited."""
    leading: ClassVar[bool] = False
    """True in the body of a base class whose fields stand before those of the methods made of it. Not inherited."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        _order_fields(cls)
        if not vars(cls).get("shared"):
            cls.name = cls.__module__.rpartition(".")[2]
            _check_declaration(cls)

    @classmethod
    def captions(cls) -> dict[str, str]:
        """The caption of each output, by name."""
        return {output.name: output.caption for output in cls.outputs}

    @classmethod
    def result(cls, items: Mapping[str, Item]) -> Result:
        """The items in the order of `outputs`; one without a caption gets the caption of its output.

        Raises KeyError where an output that is not optional is missing.
        """
        present = [output for output in cls.outputs if output.name in items or not output.optional]
        return Result({output.name: _captioned(items[output.name], output.caption) for output in present})

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the method is not defined for this network, in a sentence; None where it is."""
        return self.undefined.get(card.family)

    def subject(self) -> str:
        """A few words that distinguish its jobs where they read no picture and network."""
        return ""

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        """The result for a method that needs a network; see `run_without_network`.

        Deterministic given parameters, pictures, network and `context.seed`.
        """
        raise NotImplementedError(f"{self.name} runs without a network")

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:
        """The result for a method whose `needs.network` is false.

        Deterministic given parameters, pictures and `context.seed`.
        """
        raise NotImplementedError(f"{self.name} runs with a network")


def _captioned(item: Item, caption: str) -> Item:
    """The item with a caption; that of a map also says where the map is constant."""
    remark = f". {item.remark}" if isinstance(item, Map) and item.remark else ""
    return replace(item, caption=f"{item.caption or caption}{remark}")


def _order_fields(cls: type[Method]) -> None:
    """Put the fields of leading bases first, then those that the class declares itself, then those of other bases.

    A field that several classes declare counts as the last one's. Pydantic alone would put all inherited fields first.
    """
    declared = {base: inspect.get_annotations(base) for base in cls.__mro__}
    by_rank = sorted(declared, key=lambda base: not vars(base).get("leading", False))  # stable: else as in the MRO
    owners = {name: base for base in reversed(cls.__mro__) for name in declared[base]}
    names = [name for base in by_rank for name in declared[base] if owners[name] is base]
    fields = {name: cls.__pydantic_fields__[name] for name in names if name in cls.__pydantic_fields__}
    if list(fields) != list(cls.__pydantic_fields__):
        cls.__pydantic_fields__ = fields
        cls.model_rebuild(force=True)  # validation and dumps follow the same order


def _check_declaration(cls: type[Method]) -> None:
    """Raise TypeError where a method lacks what pages, keys and docs are made of."""
    for attribute in ("title", "summary", "source", "family", "version", "outputs"):
        if not getattr(cls, attribute, None):
            raise TypeError(f"{cls.__name__} must declare {attribute}")
    for output in cls.outputs:
        if output.kind not in KINDS:
            raise TypeError(f"{cls.__name__}.outputs: {output.name} is of kind {output.kind!r}, not {sorted(KINDS)}")
    for family in cls.undefined:
        if family not in FAMILIES:
            raise TypeError(f"{cls.__name__}.undefined names the family {family!r}, not one of {FAMILIES}")
    earlier: set[str] = set()
    for name, field in cls.model_fields.items():
        _check_field(f"{cls.__name__}.{name}", field)
        conditions = field_extra(field).get("when", {}).keys()
        if unknown := conditions - cls.model_fields.keys():
            raise TypeError(f"{cls.__name__}.{name} depends on {', '.join(sorted(unknown))}, which does not exist")
        if later := conditions - earlier:
            raise TypeError(f"{cls.__name__}.{name} depends on {', '.join(sorted(later))}, which must stand before it")
        earlier.add(name)


def _check_field(name: str, field: FieldInfo) -> None:
    if not field.description:
        raise TypeError(f"{name} has no description")
    if field.is_required():
        raise TypeError(f"{name} has no default")
    if not is_number(field.annotation):
        return
    if field_extra(field).get("unit") is None:
        raise TypeError(f"{name} has no unit ('' for a pure number)")
    low, high = field_bounds(field)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise TypeError(f"{name} is not bounded on both sides")


def is_number(annotation: Any) -> bool:
    """Whether a field of this type holds a number, or a number or None."""
    if get_origin(annotation) in (Union, types.UnionType):
        return any(is_number(argument) for argument in get_args(annotation))
    return annotation in (int, float)


def field_bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Lower and upper bound of a numeric field, inclusive or exclusive; None where there is none."""
    low = high = None
    for constraint in field.metadata:
        low = getattr(constraint, "ge", getattr(constraint, "gt", low))
        high = getattr(constraint, "le", getattr(constraint, "lt", high))
    return low, high
