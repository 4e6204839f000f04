"""Names and depths of networks' layers, without loading a network, timm or torch."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from core.canonical import canonical_json, digest_of
from core.networks import tables
from core.networks.card import NetworkCard
from core.networks.folders import arguments_of
from core.settings import get_settings

_BLOCK = re.compile(r"(?!conv|stem|norm|head)\w+\.(.*\.)?(\d+|(dense)?layer\d+|block\d+)")
"""Name of a numbered block of a stage; not of a stem's numbered convolution, of several norms or heads, nor `bn1`."""
MIN_BLOCKS = 3
"""Networks with fewer blocks count all layers as blocks."""


def layers_of(card: NetworkCard) -> tuple[str, ...]:
    """The names that `Network.layers` gives; empty where this machine has not loaded such a network yet.

    They depend on the architecture and its arguments. Those of timm's architectures without arguments are in the
    catalog; others are stored when such a network is first loaded.
    """
    arguments = arguments_of(card.name)
    listed = () if arguments else tables.layers(card.architecture)
    return listed or _read(_file(card.architecture, arguments))


def keep_layers(card: NetworkCard, names: Sequence[str]) -> None:
    """Store the layer names of a loaded network for `layers_of`, if they are not known."""
    if layers_of(card) == tuple(names):
        return
    file = _file(card.architecture, arguments_of(card.name))
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):  # only a form offers them: the network works without
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(canonical_json(list(names)))
        scratch.replace(file)


def blocks_among(layers: Sequence[str]) -> list[str]:
    """The layers that count for the depth: the numbered blocks, or, if there are fewer than 3, all but the head."""
    blocks = [name for name in layers if _BLOCK.fullmatch(name)]
    return blocks if len(blocks) >= MIN_BLOCKS else list(layers[:-1])


def depths(layers: Sequence[str]) -> dict[str, int]:
    """Layer -> depth: the share of blocks up to its end, in whole percent, rounded down.

    `layer_at` gives the block of a depth: of 12 blocks, 16 % is the second and 17 % the third.
    """
    blocks = set(blocks_among(layers))
    passed = 0
    depth = {}
    for name in layers:
        passed += name in blocks
        depth[name] = math.floor(100 * passed / len(blocks) + 1e-9)
    return depth


class SharedLayer(NamedTuple):
    """A layer that several networks have, with its smallest and greatest depth among them, in percent."""

    name: str
    least: int
    greatest: int


def shared_layers(networks: Sequence[Sequence[str]]) -> list[SharedLayer]:
    """The layers that all networks have, in the order of the first; each network is given by its layer names."""
    by_network = [depths(layers) for layers in networks]
    names = [name for name in by_network[0] if all(name in depth for depth in by_network)] if by_network else []
    ranges = [(name, [depth[name] for depth in by_network]) for name in names]
    return [SharedLayer(name, min(percent), max(percent)) for name, percent in ranges]


def _file(architecture: str, arguments: Mapping[str, Any]) -> Path:
    built = digest_of({"timm": tables.timm_version(), "architecture": architecture, "arguments": dict(arguments)})
    return get_settings().home / "networks" / "layers" / f"{built[:32]}.json"


def _read(file: Path) -> tuple[str, ...]:
    try:
        names = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()
