"""Which place of a layer's map a changed place of the picture moves most: measured directly, a place at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import timm
import torch
from torch import Tensor

from core.engine.activations import recorded
from core.errors import Undefined
from core.media.samples import sample
from core.networks.catalog import all_cards
from core.networks.layout import map_of
from core.networks.network import Network

COMMON_PX = 288
SPOTS = ((0.2, 0.7), (0.4, 0.1), (0.6, 0.9), (0.8, 0.3), (0.1, 0.4), (0.9, 0.6))
"""Centers of the changed places, y and x as shares of the picture's sides; none is the mirror image of another."""
SIDE = 1 / 8
"""Side of a changed place, as a share of the picture's."""
MOST = 1 / 2
"""Share of the changed places that have to be found."""


class Located(NamedTuple):
    """What was seen of one layer."""

    undefined: str = ""
    """Why it has no map; empty where it has one."""
    shape: tuple[int, ...] = ()
    """Channels, rows and columns of its map."""
    near: float = 0.0
    """Share of changed places that move the map most there, absolutely or in proportion to what moves it on average."""
    batch: bool = False
    """Whether the map of two pictures is that of each alone."""


def one_of_each_module() -> list[str]:
    """The smallest network in each of timm's source files, `random/...`, the smallest first."""
    best: dict[str, tuple[bool, int, str]] = {}
    for card in all_cards():
        architecture = card.name.partition("/")[2]
        if not card.name.startswith("random/") or architecture.startswith("test_") or not timm.is_model(architecture):
            continue
        module = timm.model_entrypoint(architecture).__module__
        entry = (max(card.input_px) > COMMON_PX, card.parameters, card.name)
        best[module] = min(best.get(module, entry), entry)
    return [name for _, _, name in sorted(best.values())]


def located(network: Network, layers: Sequence[str]) -> dict[str, Located]:
    """What is seen of each layer: one pass over pictures that differ at one place each, two over single ones."""
    pictures = _pictures(network)
    maps, *alone = [_maps(network, layers, part) for part in (pictures, pictures[:1], pictures[1:2])]
    return {name: _seen(maps[name], [single[name] for single in alone]) for name in layers}


def right(seen: Located) -> bool:
    """Whether the layer's map is one of the picture."""
    return seen.batch and (seen.shape[1:] == (1, 1) or seen.near >= MOST)


def _maps(network: Network, layers: Sequence[str], pictures: Tensor) -> dict[str, Tensor | str]:
    """The map of each layer (N, C, h, w), or why it has none."""
    with torch.no_grad(), recorded({name: network.layer(name) for name in layers}) as outputs:
        network(pictures)
    maps: dict[str, Tensor | str] = {}
    for name in layers:
        try:
            maps[name] = map_of(network, name, outputs.get(name), network.card.input_px)
        except Undefined as reason:
            maps[name] = str(reason)
    return maps


def _seen(maps: Tensor | str, alone: Sequence[Tensor | str]) -> Located:
    if isinstance(maps, str):
        return Located(maps)
    moved = (maps[1:] - maps[:1]).norm(dim=1)  # (places, h, w)
    size = max(float(maps.abs().amax()), 1e-6)
    batch = all(
        isinstance(single, Tensor) and bool(((maps[index] - single[0]).abs() <= 1e-3 * size).all())
        for index, single in enumerate(alone)
    )
    average = moved.mean(dim=0)
    balanced = moved / (average + average.mean() + 1e-12)  # some tokens react to whatever changes
    return Located("", tuple(maps.shape[1:]), max(_share_near(moved), _share_near(balanced)), batch)


def _share_near(moved: Tensor) -> float:
    """Share of changed places in or beside which (places, h, w) is largest."""
    _, height, width = moved.shape
    rows, columns = moved.flatten(1).argmax(dim=1) // width, moved.flatten(1).argmax(dim=1) % width
    near: list[bool] = [
        abs((row + 0.5) / height - y) <= SIDE / 2 + 1.5 / height
        and abs((column + 0.5) / width - x) <= SIDE / 2 + 1.5 / width
        for row, column, (y, x) in zip(rows.tolist(), columns.tolist(), SPOTS, strict=True)
    ]
    return sum(near) / len(near)


def _pictures(network: Network) -> Tensor:
    """A photo, then the same with a part of another one at each of the places: (1 + places, 3, H, W)."""
    still, other = network.prepare_all([sample("cat"), sample("coffee")])
    pictures = [still]
    for y, x in SPOTS:
        rows, columns = (_near(share, side) for share, side in zip((y, x), still.shape[1:], strict=True))
        changed = still.clone()
        changed[:, rows, columns] = 1 - other[:, rows, columns]
        pictures.append(changed)
    return torch.stack(pictures)


def _near(share: float, side: int) -> slice:
    return slice(round((share - SIDE / 2) * side), round((share + SIDE / 2) * side))
