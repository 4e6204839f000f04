"""CAM: the classifier itself, asked at each place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from core import engine, networks
from core.errors import Undefined
from core.items import Result
from core.method_base.attribution import (
    ORIGINAL,
    SCORE,
    TargetScore,
    class_explained,
    class_parameter,
    contrast_class_parameter,
    explained_items,
    map_item,
    no_such_class,
    probability_of,
)
from core.method_base.method import Context, Method, MethodFamily, Output
from core.method_base.optimization import as_declared
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class Cam(Method):
    """sum_k w_k F^k: F the last map, w the class's weights in the linear classifier behind the pooling.

    That the pooled map gives the network's logits is tried before it is shown.
    """

    title: ClassVar[str] = "Class activation map (CAM)"
    summary: ClassVar[str] = (
        "What does the classifier say at each place? Where a network pools its last map and then classifies linearly, "
        "the same classifier runs at every place; what it says there adds up to the logit exactly."
    )
    source: ClassVar[str] = "Zhou et al. 2015, arXiv:1512.04150"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "What the classifier says at each place, without its bias"),
        ORIGINAL,
        *SCORE,
    )

    class_name: str = class_parameter()
    contrast_class: str = contrast_class_parameter()

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes has no classifier."""
        return no_such_class(card, self.class_name, self.contrast_class)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        how, maps, answer = self.maps(network, seen)
        context.report(1, 1)
        larger = engine.attribution.class_maps.upsampled(maps, (seen.shape[2], seen.shape[3]))[0]
        drawn = map_item(larger, f"Classifier at each place, joined by {how}", answer, unit="", signed=True)
        return Result(as_declared(explained_items(self.outputs, seen, answer) | {"attribution": drawn}, self.outputs))

    def maps(self, network: Network, pictures: Tensor) -> tuple[str, Tensor, TargetScore]:
        """How places are joined, maps (N, h, w) for pictures (N, 3, H, W), and what they explain. Raises Undefined."""
        with engine.activations.recorded({name: network.layer(name) for name in network.layers()}) as outputs:
            logits = network(pictures).float()
        explained = class_explained(network, logits, self.class_name, self.contrast_class)
        answer = TargetScore(explained, explained.of(logits[:, :, None, None]), probability_of(logits, explained))
        how, features, weights = _read_by_classifier(network, outputs, logits, pictures)
        asked = weights[explained.index]  # (N, C)
        if explained.contrast is not None:
            asked = asked - weights[explained.contrast]
        return how, engine.attribution.class_maps.cam(features, asked), answer


def _read_by_classifier(
    network: Network, outputs: dict[str, Tensor], logits: Tensor, pictures: Tensor
) -> tuple[str, Tensor, Tensor]:
    """How the classifier joins the places, the map (N, C, h, w) that it reads, its weights (K, C)."""
    weights, bias = engine.attribution.class_maps.classifier(network.model)
    for layer, output in reversed(outputs.items()):
        try:
            features = networks.layout.map_of(network, layer, output, (pictures.shape[2], pictures.shape[3])).float()
        except Undefined:
            continue
        several = features.shape[2] * features.shape[3] > 1
        how = engine.attribution.class_maps.pooling_of(features, weights, bias, logits) if several else None
        if how is not None:
            return how, features, weights
    raise Undefined(
        "CAM needs a network that pools its last map and then classifies by one linear layer, "
        f"and {network.card.name} is none; Grad-CAM is its generalization."
    )
