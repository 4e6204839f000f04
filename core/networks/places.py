"""Where the values of a layer lie in the picture: measured once per network and layer, not read from its architecture.

One half of a picture is changed, then the other, then single spots. A place of a layer lies in the half that changes it
more, and a spot changes most what lies there. All that an output could be is tried, and the arrangement is taken whose
places follow the picture.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_leaves

from core.errors import Undefined
from core.networks.network import Network

FEATURES = ""
"""In place of a layer's name: what `Network.features` returns."""
INPUT = "input of "
"""Before a layer's name: what it is given."""
MAX_PREFIX = 16
"""Leading tokens that may have no place: class token, registers."""
MIN_CORRELATION = {6: 0.4, 5: 0.75}
"""Spots that are found -> least correlation, along each axis, of where a place lies with the half that changes it more.

By chance it is about 0. With fewer spots a layer does not follow the picture.
"""
SPOTS = ((0.3, 0.8), (0.2, 0.3), (0.7, 0.1), (0.6, 0.6), (0.85, 0.4), (0.45, 0.2))
"""Centers of the spots, y and x as shares of the sides; none is the mirror image of another."""
SPOT = 1 / 8
"""Side of a spot, as a share of the picture's."""
NEAR = 1.5
"""Distance in places, from the edge of a spot, that still counts as there: windows of convolutions overlap."""
SEED = 0

Order = Literal["map", "rows", "units", "blocks", "one"]


class Places(NamedTuple):
    """The arrangement of a layer's output in the picture."""

    member: int
    """Index of the tensor among those of the output."""
    channels: int = 1
    """Axis of the channels: 1 or -1."""
    order: Order = "map"
    """`map`: two axes are rows and columns. `one`: there is no axis of places. Else there is one of tokens.

    `rows`: row by row. `units`: taken apart by 2 x 2, `size` times, as in Hiera. `blocks`: block after block, of `size`
    x `size` tokens each, as in NesT.
    """
    size: int = 0
    prefix: int = 0
    """Leading tokens without a place."""

    def map_of(self, values: Tensor, aspect: float) -> Tensor:
        """Values of the layer's shape as (N, C, h, w).

        `aspect`: height over width of the input, which determines the grid of tokens. Raises Undefined where they do
        not fill it.
        """
        if self.order == "one":
            return values[:, :, None, None]
        values = values.movedim(self.channels, 1)
        if self.order == "map":
            return values
        tokens = values.flatten(2)[:, :, self.prefix :]
        grid = _grid(tokens.shape[2], aspect)
        if grid is None:
            raise Undefined("the layer's tokens do not fill a grid of this picture's shape")
        if self.order == "rows":
            return tokens.reshape(*tokens.shape[:2], *grid)
        return tokens[:, :, _numbers(self.order, self.size, grid).to(tokens.device)]


def tensors_in(output: Any) -> list[Tensor]:
    """The tensors in what a module returns, in tuples, lists and dictionaries too, in order."""
    return [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]


def places_of(network: Network, layer: str) -> Places:
    """The arrangement of this layer's output; the first call measures all of the network's layers.

    `layer`: a name in `network.model.named_modules()`, `FEATURES`, or `input_of` a layer. Raises Undefined where the
    output has no places.
    """
    known = _known.setdefault(network, {})
    if layer not in known:
        names = [layer] if layer == FEATURES else list(dict.fromkeys((*network.layers(), layer)))
        known.update(_measured(network, [name for name in names if name not in known]))
    places = known[layer]
    if isinstance(places, str):
        subject = f"the output of layer {layer}" if layer else "the last output before the head"
        if layer.startswith(INPUT):
            subject = f"the input of layer {layer.removeprefix(INPUT)}"
        raise Undefined(f"{subject} of {network.card.name} is not a map: {places}")
    return places


def input_of(layer: str) -> str:
    """In place of a layer's name: what the layer is given."""
    return INPUT + layer


_known: WeakKeyDictionary[Network, dict[str, Places | str]] = WeakKeyDictionary()
"""Network -> layer -> its arrangement, or the reason why it has none."""


def _measured(network: Network, layers: Sequence[str]) -> dict[str, Places | str]:
    """The arrangement of each layer, or why it has none, from eleven pictures."""
    still, *pairs = _pictures(network.card.input_px)
    before = _outputs(network, layers, still)
    changes: dict[tuple[str, int, int], list[Tensor]] = defaultdict(list)
    for pair in pairs:
        for name, tensors in _outputs(network, layers, pair).items():
            for member, (tensor, unchanged) in enumerate(zip(tensors, before[name], strict=True)):
                if tensor is None or unchanged is None:
                    continue
                for channels in _channel_axes(tensor, unchanged):
                    changes[name, member, channels].append(_change(tensor, unchanged, channels))
    aspect = network.card.input_px[0] / network.card.input_px[1]
    found: dict[str, Places | str] = {}
    for name in layers:
        own = {key[1:]: by_pair for key, by_pair in changes.items() if key[0] == name}
        found[name] = _best(own, aspect) or _reason(before.get(name), own)
    return found


def _outputs(network: Network, layers: Sequence[str], pictures: Tensor) -> dict[str, list[Tensor | None]]:
    """Layer -> the tensors of its first call; None for one that it only passes on, if it has others."""
    outputs: dict[str, list[Tensor | None]] = {}

    def record(_: nn.Module, args: Any, kwargs: Any, output: Any, name: str) -> None:
        given = tensors_in((args, kwargs))
        tensors = given if name.startswith(INPUT) else tensors_in(output)
        passed = set() if name.startswith(INPUT) else {id(tensor) for tensor in given}
        own = [None if id(tensor) in passed else tensor for tensor in tensors]
        outputs.setdefault(name, own if any(tensor is not None for tensor in own) else [*tensors])

    pictures = pictures.to(network.device)
    # a method may have changed the rules of activations for its own pass alone
    with torch.no_grad(), torch._C.DisableTorchFunction(), ExitStack() as hooks:  # noqa: SLF001
        if FEATURES in layers:
            return {FEATURES: [*tensors_in(network.features(pictures))]}
        for name in layers:
            module = network.layer(name.removeprefix(INPUT))
            hooks.callback(module.register_forward_hook(partial(record, name=name), with_kwargs=True).remove)
        network(pictures)
    return outputs


def _pictures(size: tuple[int, int]) -> list[Tensor]:
    """A picture (1, 3, H, W), and pairs (2, 3, H, W) of it with changes: left, right; top, bottom; single spots."""
    generator = torch.Generator().manual_seed(SEED)
    coarse = functional.interpolate(torch.randn(2, 3, 5, 5, generator=generator), size=size, mode="bicubic")
    still, other = (0.5 + 0.2 * coarse + 0.1 * torch.randn(2, 3, *size, generator=generator)).clamp(0, 1)
    y = (torch.arange(size[0])[:, None] + 0.5) / size[0]
    x = (torch.arange(size[1])[None] + 0.5) / size[1]
    left, top = (x < 0.5).expand(size), (y < 0.5).expand(size)
    spots = [((y - row).abs() <= SPOT / 2) & ((x - column).abs() <= SPOT / 2) for row, column in SPOTS]
    changed = [torch.where(where, other, still) for where in (left, ~left, top, ~top, *spots)]
    return [still[None], *torch.stack(changed).view(-1, 2, *still.shape)]


def _channel_axes(tensor: Tensor, unchanged: Tensor) -> tuple[int, ...]:
    """Axes that may be those of channels, of a tensor of two pictures and of one; none where pictures are not first."""
    if not unchanged.is_floating_point() or unchanged.ndim not in {2, 3, 4}:
        return ()
    if tensor.shape != (2, *unchanged.shape[1:]) or len(unchanged) != 1:
        return ()
    return (1,) if tensor.ndim == 2 else (1, -1)


def _change(tensor: Tensor, unchanged: Tensor, channels: int) -> Tensor:
    """How much each place of two pictures is changed: (2, ...) on the CPU, with one channel."""
    change: Tensor = torch.linalg.vector_norm((tensor - unchanged).float(), dim=channels, keepdim=True)
    return change.nan_to_num().cpu()


def _best(changes: dict[tuple[int, int], list[Tensor]], aspect: float) -> Places | None:
    """The arrangement that follows the picture best, of the first tensor that has one; else one without places."""
    without = None
    for member in sorted({member for member, _ in changes}):
        scores: dict[Places, float] = {}
        for (_, channels), by_pair in ((key, part) for key, part in changes.items() if key[0] == member):
            for places in _candidates(member, channels, by_pair[0][:1], aspect):
                maps = [places.map_of(change, aspect)[:, 0] for change in by_pair]
                if maps[0][0].numel() == 1:
                    without = without or places
                elif (score := _score(maps)) is not None:
                    scores[places] = score
        if scores:
            return max(scores, key=lambda places: scores[places])
    return without


def _score(maps: Sequence[Tensor]) -> float | None:
    """How well changed places (2, h, w) for each pair of pictures follow the picture, at most 3; None: they do not."""
    across, down, *spots = maps
    _, height, width = across.shape
    columns = _correlation(across, (torch.arange(width) + 0.5).expand(height, width) / width)
    rows = _correlation(down, (torch.arange(height)[:, None] + 0.5).expand(height, width) / height)
    moved = torch.cat(list(spots))
    average = moved.mean(dim=0)
    found = max(_found(moved), _found(moved / (average + average.mean() + 1e-12)))  # some react to whatever changes
    follows = min(columns, rows) >= MIN_CORRELATION.get(found, math.inf)
    return columns + rows + found / len(SPOTS) if follows else None


def _found(moved: Tensor) -> int:
    """How many spots change most what lies there, of places (spots, h, w)."""
    _, height, width = moved.shape
    largest = moved.flatten(1).argmax(dim=1).tolist()
    return sum(
        abs((place // width + 0.5) / height - y) <= SPOT / 2 + NEAR / height
        and abs((place % width + 0.5) / width - x) <= SPOT / 2 + NEAR / width
        for place, (y, x) in zip(largest, SPOTS, strict=True)
    )


def _candidates(member: int, channels: int, change: Tensor, aspect: float) -> Iterator[Places]:
    """What a tensor of this shape, with one channel, may be."""
    if change.ndim == 2:
        yield Places(member, order="one")
        return
    if change.ndim == 4:
        yield Places(member, channels)
    tokens = change.numel()
    for prefix in range(MAX_PREFIX + 1):
        grid = _grid(tokens - prefix, aspect)
        if grid is None or (change.ndim == 4 and prefix):
            continue
        if change.ndim == 3 and (grid != (1, 1) or not prefix):  # a class token alone has no place
            yield Places(member, channels, "rows", 0, prefix)
        orders: tuple[Order, ...] = ("units", "blocks")
        for order in orders if channels == -1 else ():
            sizes = range(1, max(grid))
            yield from (Places(member, channels, order, size, prefix) for size in sizes if _levels(order, size, grid))


def _grid(tokens: int, aspect: float) -> tuple[int, int] | None:
    """Rows and columns of so many tokens in a grid with the input's aspect; None where they do not fill one."""
    height = round((max(tokens, 0) * aspect) ** 0.5)
    if height > 0 and tokens % height == 0 and tokens // height == round(height / aspect):
        return height, tokens // height
    return None


def _levels(order: Order, size: int, grid: tuple[int, int]) -> list[tuple[int, int]]:
    """Rows and columns at each level of an order of tokens, the coarsest first; none where it does not fit the grid."""
    side = 2**size if order == "units" else size
    if grid[0] % side or grid[1] % side or grid == (side, side):
        return []
    coarsest = (grid[0] // side, grid[1] // side)
    return [coarsest, *[(2, 2)] * size] if order == "units" else [coarsest, (side, side)]


@lru_cache(maxsize=64)
def _numbers(order: Order, size: int, grid: tuple[int, int]) -> Tensor:
    """The token at each place of the grid, (h, w): tokens are numbered level by level, units from the finest level."""
    levels = _levels(order, size, grid)
    stored = levels[::-1] if order == "units" else levels
    numbers = torch.arange(grid[0] * grid[1]).view([side for level in stored for side in level])
    rows = list(range(0, 2 * len(levels), 2))
    coarsest_first = rows[::-1] if order == "units" else rows
    return numbers.permute(*coarsest_first, *(axis + 1 for axis in coarsest_first)).reshape(grid)


def _correlation(changed: Tensor, place: Tensor) -> float:
    """Correlation of the first half's share in what changes each place (2, h, w) with how far it lies in that half.

    `place` (h, w): where each place lies from that half to the other, in [0, 1]. 0 where nothing varies.
    """
    total = changed.sum(dim=0)
    share = torch.where(total > 0, changed[0] / total, 0.5).double()
    inside = (place < 0.5).double() + 0.5 * (place == 0.5)
    first, second = share - share.mean(), inside - inside.mean()
    return float((first * second).sum() / (first.norm() * second.norm()).clamp_min(1e-9))


def _reason(tensors: Sequence[Tensor | None] | None, measured: dict[tuple[int, int], list[Tensor]]) -> str:
    """Why an output has no arrangement."""
    if tensors is None:
        return "it has no part in the network's prediction"
    shapes = [tuple(tensor.shape) for tensor in tensors if tensor is not None]
    if measured:
        return f"its places do not follow those of the picture, or fill no grid ({_listed(shapes)} for one picture)"
    if all(len(shape) not in {2, 3, 4} for shape in shapes):
        return f"it has no axes of channels and places ({_listed(shapes)} for one picture)"
    return f"its first axis is not that of the pictures ({_listed(shapes)} for one picture)"


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(" x ".join(map(str, shape)) for shape in shapes) or "no tensor"
