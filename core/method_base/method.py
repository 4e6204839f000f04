"""The contract of a method: one class whose fields are its parameters.

From the class come the form, the key, the command line, the docs and the checks at every door. A method lives in a file
of its own under `core/methods/`, which is its name; see `docs/adding-a-method.md`.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from core.errors import BadInput, BadParameter, NetworkUnavailable
from core.items import KINDS, Pixels, Result, Series
from core.media.drawn_styles import drawn_style, style_of
from core.networks.card import FAMILIES, Family, NetworkCard

if TYPE_CHECKING:
    from core.datasets.dataset import Dataset
    from core.media.picture import Picture
    from core.media.video import Video
    from core.networks.network import Network

Choices = Literal["classes", "class", "contrast class", "layers", "networks", "pictures", "results"]
REGION = "region"
"""What a picture is `of` that says where: white or black."""
MethodFamily = Literal["optimization", "fixation", "attribution", "autoencoder", "style", "inspection", "training"]


@dataclass(frozen=True)
class Needs:
    """What a method takes beside its parameters."""

    pictures: int = 1
    """How many pictures one job looks at."""
    dataset: bool = False
    """Whether it learns from a data set, which is then `Context.dataset`."""
    network: bool = True

    @property
    def grid(self) -> bool:
        """Whether it looks at pictures through networks, and so has a place in a grid of them."""
        return self.pictures > 0 and self.network


@dataclass(frozen=True)
class Output:
    """One item that a method yields: its name in the result, its kind, and what is seen."""

    name: str
    kind: str
    caption: str
    optional: bool = False
    """Whether it is left out where it has no meaning."""


class Checkpoint:
    """Where a long job keeps how far it is, so that a kill only delays it; this one keeps nothing."""

    def read(self) -> bytes | None:
        """What was written last; None at the start."""
        return None

    def write(self, content: bytes) -> None:
        """Keep `content` in place of what was kept before, whole or not at all."""


class Context:
    """What a running method knows of its job, and how it reports; this one reports to nobody."""

    device: str = "cpu"
    """Where to compute."""
    dataset: Dataset | None = None
    """The labeled pictures, for a method that needs them."""
    checkpoint: Checkpoint = Checkpoint()

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.noted: dict[str, Any] = {}
        """What the result's provenance shall say beside the usual, JSON."""

    def network(self, identity: str) -> Network:
        """Another network beside the one that the job is about. Raises NetworkUnavailable."""
        raise NetworkUnavailable(f"{identity} cannot be loaded here")

    def picture(self, digest: str) -> Picture:
        """A picture that a parameter names; here only what is drawn by our own code. Raises BadInput, Damaged."""
        name = style_of(digest)
        if name is None:
            raise BadInput(f"there is no picture {digest[:12]}…: upload it again")
        return drawn_style(name)

    def video(self, digest: str) -> Video:
        """A video that a parameter names. Raises BadInput, Damaged."""
        raise BadInput(f"there is no video {digest[:12]}… here")

    def result(self, key: str) -> Result:
        """What another job gave. Raises BadInput where it is not there."""
        raise BadInput(f"there is no result {key[:12]} here")

    def shared(self, digest: str) -> Checkpoint:  # noqa: ARG002  nothing is kept here
        """A place for what is costly and serves other jobs too; `digest`: of all that decides it."""
        return Checkpoint()

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        """Say that `step` of `total` is done. `preview` gives (H, W, 3) uint8 and is called only now and then.

        Call it at every step; it is cheap. Raises `Canceled` when the job is no longer wanted.
        """

    def draw(self, curves: Sequence[Series]) -> None:
        """Show these curves as they are so far, until the next ones."""


def parameter(  # noqa: PLR0913  each is something that a page or a check asks of a field
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
    """A field of a method. Numbers need `unit` ('' for a pure number) and bounds (`ge`/`gt`, `le`/`lt`).

    `when` names the other parameters' values under which this one matters (the form hides it otherwise); `choices` says
    that the form offers names of classes, of one class, of one that it is held against, of layers or of networks,
    pictures, which are kept as digests (`of` a `REGION`: it is drawn), or results of the method `of`, by key; an
    `advanced` one is folded away; `video`: the value is a video's digest.
    """
    conditions = {name: list(values) for name, values in (when or {}).items()}
    extra: dict[str, Any] = {"unit": unit, "when": conditions, "choices": choices, "of": of, "advanced": advanced}
    extra |= {"video": True} if video else {}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


def field_extra(field: FieldInfo) -> dict[str, Any]:
    """The `unit`, `when`, `choices`, `of` and `advanced` that `parameter` noted on `field`."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


class Method(BaseModel):
    """A method is its parameters: a frozen model, each field bounded and described."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    name: ClassVar[str]
    """The file's name; set when the class is made."""
    title: ClassVar[str]
    summary: ClassVar[str]
    """What question the method answers, in a sentence or two."""
    source: ClassVar[str]
    """The paper or talk that the method comes from."""
    family: ClassVar[MethodFamily]
    version: ClassVar[int]
    """Raised when the mathematics changes: results of another version have another key."""
    outputs: ClassVar[tuple[Output, ...]]
    needs: ClassVar[Needs] = Needs()
    undefined: ClassVar[Mapping[Family, str]] = {}
    """Network family -> why the method has no meaning there."""
    shared: ClassVar[bool] = False
    """Says a class itself, not those made of it: it is no method, but the fields that several have in common."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if not vars(cls).get("shared"):
            cls.name = cls.__module__.rpartition(".")[2]
            _check_declaration(cls)

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the method has no meaning for this network, in a sentence; None where it has."""
        return self.undefined.get(card.family)

    def subject(self) -> str:
        """What tells one job of it from another where it looks at no picture through a network, in a few words."""
        return ""

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        """Compute. Deterministic given parameters, pictures, network and `context.seed`."""
        raise NotImplementedError


def _check_declaration(cls: type[Method]) -> None:
    """Raise TypeError where a method leaves out what the pages, keys and docs are made of."""
    for attribute in ("title", "summary", "source", "family", "version", "outputs"):
        if not getattr(cls, attribute, None):
            raise TypeError(f"{cls.__name__} must declare {attribute}")
    for output in cls.outputs:
        if output.kind not in KINDS:
            raise TypeError(f"{cls.__name__}.outputs: {output.name} is of kind {output.kind!r}, not {sorted(KINDS)}")
    for family in cls.undefined:
        if family not in FAMILIES:
            raise TypeError(f"{cls.__name__}.undefined names the family {family!r}, not one of {FAMILIES}")
    for name, field in cls.model_fields.items():
        _check_field(f"{cls.__name__}.{name}", field)
        if unknown := field_extra(field).get("when", {}).keys() - cls.model_fields.keys():
            raise TypeError(f"{cls.__name__}.{name} depends on {', '.join(sorted(unknown))}, which it has not")


def _check_field(name: str, field: FieldInfo) -> None:
    if not field.description:
        raise TypeError(f"{name} has no description")
    if field.is_required():
        raise TypeError(f"{name} has no default")
    if not _is_number(field.annotation):
        return
    if field_extra(field).get("unit") is None:
        raise TypeError(f"{name} has no unit ('' for a pure number)")
    low, high = field_bounds(field)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise TypeError(f"{name} is not bounded on both sides")


def _is_number(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_number(argument) for argument in get_args(annotation))
    return annotation in (int, float)


def field_bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the greatest value that a numeric field allows (or, where strict, must stay above and below)."""
    low = high = None
    for constraint in field.metadata:
        low = getattr(constraint, "ge", getattr(constraint, "gt", low))
        high = getattr(constraint, "le", getattr(constraint, "lt", high))
    return low, high


def validated(cls: type[Method], parameters: Mapping[str, Any]) -> Method:
    """`cls(**parameters)`, or BadParameter with one sentence that names parameter, value and what is allowed.

    A parameter that does not matter under the others' values counts as its default: it decides nothing, so that it must
    not give another key.
    """
    try:
        asked = cls(**parameters)
        idle = _idle(asked)
        return cls(**{name: value for name, value in parameters.items() if name not in idle}) if idle else asked
    except ValidationError as error:
        raise BadParameter(_sentence(cls, error)) from None


def picture_fields(cls: type[Method]) -> list[str]:
    """The parameters whose values are digests of pictures: one, empty for none, or several."""
    return [name for name, field in cls.model_fields.items() if field_extra(field).get("choices") == "pictures"]


def video_fields(cls: type[Method]) -> list[str]:
    """The parameters whose values are digests of videos."""
    return [name for name, field in cls.model_fields.items() if field_extra(field).get("video")]


def named_pictures(method: Method) -> list[str]:
    """Digests of the pictures that the parameters name, each once."""
    values = [getattr(method, name) for name in picture_fields(type(method))]
    each = [[value] if isinstance(value, str) else value for value in values]
    return list(dict.fromkeys(digest for digests in each for digest in digests if digest))


def named_videos(method: Method) -> list[str]:
    """Digests of the videos that the parameters name, each once."""
    values = [getattr(method, name) for name in video_fields(type(method))]
    return list(dict.fromkeys(filter(None, values)))


def unchosen(method: Method) -> list[str]:
    """What it cannot do without and the parameters do not name yet, in words."""
    fields = type(method).model_fields
    results = [name for name, field in fields.items() if field_extra(field).get("choices") == "results"]
    asked = {"a trained model": results, "a video": video_fields(type(method))}
    return [what for what, names in asked.items() if any(not getattr(method, name) for name in names)]


def matters(cls: type[Method], name: str, values: Mapping[str, Any]) -> bool:
    """Whether the field has a meaning under `values` of the fields before it (their defaults where they have none)."""
    conditions = field_extra(cls.model_fields[name]).get("when") or {}
    return all(values.get(other, cls.model_fields[other].default) in allowed for other, allowed in conditions.items())


def _idle(method: Method) -> set[str]:
    """The fields that have no meaning in this method."""
    counted: dict[str, Any] = {}
    idle = set()
    for name in type(method).model_fields:
        if matters(type(method), name, counted):
            counted[name] = getattr(method, name)
        else:
            idle.add(name)
    return idle


def _sentence(cls: type[Method], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name, *inside = map(str, first["loc"] or ("",))
    got = _shown(first["input"]) + (f" for {inside[0][:80]}" if inside else "")
    if first["type"] == "extra_forbidden":
        return f"{cls.name} has no parameter {name[:80]!r}; it has {', '.join(cls.model_fields)}"
    if first["type"] == "value_error":
        return f"{name}: {first['ctx']['error']}" if name else str(first["ctx"]["error"])
    field = cls.model_fields.get(name)
    return f"{name} must be {allowed(field) if field else first['msg'].lower()}, got {got}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not write out a whole number of more than 4300 digits
        return "an enormous number"
    return text if len(text) <= 60 else text[:57] + "..."


def allowed(field: FieldInfo) -> str:
    """What a field takes, in words: `0.001 to 1 px`, `one of mse, mae`, `true or false`."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(annotation)))
    if annotation is bool:
        return "true or false"
    if _is_number(annotation):
        low, high = field_bounds(field)
        unit = field_extra(field).get("unit")
        kind = "a whole number from " if annotation is int else ""
        above = "above " if _has_bound(field, "gt") else ""
        below = "below " if _has_bound(field, "lt") else ""
        return f"{kind}{above}{low:.10g} to {below}{high:.10g}" + (f" {unit}" if unit else "")
    if annotation is str or get_origin(annotation) is tuple:
        return _allowed_names(annotation, field_extra(field).get("choices"))
    weights = get_origin(annotation) is not dict or get_args(annotation)[1] is float
    return "names, or names with weights as name=1" if weights else "a table of names and values"


def _allowed_names(annotation: Any, choices: str | None) -> str:
    if choices == "pictures":
        return "a picture" if annotation is str else "pictures"
    return "a text" if annotation is str else "names of networks"


def _has_bound(field: FieldInfo, name: Literal["gt", "lt"]) -> bool:
    return any(getattr(constraint, name, None) is not None for constraint in field.metadata)
