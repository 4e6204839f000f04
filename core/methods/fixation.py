"""CNN Fixations: the pixels that an answer rests on, found by following it back through every operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from core import engine, networks
from core.items import Image, Map, Points, Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore
from core.method_base.method import Context, MethodFamily, Output, parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from core.engine.attribution.unravelling.points import Points as Traced
    from core.engine.attribution.unravelling.walk import Reached, Unravelled
    from core.media.picture import Picture
    from core.networks.network import Network


STRIP = (25, 50, 75, 100)
"""Depths in percent of the layers whose fixations are shown on the way."""
LIT = 0.5
"""Share of the weight that is shown lit on the way, where points have weights."""
HIGH = 10.0
"""Times the density of evenly spread fixations, at which the color scale nominally ends."""


class Fixation(Attribution):
    """Each point is followed to those inputs of its operation that contribute the most, s W x, down to the pixels."""

    title: ClassVar[str] = "Fixations"
    summary: ClassVar[str] = (
        "On which pixels does the answer rest? It is followed back, operation by operation, to what contributed the "
        "most, without gradients: from the class, or any channel or neuron, to points in the picture."
    )
    source: ClassVar[str] = (
        "Mopuri, Garg and Babu 2019, arXiv:1708.06670 (CNN Fixations: `paper`); signed and weighted points, and the "
        "rules for attention, norms and token mixing, are our own (`light`, `beam`)"
    )
    family: ClassVar[MethodFamily] = "fixation"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "How dense the fixations are"),
        Output("fixations", "points", "Where the answer rests, the heaviest first"),
        Output("unravelling", "image", "What is left lit holds fixations"),
        Output("box", "image", "The box around all of them"),
        ORIGINAL,
        *SCORE,
        Output("count", "scalar", "Fixations in the picture"),
        Output("isolated", "scalar", "Share of the weight that lies alone, and is left out"),
        Output("lost", "scalar", "Share of the weight that fell on padding or on what does not depend on the picture"),
    )

    mode: Literal["paper", "light", "beam"] = parameter(
        "beam",
        "paper: one supporter a point, all weigh the same; light: one, weighted by how many paths meet; "
        "beam: two, weighted.",
    )
    max_points: int = parameter(
        1024, "Points kept in each layer: the heaviest. Few show smaller regions, many make better boxes.",
        unit="points", ge=16, le=16_384, advanced=True, when={"mode": ["light", "beam"]},
    )  # fmt: skip
    keep_isolated: bool = parameter(default=False, description="Keep fixations that lie alone.", advanced=True)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        layers = list(dict.fromkeys(networks.layout.layer_at(network, depth / 100) for depth in STRIP))
        found, answer = self.fixations(network, seen, layers)
        context.report(1, 1)
        height, width = seen.shape[2:]
        xy, weights = in_picture(found.pixels.points, height, width)
        kept = (
            np.ones(len(xy), bool)
            if self.keep_isolated
            else engine.attribution.fixations.supported(xy, weights, height, width)
        )
        alone = float(weights[~kept].sum() / weights.sum()) if len(xy) else 0.0
        xy, weights = xy[kept], weights[kept]
        said = {output.name: output.caption for output in self.outputs}
        return self.result(
            seen,
            self._map(engine.attribution.fixations.heat(xy, weights, height, width), answer),
            answer,
            fixations=Points(xy=xy, width=width, height=height, weights=weights, caption=said["fixations"]),
            unravelling=self._strip(network, seen, found, layers),
            box=_box(seen, xy, said["box"]),
            count=Scalar(value=len(xy), unit="fixations", caption=said["count"]),
            isolated=Scalar(value=alone, unit="share", caption=said["isolated"]),
            lost=Scalar(value=found.lost, unit="share", caption=said["lost"]),
        )

    def fixations(
        self, network: Network, pictures: Tensor, layers: Sequence[str] = ()
    ) -> tuple[Unravelled, TargetScore]:
        """The points of pictures (N, 3, H, W), in the pixels and in these layers, and what they explain."""
        walk = engine.attribution.unravelling.walk
        manner = walk.TRACING_CONFIGS[self.mode]
        if manner.cap is not None:
            manner = replace(manner, cap=self.max_points)
        asked: list[TargetScore] = []

        def choose(outcome: Tensor) -> tuple[Traced, list[int] | None]:
            points, rivals, answer = self._start(network, pictures, outcome)
            asked.append(answer)
            return points, rivals

        start = walk.Start(choose, "" if self.target == "class" else _inside(self._layer(network)))
        return walk.unravel(network, pictures, start, manner, layers=[_inside(name) for name in layers]), asked[0]

    def _start(
        self, network: Network, pictures: Tensor, outcome: Tensor
    ) -> tuple[Traced, list[int] | None, TargetScore]:
        """Where to start in the logits or the layer's outcome; the classes held against; and what is explained."""
        walk = engine.attribution.unravelling.walk
        if self.target == "class":
            answer = self.answer_in(network, outcome[:, :, None, None])
            rival = answer.explained.contrast
            points = walk.class_points(outcome.shape[1], answer.explained.index.tolist())
            return points, None if rival is None else rival.tolist(), answer
        size = (pictures.shape[2], pictures.shape[3])
        values, places = (
            networks.layout.map_of(network, self._layer(network), one, size)
            for one in (outcome.float(), walk.places_of(outcome))
        )
        answer = self.answer_in(network, values)
        return walk.unit_points(values, places, answer.explained.index, answer.explained.place), None, answer

    def _map(self, heat: NDArray[np.float32], answer: TargetScore) -> Map:
        caption = f"Density of the fixations ({self.mode}): {answer.explained.labels[0]}"
        return Map(values=heat, high=HIGH, unit="times even", caption=caption)

    def _strip(self, network: Network, seen: Tensor, found: Unravelled, layers: Sequence[str]) -> Image:
        """The picture once a layer, lit where the layer holds fixations, the deepest first."""
        pixels = engine.ranges.to_pixels(seen)
        share = LIT if engine.attribution.unravelling.walk.TRACING_CONFIGS[self.mode].weighted else 1.0
        told, tiles = [], []
        for layer in reversed(layers):
            reached = found.layers.get(_inside(layer))
            if reached is not None:
                told.append(layer)
                weights = place_weights(network, layer, reached, (seen.shape[2], seen.shape[3]))
                tiles.append(
                    engine.attribution.fixations.highlighted(pixels, engine.attribution.fixations.heaviest(weights, share))
                )
        if not tiles:
            return Image(pixels=pixels, caption="No path leads through the layers at a quarter of the depth each")
        tiled = engine.result_items.tiled(np.stack(tiles), columns=len(tiles))
        held = "fixations" if share == 1 else f"{100 * share:.0f} % of the weight"
        return Image(pixels=tiled, caption=f"Lit: what holds {held} in {', '.join(told)}")


def in_picture(points: Traced, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points on the pixels of one picture as middles of pixels (K, 2) x, y and weights (K,), colors summed."""
    places, back = np.unique(points.index % (height * width), return_inverse=True)
    weights = np.bincount(back, points.weight, len(places))
    order = np.argsort(-weights, kind="stable")
    y, x = np.divmod(places[order], width)
    return np.stack([x + 0.5, y + 0.5], axis=1).astype(np.float32), weights[order].astype(np.float32)


def place_weights(network: Network, layer: str, reached: Reached, size: tuple[int, int]) -> NDArray[np.float64]:
    """The weight of the first picture's points at each place (h, w) of a layer's map, over all channels."""
    weights = networks.layout.map_of(network, layer, engine.attribution.unravelling.walk.weights_of(reached), size)
    found: NDArray[np.float64] = weights[0].sum(dim=0).numpy()
    return found


def _inside(layer: str) -> str:
    """What timm's layer is called inside a `Network`."""
    return f"model.{layer}"


def _box(seen: Tensor, xy: NDArray[np.float32], caption: str) -> Image:
    pixels, around = engine.ranges.to_pixels(seen), engine.attribution.fixations.box(xy)
    return Image(
        pixels=pixels if around is None else engine.attribution.fixations.with_box(pixels, around), caption=caption
    )
