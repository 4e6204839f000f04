"""The names of networks' layers and how deep each lies, without loading a network; needs neither timm nor torch."""

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

_BLOCK = re.compile(r"(?!conv|stem)\w+\.(.*\.)?(\d+|(dense)?layer\d+|block\d+)")
"""A numbered part of a stage; neither a numbered convolution of a stem nor `bn1`."""
FEW_BLOCKS = 3


def layers_of(card: NetworkCard) -> tuple[str, ...]:
    """What `Network.layers` will give; empty where this machine has not loaded such a network yet.

    The architecture and the arguments that it is built with decide it. Those of timm without arguments are in the
    catalog; any other network's are kept when it is loaded for the first time.
    """
    arguments = arguments_of(card.name)
    listed = () if arguments else tables.layers(card.architecture)
    return listed or _read(_file(card.architecture, arguments))


def keep_layers(card: NetworkCard, names: Sequence[str]) -> None:
    """Note the layers of a loaded network for `layers_of`, where they are not known."""
    if layers_of(card) == tuple(names):
        return
    file = _file(card.architecture, arguments_of(card.name))
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):  # a convenience of the form: a network works without
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(canonical_json(list(names)))
        scratch.replace(file)


def blocks_among(layers: Sequence[str]) -> list[str]:
    """The layers that a network's depth is counted in: its numbered blocks, or, where it has few, all but the head."""
    blocks = [name for name in layers if _BLOCK.fullmatch(name)]
    return blocks if len(blocks) >= FEW_BLOCKS else list(layers[:-1])


def depths(layers: Sequence[str]) -> dict[str, int]:
    """Layer -> share of the network's blocks that are done at its end, in whole percent; asked for, it gives the block.

    Rounded down: 16 % of 12 blocks is the second block, 17 % the third.
    """
    blocks = set(blocks_among(layers))
    done = 0
    found = {}
    for name in layers:
        done += name in blocks
        found[name] = math.floor(100 * done / len(blocks) + 1e-9)
    return found


class SharedLayer(NamedTuple):
    """A layer that several networks have, and between which depths it lies, in percent."""

    name: str
    least: int
    greatest: int


def shared_layers(networks: Sequence[Sequence[str]]) -> list[SharedLayer]:
    """The layers that all of these networks have, in the first one's order; a network is told by its layers."""
    known = [depths(layers) for layers in networks]
    names = [name for name in known[0] if all(name in depth for depth in known)] if known else []
    return [SharedLayer(name, min(found), max(found)) for name in names if (found := [depth[name] for depth in known])]


def _file(architecture: str, arguments: Mapping[str, Any]) -> Path:
    built = digest_of({"timm": tables.timm_version(), "architecture": architecture, "arguments": dict(arguments)})
    return get_settings().home / "networks" / "layers" / f"{built[:32]}.json"


def _read(file: Path) -> tuple[str, ...]:
    try:
        names = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()
