"""The `config.json` beside a network's weights, as timm writes it: read within limits, each field checked.

`timm.models.save_for_hf` writes `architecture`, `num_classes`, `model_args`, `label_names` and `pretrained_cfg` (input
size and preprocessing). Older versions wrote one flat table. `family`, `license` and `source` are Gazegrid's own.
"""

from __future__ import annotations

import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError
from pydantic import model_validator as validates_model

from core.canonical import parsed_json
from core.networks.card import Family
from core.networks.tables import class_names, families

MAX_CONFIG_BYTES = 8_000_000
"""Size of a `config.json`; names and descriptions of 21,843 classes take 2 MB."""
MAX_CLASSES = 200_000
MAX_CLASS_NAME = 200
"""Characters."""
MAX_TEXT = 500
"""Characters of a license or source."""
CHANNELS = 3
MAX_INPUT_PX = 4096
MAX_ARGUMENT = 100_000
"""Greatest number in `model_args`, such as a width or a side in pixels."""
MAX_ARGUMENT_CHARACTERS = 2000
"""Length of an argument as text."""
NOT_MODEL_ARGUMENTS = {
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "checkpoint_path", "cache_dir",
    "features_only", "scriptable", "exportable", "no_jit", "num_classes", "in_chans", "device", "dtype",
}  # fmt: skip
"""Arguments that `model_args` may not set: timm would read other files, or give other outputs than logits."""
FLEXIBLE = (("dynamic_img_size", True), ("use_naflex", True), ("strict_img_size", False))
"""Arguments by which an architecture of a fixed input size takes any."""


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic collects these
    return value


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("must be without line breaks and control characters")
    return text


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_number)]
Side = Annotated[Count, Field(ge=1, le=MAX_INPUT_PX)]
Mean = Annotated[Number, Field(ge=0, le=1)]
Std = Annotated[Number, Field(ge=1e-6, le=10)]
Text = Annotated[StrictStr, Field(max_length=MAX_TEXT), AfterValidator(_printable)]
Size = tuple[Side, Side]


class Preprocessing(BaseModel):
    """timm's `pretrained_cfg`; defaults are timm's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    input_size: tuple[Annotated[Count, Field(ge=CHANNELS, le=CHANNELS)], Side, Side] = (3, 224, 224)
    """Channels, height, width."""
    fixed_input_size: bool | None = None
    """Whether the network is built for its input size; None: as its architecture is by default."""
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Std, Std, Std] | None = None
    crop_pct: Annotated[Number, Field(gt=0, le=2)] | None = None
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] | None = None
    crop_mode: Literal["center", "squash", "border"] | None = None
    num_classes: Any = None
    label_names: Any = None
    license: Text | None = None


class NetworkConfig(BaseModel):
    """A configuration that a network can be built from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    architecture: StrictStr
    num_classes: Annotated[Count, Field(ge=1, le=MAX_CLASSES)]
    label_names: tuple[str, ...]
    """A unique name of each class."""
    model_args: dict[str, Any]
    """Keyword arguments of the architecture, without numbers of classes and channels."""
    pretrained_cfg: Preprocessing
    family: Family | None = None
    license: Text | None = None
    source: Text | None = None
    weights_sha256: StrictStr = ""

    @validates_model(mode="after")
    def _is_known(self) -> Self:
        if self.architecture not in families():
            raise ValueError(f"architecture must be one of timm's, got {self.architecture[:80]!r}")
        return self

    @property
    def input_px(self) -> Size:
        """Height and width of the input in pixels; `img_size` of a network of a fixed size decides, as in timm."""
        size = self.model_args.get("img_size")
        if size is None or not self.fixed_input_size(default=True):
            return self.pretrained_cfg.input_size[1:]
        return (size, size) if isinstance(size, int) else (size[0], size[1])

    def fixed_input_size(self, *, default: bool) -> bool:
        """Whether the network is built for one input size; `default`: whether its architecture is."""
        if any(self.model_args.get(name) is value for name, value in FLEXIBLE):
            return False
        stated = self.pretrained_cfg.fixed_input_size
        return default if stated is None else stated


def read_config(path: Path) -> NetworkConfig:
    """The configuration in this file. Raises OSError, and ValueError in one line that names the field."""
    try:
        document = _document(path)
        described = document.get("pretrained_cfg", document)
        if not isinstance(described, Mapping | None):
            sentence = f"pretrained_cfg must be a table of names and values, got {_short(described)}"
            raise ValueError(sentence)  # noqa: TRY004  a sentence for a reader
        preprocessing = Preprocessing.model_validate(described or {})
        count = document.get("num_classes", preprocessing.num_classes)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_CLASSES:
            raise ValueError(f"num_classes must be 1 to {MAX_CLASSES}, got {_short(count)}")
        labels = document.get("label_names") or preprocessing.label_names or document.get("labels")
        checked = {
            "architecture": str(document.get("architecture")).partition(".")[0],
            "num_classes": count,
            "label_names": label_names(labels, count),
            "model_args": model_arguments(document.get("model_args"), {"num_classes": count, "in_chans": CHANNELS}),
            "pretrained_cfg": preprocessing,
        }
        return NetworkConfig.model_validate(document | checked)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from None
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


def small_file(path: Path) -> bytes:
    """The content of an ordinary file of at most `MAX_CONFIG_BYTES`. Raises OSError, and ValueError for any other."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError(f"{path.name} must be a file")
    if facts.st_size > MAX_CONFIG_BYTES:
        raise ValueError(f"{path.name} must have at most {MAX_CONFIG_BYTES // 10**6} MB, got {facts.st_size:,} bytes")
    return path.read_bytes()


def _document(path: Path) -> dict[str, Any]:
    content = small_file(path)
    try:
        document = parsed_json(content)
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {str(error)[:120]}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} must be a table of names and values")  # noqa: TRY004  a sentence for a reader
    return document


def label_names(labels: Any, count: int) -> tuple[str, ...]:
    """A unique name for each of `count` classes, from a list, or a table of index -> name or name -> index.

    Without labels, and for the gaps of a table, timm's names of that many classes. Raises ValueError.
    """
    defaults = class_names(count)
    if not labels:
        return defaults
    if isinstance(labels, Mapping):
        by_index = _by_index(labels, count)
        labels = [by_index.get(index, default) for index, default in enumerate(defaults)]
    if not isinstance(labels, Sequence) or isinstance(labels, str) or len(labels) != count:
        raise ValueError(f"label_names must be {count} unique names, got {_amount(labels)}")
    names = tuple(map(_label, labels))
    (name, times), *_ = Counter(names).most_common(1)
    if times > 1:
        raise ValueError(f"label_names must be {count} unique names, got {name!r} {times} times")
    return names


def _by_index(labels: Mapping[str, Any], count: int) -> dict[int, Any]:
    """Index -> name of a table of either direction. Raises ValueError."""
    for pairs in (labels.items(), [(value, key) for key, value in labels.items()]):
        if all(str(index).isdecimal() and len(str(index)) < 10 and not isinstance(index, bool) for index, _ in pairs):
            table = {int(index): name for index, name in pairs}
            if len(table) == len(labels) and max(table) < count:
                return table
    raise ValueError(f"label_names must be a list, or a table of the indices 0 to {count - 1} and unique names")


def _label(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not 1 <= len(str(value)) <= MAX_CLASS_NAME:
        raise ValueError(f"label_names must be names of 1 to {MAX_CLASS_NAME} characters, got {_short(value)}")
    try:
        return _printable(str(value))
    except ValueError as error:
        raise ValueError(f"label_names {error}, got {_short(value)}") from None


def model_arguments(arguments: Any, repeated: Mapping[str, int] = MappingProxyType({})) -> dict[str, Any]:
    """Keyword arguments of the architecture, without those of `repeated`, which must have these values.

    Raises ValueError for an argument that is not allowed.
    """
    if not isinstance(arguments or {}, Mapping):
        raise ValueError("model_args must be a table of names and values")  # noqa: TRY004  a sentence for a reader
    given = {str(key): value for key, value in (arguments or {}).items() if value is not None}
    for key, value in given.items():
        if key == "img_size" and not _is_size(value):
            raise ValueError(f"img_size in model_args must be 1 to {MAX_INPUT_PX} px, got {_short(value)}")
        if key in repeated and value != repeated[key]:
            raise ValueError(f"model_args must agree with the configuration in {key}, which is {repeated[key]}")
        if (key in NOT_MODEL_ARGUMENTS and key not in repeated) or not _is_argument(value):
            raise ValueError(f"model_args may not set {key[:40]} to {_short(value)}")
    return {key: value for key, value in given.items() if key not in repeated}


def _is_argument(value: Any) -> bool:
    """Whether the value is a bool, a text, a number within limits, or a list of such."""
    if isinstance(value, list):
        return len(str(value)) <= MAX_ARGUMENT_CHARACTERS and all(map(_is_argument, value))
    if isinstance(value, str):
        return len(value) <= MAX_ARGUMENT_CHARACTERS
    return isinstance(value, int | float) and -MAX_ARGUMENT <= value <= MAX_ARGUMENT


def _is_size(value: Any) -> bool:
    sides = value if isinstance(value, list) else [value]
    whole = all(type(side) is int and 1 <= side <= MAX_INPUT_PX for side in sides)
    return whole and (len(sides) == 2 or not isinstance(value, list))


def _sentence(error: ValidationError) -> str:
    """The first error as `std.1 must be greater than 0, got 0`."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    text = re.sub("^(Input|String) should", "must", first["msg"].removeprefix("Value error, "))
    text = text.replace("a valid tuple", "a list")
    if first["type"] == "missing":
        return f"{place} is missing"
    return f"{place} {text}, got {_short(first['input'])}" if place else text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}… ({len(text)} characters)"


def _amount(labels: Any) -> str:
    return str(len(labels)) if isinstance(labels, Sequence) and not isinstance(labels, str) else _short(labels)
