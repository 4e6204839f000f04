"""Networks stored as two files, configuration and weights: bundled, local, and fetched from a hub.

The configuration is the `config.json` that timm writes beside weights (`architecture`, `num_classes`, `model_args`,
`label_names`, `pretrained_cfg` with input size and preprocessing), optionally with `family`, `license` and `source`.
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
"""A part of a network's name: no path separator, no `..`."""
HUB_NAME = re.compile(
    rf"hub/(?P<owner>{PLAIN_NAME.pattern})/(?P<repo>{PLAIN_NAME.pattern})@(?P<revision>{PLAIN_NAME.pattern})"
)
MAX_NAME = 200
"""Characters."""
MODEL_ARGUMENT = (int, float, str, bool, list)
NOT_MODEL_ARGUMENTS = {
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "features_only",
    "scriptable", "exportable", "no_jit", "num_classes", "in_chans", "device",
}  # fmt: skip
"""Arguments that `model_args` may not set: timm would read other files, or give other outputs than logits."""
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index")
"""Endings of tensors that are not trained."""
MAX_CLASSES = 200_000
DEFAULT_INPUT = (3, 224, 224)
"""Channels, height, width."""


@dataclass(frozen=True)
class NetworkFiles:
    """Paths of a configuration, its safetensors file, and, where Gazegrid trained it, its training record."""

    config: Path
    weights: Path
    record: Path

    @classmethod
    def in_folder(cls, folder: Path) -> NetworkFiles:
        """The files of a network with a folder of its own."""
        return cls(folder / "config.json", folder / "model.safetensors", folder / "training.json")


def bundled_files() -> dict[str, NetworkFiles]:
    """Name -> files of the bundled networks."""
    return {
        f"bundled/{path.stem}": NetworkFiles(path, path.with_suffix(".safetensors"), BUNDLED / "training" / path.name)
        for path in sorted(BUNDLED.glob("*.json"))
    }


def local_folder() -> Path:
    """Folder of this machine's local networks, which have a folder each."""
    return get_settings().home / "networks" / "local"


def local_files() -> dict[str, NetworkFiles]:
    """Name -> files of this machine's local networks."""
    return {
        f"local/{path.parent.name}": NetworkFiles.in_folder(path.parent)
        for path in sorted(local_folder().glob("*/config.json"))
        if PLAIN_NAME.fullmatch(path.parent.name)
    }


def hub_files(name: str) -> NetworkFiles:
    """The files of a network of a hub, which may not be fetched yet. Raises UnknownNetwork for another name."""
    parts = HUB_NAME.fullmatch(name)
    if parts is None or len(name) > MAX_NAME:
        raise UnknownNetwork(f"a network of a hub must be named hub/owner/name@revision, got {name[:MAX_NAME]!r}")
    folder = get_settings().home / "networks" / "hub" / parts["owner"] / f"{parts['repo']}@{parts['revision']}"
    return NetworkFiles.in_folder(folder)


def bundled_card(name: str) -> NetworkCard:
    """Card of a bundled network; its identity holds the SHA-256 of the weights. Raises NetworkUnavailable."""
    files = bundled_files()[name]
    config = read_config(name, files)
    return card_from_config(name, str(config.get("weights_sha256", ""))[:16], files, config)


def local_card(name: str) -> NetworkCard:
    """Card of a local network; its identity holds the SHA-256 of both files. Raises NetworkUnavailable."""
    files = local_files()[name]
    return card_from_config(name, _digest_of_both(name, files)[:16], files, read_config(name, files))


def hub_card(name: str) -> NetworkCard:
    """Card of a network of a hub. Raises UnknownNetwork, or NetworkUnavailable where it has not been fetched."""
    files = hub_files(name)
    if not files.config.is_file():
        raise NetworkUnavailable(
            f"{name} is not on this machine: fetch it once with `gazegrid networks --fetch {name}`"
        )
    return card_from_config(name, _digest_of_both(name, files)[:16], files, read_config(name, files))


def read_config(name: str, files: NetworkFiles) -> dict[str, Any]:
    """The configuration. Raises NetworkUnavailable where it cannot be read, or names an unknown architecture."""
    try:
        config = json.loads(files.config.read_bytes())
    except (OSError, ValueError) as error:
        raise NetworkUnavailable(f"the configuration of {name} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise NetworkUnavailable(f"the configuration of {name} must be a table of names and values")
    if (architecture := str(config.get("architecture"))) not in families():
        raise NetworkUnavailable(f"the architecture of {name} must be one of timm's, got {architecture[:80]!r}")
    model_arguments(name, config)
    return config


def model_arguments(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of the architecture. Raises NetworkUnavailable where one is not allowed."""
    arguments = config.get("model_args") or {}
    if not isinstance(arguments, dict):
        raise NetworkUnavailable(f"model_args of {name} must be a table of names and values")
    for key, value in arguments.items():
        if key in NOT_MODEL_ARGUMENTS or not isinstance(value, MODEL_ARGUMENT):
            raise NetworkUnavailable(f"model_args of {name} may not set {str(key)[:40]} to {str(value)[:40]!r}")
    return arguments


def arguments_of(name: str) -> dict[str, Any]:
    """Keyword arguments of the architecture; empty for a network without a configuration file."""
    if name.startswith("hub/"):
        files = hub_files(name)
    else:
        known = (bundled_files() | local_files()).get(name)
        if known is None:
            return {}
        files = known
    return model_arguments(name, read_config(name, files))


def preprocessing_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """timm's `pretrained_cfg`: input size and preprocessing; empty if the configuration has none."""
    described = config.get("pretrained_cfg")
    return dict(described) if isinstance(described, dict) else {}


def card_from_config(name: str, tag: str, files: NetworkFiles, config: Mapping[str, Any]) -> NetworkCard:
    """The card of a network with this configuration; `tag`: digest in its identity. Raises NetworkUnavailable."""
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
        raise NetworkUnavailable(f"the configuration of {name} cannot be used: {_first_line(error)}") from None


_PREPROCESSING = {
    "mean": "mean",
    "std": "std",
    "crop_share": "crop_pct",
    "interpolation": "interpolation",
    "crop_mode": "crop_mode",
}


def _class_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """A unique name for each of `num_classes` logits. Raises ValueError."""
    described = preprocessing_of(config)
    count = config.get("num_classes", described.get("num_classes"))
    if not isinstance(count, int) or not 1 <= count <= MAX_CLASSES:
        raise ValueError(f"num_classes must be 1 to {MAX_CLASSES}, got {str(count)[:40]}")
    labels = config.get("label_names") or described.get("label_names") or class_names(count)
    names = tuple(map(str, labels))
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"label_names must be {count} unique names, got {len(set(names))}")
    return names


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).partition("\n")[0]


@lru_cache(maxsize=256)
def _parameters(name: str, weights: str, _changed: int) -> int:
    """Number of trained parameters, from the header of the weight file. Raises NetworkUnavailable."""
    try:
        with safe_open(weights, framework="numpy") as tensors:
            learned = [key for key in tensors.offset_keys() if not key.endswith(BUFFERS)]
            shapes = [tensors.get_slice(key).get_shape() for key in learned]
    except SafetensorError as error:
        raise NetworkUnavailable(f"the weights of {name} are not a safetensors file: {error}") from None
    return sum(map(math.prod, shapes))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of_both(name: str, files: NetworkFiles) -> str:
    try:
        versions = [(path.stat().st_mtime_ns, path.stat().st_size) for path in (files.config, files.weights)]
        return _cached_digest(str(files.config), str(files.weights), *versions)
    except OSError as error:
        raise NetworkUnavailable(f"a file of {name} cannot be read: {error.strerror} {error.filename}") from None


@lru_cache(maxsize=256)
def _cached_digest(config: str, weights: str, *_versions: tuple[int, int]) -> str:
    """SHA-256 over the SHA-256 of both files; computed again when the time or size of a file changes."""
    return hashlib.sha256("".join(file_sha256(Path(path)) for path in (config, weights)).encode()).hexdigest()
