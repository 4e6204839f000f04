"""CAM: the linear classifier, applied at each place of the last feature map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from core import engine, networks
from core.errors import Undefined
from core.items import Result
from core.method_base.attribution import (
    ORIGINAL,
    SCORE,
    TargetScore,
    class_target,
    map_item,
    probability_of,
    score_items,
    target_problem,
)
from core.method_base.class_weights import class_parameter, contrast_class_parameter
from core.method_base.method import Context, Method, MethodFamily, Output
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class Cam(Method):
    """sum_k w_k F^k: F the last feature map, w the weights of the class in the linear classifier after the pooling.

    It is checked that the pooled map gives the network's logits.
    """

    title: ClassVar[str] = "Class activation map (CAM)"
    summary: ClassVar[str] = (
        "What does each place contribute to the logit? In a network that pools its last feature map and classifies "
        "linearly, the classifier is applied at every place; pooled, its outputs give the logit exactly."
    )
    source: ClassVar[str] = "Zhou et al. 2015, arXiv:1512.04150"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Output of the classifier at each place, without its bias"),
        ORIGINAL,
        *SCORE,
    )

    class_name: str = class_parameter()
    contrast_class: str = contrast_class_parameter()

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such class, in a sentence; None where it has."""
        return target_problem(card, self.class_name, self.contrast_class)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        pooling, maps, score = self.maps(network, inputs)
        context.report(1, 1)
        upsampled = engine.attribution.class_maps.upsampled(maps, (inputs.shape[2], inputs.shape[3]))[0]
        caption = f"Classifier at each place, pooled by {pooling}"
        attribution = map_item(upsampled, caption, score, unit="", signed=True)
        return self.result(score_items(inputs, score) | {"attribution": attribution})

    def maps(self, network: Network, pictures: Tensor) -> tuple[str, Tensor, TargetScore]:
        """The pooling, maps (N, h, w) for pictures (N, 3, H, W), and the scores that they explain. Raises Undefined."""
        with engine.activations.recorded({name: network.layer(name) for name in network.layers()}) as outputs:
            logits = network(pictures).float()
        target = class_target(network, logits, self.class_name, self.contrast_class)
        score = TargetScore(target, target.score_in(logits[:, :, None, None]), probability_of(logits, target))
        pooling, features, weights = _classified_map(network, outputs, logits, pictures)
        target_weights = weights[target.index]  # (N, C)
        if target.contrast is not None:
            target_weights = target_weights - weights[target.contrast]
        return pooling, engine.attribution.class_maps.cam(features, target_weights), score


def _classified_map(
    network: Network, outputs: dict[str, Any], logits: Tensor, pictures: Tensor
) -> tuple[str, Tensor, Tensor]:
    """The pooling, the map (N, C, h, w) that is pooled and classified, and the classifier's weights (K, C)."""
    weights, bias = engine.attribution.class_maps.classifier(network.model)
    for layer, output in reversed(outputs.items()):
        if not networks.layout.has_map(network, layer):
            continue
        features = networks.layout.map_of(network, layer, output, (pictures.shape[2], pictures.shape[3])).float()
        has_places = features.shape[2] * features.shape[3] > 1
        pooling = engine.attribution.class_maps.pooling_of(features, weights, bias, logits) if has_places else None
        if pooling is not None:
            return pooling, features, weights
    raise Undefined(
        "CAM needs a network that pools its last map and then classifies by one linear layer, "
        f"which {network.card.name} does not; Grad-CAM is its generalization."
    )
