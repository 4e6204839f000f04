"""CNN Fixations: the pixels that support a prediction, found by tracing it back through every operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from core import engine, networks
from core.items import Image, Map, Points, Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore, score_items
from core.method_base.method import Context, MethodFamily, Output, parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from core.engine.attribution.unravelling.points import Points as TracedPoints
    from core.engine.attribution.unravelling.walk import Reached, Unravelled
    from core.media.picture import Picture
    from core.networks.network import Network


STRIP_DEPTHS = (25, 50, 75, 100)
"""Depths, % of blocks, of the layers whose fixations are displayed."""
HIGHLIGHTED_SHARE = 0.5
"""Share of the weight that is highlighted in a layer, where points have weights."""
HIGH = 10.0
"""Nominal end of the color scale, in multiples of the density of evenly spread fixations."""


class Fixation(Attribution):
    """Each point is traced to the inputs of its operation that contribute the most, s W x, down to the pixels."""

    title: ClassVar[str] = "Fixations"
    summary: ClassVar[str] = (
        "Which pixels support the prediction? The class, or any channel or neuron, is traced back, operation by "
        "operation and without gradients, to the inputs that contributed the most."
    )
    source: ClassVar[str] = (
        "Mopuri et al. 2017, arXiv:1708.06670 (mode paper); own contribution: modes light and beam (signed, weighted "
        "points), rules for attention, norms and token mixing"
    )
    family: ClassVar[MethodFamily] = "fixation"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Density of the fixations"),
        Output("fixations", "points", "Fixations, the heaviest first"),
        Output("unravelling", "image", "Fixations in the layers between prediction and pixels, highlighted"),
        Output("box", "image", "Bounding box of all fixations"),
        ORIGINAL,
        *SCORE,
        Output("count", "scalar", "Number of fixations"),
        Output("isolated", "scalar", "Share of the weight in isolated fixations, which are left out"),
        Output("lost", "scalar", "Share of the weight on padding, or on values that do not depend on the picture"),
    )

    mode: Literal["paper", "light", "beam"] = parameter(
        "beam",
        "Inputs that are followed per point: one, with equal weights (paper); one, weighted by the number of paths "
        "that meet (light); or two, weighted by their contributions (beam).",
    )
    max_points: int = parameter(
        1024, "Maximum number of points per layer: few show smaller regions, many give better bounding boxes.",
        unit="points", ge=16, le=16_384, advanced=True, when={"mode": ["light", "beam"]},
    )  # fmt: skip
    keep_isolated: bool = parameter(default=False, description="Keep isolated fixations.", advanced=True)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        at_depths = dict.fromkeys(networks.layout.layer_at(network, depth / 100) for depth in STRIP_DEPTHS)
        layers = [layer for layer in at_depths if networks.layout.has_map(network, layer)]
        unravelled, score = self.fixations(network, inputs, layers)
        context.report(1, 1)
        height, width = inputs.shape[2:]
        xy, weights = _on_pixels(unravelled.pixels.points, height, width)
        kept = np.ones(len(xy), bool)
        if not self.keep_isolated:
            kept = engine.attribution.fixations.supported(xy, weights, height, width)
        isolated = _isolated(weights, kept)
        xy, weights = xy[kept], weights[kept]
        return self.result(
            score_items(inputs, score)
            | {
                "attribution": self._map(engine.attribution.fixations.heat(xy, weights, height, width), score),
                "fixations": Points(xy=xy, width=width, height=height, weights=weights),
                "unravelling": self._strip(network, inputs, unravelled, layers),
                "box": _box_image(inputs, xy),
                "count": Scalar(value=len(xy), unit="fixations"),
                "isolated": isolated,
                "lost": Scalar(value=unravelled.lost, unit="share"),
            }
        )

    def fixations(
        self, network: Network, pictures: Tensor, layers: Sequence[str] = ()
    ) -> tuple[Unravelled, TargetScore]:
        """Points of pictures (N, 3, H, W) on the pixels and in these layers, and the scores that they explain."""
        walk = engine.attribution.unravelling.walk
        config = walk.TRACING_CONFIGS[self.mode]
        if config.cap is not None:
            config = replace(config, cap=self.max_points)
        scores: list[TargetScore] = []

        def first_points(output: Tensor) -> tuple[TracedPoints, list[int] | None]:
            points, contrast_classes, score = self._start(network, pictures, output)
            scores.append(score)
            return points, contrast_classes

        by_module = {_module_name(name): name for name in (*layers, self.layer_name(network)) if name}
        for name in by_module.values():
            networks.places.places_of(network, name)  # measured before anything is recorded

        def pick(module: str, output: object) -> Tensor:
            return networks.layout.values_of(network, by_module[module], output)

        start = walk.Start(first_points, _module_name(self.layer_name(network)) if self.reads_layer else "", pick)
        return walk.unravel(network, pictures, start, config, layers=list(map(_module_name, layers))), scores[0]

    def _start(
        self, network: Network, pictures: Tensor, output: Tensor
    ) -> tuple[TracedPoints, list[int] | None, TargetScore]:
        """First points in the logits or in the layer's `output`, the contrast classes, and the scores."""
        walk = engine.attribution.unravelling.walk
        if self.target == "class":
            score = self.score_from(network, output[:, :, None, None])
            contrast = score.target.contrast
            points = walk.class_points(output.shape[1], score.target.index.tolist())
            return points, None if contrast is None else contrast.tolist(), score
        size = (pictures.shape[2], pictures.shape[3])
        values, places = (
            networks.layout.map_of(network, self.layer_name(network), tensor, size)
            for tensor in (output.float(), walk.places_of(output))
        )
        score = self.score_from(network, values)
        return walk.unit_points(values, places, score.target.index, score.target.place), None, score

    def _map(self, heat: NDArray[np.float32], score: TargetScore) -> Map:
        caption = f"{self.captions()['attribution']} ({self.mode}): {score.target.labels[0]}"
        return Map(values=heat, high=HIGH, unit="times uniform", caption=caption)

    def _strip(self, network: Network, inputs: Tensor, unravelled: Unravelled, layers: Sequence[str]) -> Image:
        """The picture once per layer, the deepest first, with the fixations of the layer highlighted."""
        pixels, size = engine.ranges.to_pixels(inputs), (inputs.shape[2], inputs.shape[3])
        fixations = engine.attribution.fixations
        share = HIGHLIGHTED_SHARE if engine.attribution.unravelling.walk.TRACING_CONFIGS[self.mode].weighted else 1.0
        tiles = {}
        for layer in reversed(layers):
            reached = unravelled.layers.get(_module_name(layer))
            if reached is not None:
                weights = place_weights(network, layer, reached, size)
                tiles[layer] = fixations.highlighted(pixels, fixations.heaviest(weights, share))
        if not tiles:
            return Image(pixels=pixels, caption="No path leads through the layers at 25, 50, 75 and 100 % depth")
        tiled = engine.result_items.tiled(np.stack(list(tiles.values())), columns=len(tiles))
        content = "fixations" if share == 1 else f"{100 * share:.0f} % of the weight"
        return Image(pixels=tiled, caption=f"Highlighted: places with {content} in {', '.join(tiles)}")


def place_weights(network: Network, layer: str, reached: Reached, size: tuple[int, int]) -> NDArray[np.float64]:
    """Weight of the first picture's points at each place (h, w) of a layer's map, summed over channels."""
    weights = networks.layout.map_of(network, layer, engine.attribution.unravelling.walk.weights_of(reached), size)
    summed: NDArray[np.float64] = weights[0].sum(dim=0).numpy()
    return summed


def _isolated(weights: NDArray[np.float32], kept: NDArray[np.bool_]) -> Scalar:
    """Share of the weight of fixations that are not `kept`."""
    total = float(weights.sum())
    if total <= 0:
        return Scalar(value=None, unit="share", reason="no fixation reaches the pixels")
    return Scalar(value=float(weights[~kept].sum()) / total, unit="share")


def _on_pixels(points: TracedPoints, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pixel centers (K, 2) x, y of one picture's points and their weights (K,), heaviest first, summed over colors."""
    places, back = np.unique(points.index % (height * width), return_inverse=True)
    weights = np.bincount(back, points.weight, len(places))
    order = np.argsort(-weights, kind="stable")
    y, x = np.divmod(places[order], width)
    return np.stack([x + 0.5, y + 0.5], axis=1).astype(np.float32), weights[order].astype(np.float32)


def _module_name(layer: str) -> str:
    """Name of a timm layer inside a `Network`."""
    return f"model.{layer}"


def _box_image(inputs: Tensor, xy: NDArray[np.float32]) -> Image:
    pixels, box = engine.ranges.to_pixels(inputs), engine.attribution.fixations.box(xy)
    return Image(pixels=pixels if box is None else engine.attribution.fixations.with_box(pixels, box))
