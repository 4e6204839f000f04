"""Attention rollout: from which tokens the answer's attention comes, through all blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine, networks
from core.errors import Undefined
from core.items import Image, Map, Result, Scalar
from core.method_base.attribution import ORIGINAL
from core.method_base.method import Context, Method, MethodFamily, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network

NO_ATTENTION = "Tokens do not attend to each other here: there is no attention to follow."
NOT_SHOWN = "The attention of this network does not show its weights: it cannot be followed."
WINDOWS = (
    "Attention stays within windows here, or changes its grid, or mixes its heads: it cannot be multiplied through the "
    "blocks."
)


class AttentionRollout(Method):
    """The product over the blocks of (A + I) / 2, rows adding up to 1: of the class token, or the mean of all tokens.

    It knows no class: it says where information may have come from, not what it was used for.
    """

    title: ClassVar[str] = "Attention rollout"
    summary: ClassVar[str] = (
        "From which places did information flow into the answer? The attention of all blocks is multiplied through, "
        "skip connections included. The same for every class."
    )
    source: ClassVar[str] = "Abnar and Zuidema 2020, arXiv:2005.00928"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Share of each place in the answer's attention, linear between the tokens"),
        ORIGINAL,
        Output("blocks", "scalar", "Attentions that were multiplied"),
    )
    undefined: ClassVar = {"cnn": NO_ATTENTION, "mixer": NO_ATTENTION}

    head_fusion: Literal["mean", "max"] = parameter(
        "mean", "How the heads of a block are joined: their mean, or the greatest."
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        maps, reader, blocks = self.maps(network, seen)
        context.report(1, 1)
        larger = engine.attribution.class_maps.enlarged(maps, (seen.shape[2], seen.shape[3]))[0]
        said = {output.name: output.caption for output in self.outputs}
        share = Map(
            values=larger.cpu().numpy(), unit="share a token", caption=f"{said['attribution']}: attention of {reader}"
        )
        return Result(
            {
                "attribution": share,
                "original": Image(pixels=engine.ranges.to_pixels(seen), caption=said["original"]),
                "blocks": Scalar(value=blocks, unit="blocks", caption=said["blocks"]),
            }
        )

    def maps(self, network: Network, pictures: Tensor) -> tuple[Tensor, str, int]:
        """Maps (N, h, w) of pictures (N, 3, H, W), whose attention it is, how many blocks paid. Raises Undefined."""
        with engine.attribution.rollout.attention_weights(network.model) as weights:
            network(pictures)
        if not weights:
            raise Undefined(NOT_SHOWN)
        if not engine.attribution.rollout.can_be_followed(weights, len(pictures)):
            raise Undefined(WINDOWS)
        flow = engine.attribution.rollout.rollout(weights, self.head_fusion)  # (N, T, T)
        prefix = int(getattr(network.model, "num_prefix_tokens", 0))
        by_class_token = prefix > 0 and getattr(network.model, "global_pool", "token") == "token"
        rows = flow[:, :1] if by_class_token else flow[:, prefix:]
        shares = rows.mean(dim=1)[:, :, None]  # (N, T, 1)
        folded = networks.layout.map_of(network, "of attention", shares, (pictures.shape[2], pictures.shape[3]))
        return folded[:, 0], "the class token" if by_class_token else "all places", len(weights)
