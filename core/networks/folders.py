"""Networks that are two files, a configuration and weights: bundled ones, local ones, and those fetched from a hub.

The configuration is the `config.json` that timm writes beside weights (`architecture`, `num_classes`, `model_args`,
`label_names`, `pretrained_cfg` with input size and preprocessing), and may also hold `family`, `license` and `source`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks.card import NetworkCard
from core.networks.tables import class_names, families
from core.settings import get_settings

BUNDLED = Path(__file__).with_name("bundled")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
"""What a part of a network's name may be: no separator, never a path upwards, at most `MAX_NAME` long."""
HUB_NAME = re.compile(
    rf"hub/(?P<owner>{PLAIN_NAME.pattern})/(?P<repo>{PLAIN_NAME.pattern})@(?P<revision>{PLAIN_NAME.pattern})"
)
MAX_NAME = 200
MODEL_ARGUMENT = (int, float, str, bool, list)
NOT_MODEL_ARGUMENTS = {
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "features_only",
    "scriptable", "exportable", "no_jit", "num_classes", "in_chans", "device",
}  # fmt: skip
"""What `model_args` may not set: it would make timm read other files or give something else than logits."""
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index")
MAX_CLASSES = 200_000
DEFAULT_INPUT = (3, 224, 224)


@dataclass(frozen=True)
class NetworkFiles:
    """A configuration, the safetensors it describes, and, where Gazegrid trained it, the record of its training."""

    config: Path
    weights: Path
    record: Path

    @classmethod
    def in_folder(cls, folder: Path) -> NetworkFiles:
        """Those of a network that has a folder to itself."""
        return cls(folder / "config.json", folder / "model.safetensors", folder / "training.json")


def bundled_files() -> dict[str, NetworkFiles]:
    """The networks that came with Gazegrid, by name."""
    return {
        f"bundled/{path.stem}": NetworkFiles(path, path.with_suffix(".safetensors"), BUNDLED / "training" / path.name)
        for path in sorted(BUNDLED.glob("*.json"))
    }


def local_folder() -> Path:
    """Where this machine's own networks lie, a folder each."""
    return get_settings().home / "networks" / "local"


def local_files() -> dict[str, NetworkFiles]:
    """The networks in this machine's folder, by name."""
    return {
        f"local/{path.parent.name}": NetworkFiles.in_folder(path.parent)
        for path in sorted(local_folder().glob("*/config.json"))
        if PLAIN_NAME.fullmatch(path.parent.name)
    }


def hub_files(name: str) -> NetworkFiles:
    """Where a network of a hub is kept once it has been fetched; UnknownNetwork where the name is not a hub's."""
    parts = HUB_NAME.fullmatch(name)
    if parts is None or len(name) > MAX_NAME:
        raise UnknownNetwork(f"a network of a hub is named hub/owner/name@revision, got {name[:MAX_NAME]!r}")
    folder = get_settings().home / "networks" / "hub" / parts["owner"] / f"{parts['repo']}@{parts['revision']}"
    return NetworkFiles.in_folder(folder)


def bundled_card(name: str) -> NetworkCard:
    """Card of a bundled network; the identity holds the weights' SHA-256 that its configuration states."""
    files = bundled_files()[name]
    config = read_config(name, files)
    return card_from_config(name, str(config.get("weights_sha256", ""))[:16], files, config)


def local_card(name: str) -> NetworkCard:
    """Card of a local network; the identity holds the SHA-256 of both files."""
    files = local_files()[name]
    return card_from_config(name, _digest_of_both(name, files)[:16], files, read_config(name, files))


def hub_card(name: str) -> NetworkCard:
    """Card of a fetched network of a hub; NetworkUnavailable where it has not been fetched to this machine."""
    files = hub_files(name)
    if not files.config.is_file():
        raise NetworkUnavailable(
            f"{name} has not been fetched to this machine yet: run `gazegrid networks --fetch {name}` with a connection"
        )
    return card_from_config(name, _digest_of_both(name, files)[:16], files, read_config(name, files))


def read_config(name: str, files: NetworkFiles) -> dict[str, Any]:
    """The configuration; NetworkUnavailable where it cannot be read or names no architecture that timm has."""
    try:
        config = json.loads(files.config.read_bytes())
    except (OSError, ValueError) as error:
        raise NetworkUnavailable(f"the configuration of {name} cannot be read: {error}") from None
    if not isinstance(config, dict) or str(config.get("architecture")) not in families():
        raise NetworkUnavailable(f"the configuration of {name} names no architecture that timm has")
    model_arguments(name, config)
    return config


def model_arguments(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that timm builds the network with; NetworkUnavailable where one is not allowed."""
    arguments = config.get("model_args") or {}
    if not isinstance(arguments, dict):
        raise NetworkUnavailable(f"model_args of {name} must be a table of names and values")
    for key, value in arguments.items():
        if key in NOT_MODEL_ARGUMENTS or not isinstance(value, MODEL_ARGUMENT):
            raise NetworkUnavailable(f"the configuration of {name} may not set {str(key)[:40]} to {str(value)[:40]!r}")
    return arguments


def arguments_of(name: str) -> dict[str, Any]:
    """The keywords that timm builds this network with; none where it is no network of two files."""
    if name.startswith("hub/"):
        files = hub_files(name)
    else:
        known = (bundled_files() | local_files()).get(name)
        if known is None:
            return {}
        files = known
    return model_arguments(name, read_config(name, files))


def preprocessing_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the configuration says of input size and preprocessing, in timm's words."""
    described = config.get("pretrained_cfg")
    return dict(described) if isinstance(described, dict) else {}


def card_from_config(name: str, tag: str, files: NetworkFiles, config: Mapping[str, Any]) -> NetworkCard:
    """The card that a configuration describes; NetworkUnavailable where something in it cannot be."""
    described = preprocessing_of(config)
    try:
        return NetworkCard(
            name=name,
            identity=f"{name}#{tag}",
            family=config.get("family") or families()[config["architecture"]],
            architecture=config["architecture"],
            input_px=tuple(described.get("input_size", DEFAULT_INPUT))[1:],
            class_names=_class_names(config),
            parameters=_parameters(name, str(files.weights), files.weights.stat().st_mtime_ns),
            license=config.get("license") or described.get("license") or "unknown",
            source=config.get("source") or f"the file {files.weights.name} of {name}",
            **{ours: described[theirs] for ours, theirs in _PREPROCESSING.items() if described.get(theirs) is not None},
        )
    except (ValidationError, TypeError, ValueError, OSError) as error:
        raise NetworkUnavailable(f"the configuration of {name} is not usable: {_first_line(error)}") from None


_PREPROCESSING = {
    "mean": "mean",
    "std": "std",
    "crop_share": "crop_pct",
    "interpolation": "interpolation",
    "crop_mode": "crop_mode",
}


def _class_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """A name for each of `num_classes` logits; ValueError where the names are not as many, or not unique."""
    described = preprocessing_of(config)
    count = config.get("num_classes", described.get("num_classes"))
    if not isinstance(count, int) or not 1 <= count <= MAX_CLASSES:
        raise ValueError(f"num_classes must be 1 to {MAX_CLASSES}, got {str(count)[:40]}")
    labels = config.get("label_names") or described.get("label_names") or class_names(count)
    names = tuple(map(str, labels))
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"label_names must be {count} different names, got {len(set(names))}")
    return names


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).partition("\n")[0]


@lru_cache(maxsize=256)
def _parameters(name: str, weights: str, _changed: int) -> int:
    """Numbers that are learned, from the header of the weight file alone."""
    try:
        with safe_open(weights, framework="numpy") as tensors:
            learned = [key for key in tensors.offset_keys() if not key.endswith(BUFFERS)]
            shapes = [tensors.get_slice(key).get_shape() for key in learned]
    except SafetensorError as error:
        raise NetworkUnavailable(f"the weights of {name} are no safetensors file: {error}") from None
    return sum(map(math.prod, shapes))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of_both(name: str, files: NetworkFiles) -> str:
    try:
        marks = [(path.stat().st_mtime_ns, path.stat().st_size) for path in (files.config, files.weights)]
        return _hashed(str(files.config), str(files.weights), *marks)
    except OSError as error:
        raise NetworkUnavailable(f"{name} lacks a file: {error.strerror} {error.filename}") from None


@lru_cache(maxsize=256)
def _hashed(config: str, weights: str, *_marks: tuple[int, int]) -> str:
    """SHA-256 over both files' SHA-256; asked again only when a file's time or size changes."""
    return hashlib.sha256("".join(file_sha256(Path(path)) for path in (config, weights)).encode()).hexdigest()
