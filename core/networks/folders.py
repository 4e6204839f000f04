"""Networks stored as two files, configuration and weights: bundled, local, and fetched from a hub.

The configuration is timm's `config.json`, see `core.networks.config`; the weights are one safetensors file, see
`core.networks.weights_file`.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks.card import NetworkCard
from core.networks.config import NetworkConfig
from core.networks.config import read_config as read_config_file
from core.networks.tables import families
from core.networks.weights_file import WeightsFile, read_header
from core.settings import get_settings

BUNDLED = Path(__file__).with_name("bundled")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
"""A part of a network's name: no path separator, no `..`."""
HUB_NAME = re.compile(
    rf"hub/(?P<owner>{PLAIN_NAME.pattern})/(?P<repo>{PLAIN_NAME.pattern})@(?P<revision>{PLAIN_NAME.pattern})"
)
MAX_NAME = 200
"""Characters."""
MAX_FOLDER_NAME = 100
"""Characters of a local network's name."""
FOLDER_MARKS = frozenset(" -_.()+")
"""What a local network's name may contain beside letters and digits of any language."""
MAX_LOCAL = 1000
"""Local networks that are listed."""
CONFIG, WEIGHTS, RECORD = "config.json", "model.safetensors", "training.json"
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl")
"""Endings of weight files that can run code when they are read."""
WEIGHT_ENDINGS = (*PICKLES, ".safetensors", ".onnx", ".h5", ".npz")
_Version = tuple[int, int, int]
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class NetworkFiles:
    """Paths of a configuration, its safetensors file, and, where Gazegrid trained it, its training record."""

    config: Path
    weights: Path
    record: Path

    @classmethod
    def in_folder(cls, folder: Path) -> NetworkFiles:
        """The files of a network with a folder of its own."""
        return cls(folder / CONFIG, folder / WEIGHTS, folder / RECORD)


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
    """Name -> files of this machine's local networks, which may be unusable."""
    return {name: entry for name, entry in local_entries().items() if isinstance(entry, NetworkFiles)}


def local_entries() -> dict[str, NetworkFiles | str]:
    """Name -> files of everything in `local_folder` that may be meant as a network, or why it can be none."""
    try:
        paths = sorted(filter(_may_be_network, local_folder().iterdir()))
    except FileNotFoundError:
        return {}
    except OSError as error:
        return {"local/": f"the folder of local networks cannot be read: {error.strerror}"}
    entries: dict[str, NetworkFiles | str] = {}
    for path in paths:
        name = f"local/{_readable(path.name)}"
        if len(entries) == MAX_LOCAL:
            return entries | {
                name: f"only the first {MAX_LOCAL} local networks are listed, without this and later ones"
            }
        if name in entries:
            entries[f"{name} (2)"] = f"another folder has the name {name}: rename one of them"
        else:
            entries[name] = _problem_of_entry(path) or NetworkFiles.in_folder(path)
    return entries


def _may_be_network(path: Path) -> bool:
    """Whether a reader of the folder would take this entry for a network: a folder, a link, a weight file."""
    return not path.name.startswith(".") and (
        path.is_symlink() or _is_folder(path) or path.suffix.lower() in WEIGHT_ENDINGS
    )


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # such as a cycle of links
        return path.is_dir()
    return False


def _readable(name: str) -> str:
    """A file's name as text of one line that can be printed and stored, in composed Unicode."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in _composed(name))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def _problem_of_entry(path: Path) -> str | None:
    """Why an entry of the folder can be no network, whatever its files hold; None where it can."""
    if not _is_folder(path):
        return f"it is no folder: a network is a folder that has {CONFIG} and {WEIGHTS}"
    name = _composed(path.name)
    if len(name) > MAX_FOLDER_NAME:
        return f"its folder's name must have at most {MAX_FOLDER_NAME} characters, got {len(name)}"
    odd = [mark for mark in name if not _is_letter(mark) and mark not in FOLDER_MARKS]
    if odd or name != name.strip():
        what = f"has {odd[0]!r}" if odd else "begins or ends with a space"
        return f"its folder's name {what}: use letters, digits, spaces and {' '.join(sorted(FOLDER_MARKS)).strip()}"
    return None


def _is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LMN"


def hub_files(name: str) -> NetworkFiles:
    """The files of a network of a hub, which may not be fetched yet. Raises UnknownNetwork for another name."""
    parts = HUB_NAME.fullmatch(name)
    if parts is None or len(name) > MAX_NAME:
        raise UnknownNetwork(f"a network of a hub must be named hub/owner/name@revision, got {name[:MAX_NAME]!r}")
    folder = _hub_folder() / parts["owner"] / f"{parts['repo']}@{parts['revision']}"
    return NetworkFiles.in_folder(folder)


def fetched_files() -> dict[str, NetworkFiles]:
    """Name -> files of the networks of a hub that were fetched to this machine."""
    folders = sorted(_hub_folder().glob("*/*@*"))
    names = (f"hub/{folder.parent.name}/{folder.name}" for folder in folders if os.path.lexists(folder / CONFIG))
    return {name: hub_files(name) for name in names if HUB_NAME.fullmatch(name) and len(name) <= MAX_NAME}


def _hub_folder() -> Path:
    return get_settings().home / "networks" / "hub"


def bundled_card(name: str, files: NetworkFiles) -> NetworkCard:
    """Card of a bundled network; its identity holds the SHA-256 of the weights. Raises NetworkUnavailable."""
    config = read_config(name, files)
    return _card(name, config.weights_sha256[:16], files, config)


def local_card(name: str, entry: NetworkFiles | str) -> NetworkCard:
    """Card of a local network; its identity holds the SHA-256 of both files. Raises NetworkUnavailable."""
    if isinstance(entry, str):
        raise NetworkUnavailable(f"{name[:MAX_NAME]} cannot be used: {entry}")
    return card_of_files(name, entry)


def hub_card(name: str) -> NetworkCard:
    """Card of a network of a hub. Raises UnknownNetwork, or NetworkUnavailable where it has not been fetched."""
    files = hub_files(name)
    if not os.path.lexists(files.config):
        raise NetworkUnavailable(
            f"{name} is not on this machine: fetch it once with `gazegrid networks --fetch {name}`"
        )
    return card_of_files(name, files)


def card_of_files(name: str, files: NetworkFiles) -> NetworkCard:
    """Card of a network whose identity holds the SHA-256 of both files. Raises NetworkUnavailable."""
    config = read_config(name, files)
    read_weights_header(name, files)  # before the whole file is read for its digest
    return _card(name, _digest_of_both(name, files)[:16], files, config)


def _card(name: str, tag: str, files: NetworkFiles, config: NetworkConfig) -> NetworkCard:
    described, weights = config.pretrained_cfg, read_weights_header(name, files)
    preprocessing = {
        "mean": described.mean,
        "std": described.std,
        "crop_share": described.crop_pct,
        "interpolation": described.interpolation,
        "crop_mode": described.crop_mode,
    }
    return NetworkCard(
        name=name,
        identity=f"{name}#{tag}",
        family=config.family or families()[config.architecture],
        architecture=config.architecture,
        input_px=config.input_px,
        class_names=config.label_names,
        parameters=weights.parameters,
        license=config.license or described.license or "unknown",
        source=config.source or f"the file {files.weights.name} of {name}",
        weights_note=weights.note,
        **{field: value for field, value in preprocessing.items() if value is not None},
    )


def read_config(name: str, files: NetworkFiles) -> NetworkConfig:
    """The network's configuration. Raises NetworkUnavailable where it cannot be read, or says what cannot be."""
    outcome = _outcome(_cached_config, files.config)
    if isinstance(outcome, str):
        raise NetworkUnavailable(f"the configuration of {name} cannot be used: {outcome}")
    return outcome


def read_weights_header(name: str, files: NetworkFiles) -> WeightsFile:
    """What the header of the network's weights says. Raises NetworkUnavailable."""
    outcome = _outcome(_cached_header, files.weights)
    if isinstance(outcome, str):
        raise NetworkUnavailable(f"the weights of {name} cannot be used: {outcome}{_hint(files)}")
    return outcome


def _hint(files: NetworkFiles) -> str:
    """What a folder without usable weights has instead."""
    with suppress(OSError):
        names = sorted(path.name for path in files.weights.parent.iterdir() if path.suffix.lower() in WEIGHT_ENDINGS)
        if names and files.weights.name not in names:
            return f"; {names[0][:80]} is not read: save the weights as {files.weights.name}"
    return ""


def arguments_of(name: str) -> dict[str, Any]:
    """Keyword arguments of the architecture; empty for a network without a configuration file."""
    files = hub_files(name) if name.startswith("hub/") else (bundled_files() | local_files()).get(name)
    return {} if files is None else read_config(name, files).model_args


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outcome(read: Callable[[str, _Version], _Read | str], path: Path) -> _Read | str:
    """What `read` gives for a file in its current version, or why it cannot be read."""
    try:
        return read(str(path), _version(path))
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"


def _version(path: Path) -> _Version:
    """Changes with the file's content."""
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


@lru_cache(maxsize=2 * MAX_LOCAL)
def _cached_config(path: str, _version: _Version) -> NetworkConfig | str:
    """The configuration, or why it cannot be used, so that a bad file is read once, too."""
    try:
        return read_config_file(Path(path))
    except ValueError as error:
        return str(error)


@lru_cache(maxsize=2 * MAX_LOCAL)
def _cached_header(path: str, _version: _Version) -> WeightsFile | str:
    try:
        return read_header(Path(path))
    except ValueError as error:
        return str(error)


def _digest_of_both(name: str, files: NetworkFiles) -> str:
    try:
        versions = [_version(path) for path in (files.config, files.weights)]
        return _cached_digest(str(files.config), str(files.weights), *versions)
    except OSError as error:
        raise NetworkUnavailable(f"a file of {name} cannot be read: {error.strerror} {error.filename}") from None


@lru_cache(maxsize=2 * MAX_LOCAL)
def _cached_digest(config: str, weights: str, *_versions: _Version) -> str:
    """SHA-256 over the SHA-256 of both files; computed again when the time or size of a file changes."""
    return hashlib.sha256("".join(file_sha256(Path(path)) for path in (config, weights)).encode()).hexdigest()
