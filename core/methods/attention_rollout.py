"""Attention rollout: the tokens that the prediction attends to, through all blocks."""

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

NO_ATTENTION = "This network has no attention between tokens."
NO_WEIGHTS = "The attention weights of this network are not accessible."
WINDOWS = (
    "Attention stays within windows in this network, or changes its grid, or mixes its heads: rollout is not defined."
)


class AttentionRollout(Method):
    """The product over the blocks of (A + I) / 2 with rows of sum 1: row of the class token, or mean of all rows.

    It depends on no class: it shows where information may have come from, not what it was used for.
    """

    title: ClassVar[str] = "Attention rollout"
    summary: ClassVar[str] = (
        "Which places does the prediction attend to? The attention matrices of all blocks are multiplied, skip "
        "connections included. The map is the same for every class."
    )
    source: ClassVar[str] = "Abnar and Zuidema 2020, arXiv:2005.00928"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Share of the attention per token, linear in between"),
        ORIGINAL,
        Output("blocks", "scalar", "Blocks whose attention was multiplied"),
    )
    undefined: ClassVar = {"cnn": NO_ATTENTION, "mixer": NO_ATTENTION}

    head_fusion: Literal["mean", "max"] = parameter("mean", "Fusion of a block's attention heads: mean or maximum.")

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        maps, reader, blocks = self.maps(network, inputs)
        context.report(1, 1)
        upsampled = engine.attribution.class_maps.upsampled(maps, (inputs.shape[2], inputs.shape[3]))[0]
        caption = f"{self.captions()['attribution']}: attention of {reader}"
        return self.result(
            {
                "attribution": Map(values=upsampled.cpu().numpy(), unit="share per token", caption=caption),
                "original": Image(pixels=engine.ranges.to_pixels(inputs)),
                "blocks": Scalar(value=blocks, unit="blocks"),
            }
        )

    def maps(self, network: Network, pictures: Tensor) -> tuple[Tensor, str, int]:
        """Maps (N, h, w) of pictures (N, 3, H, W), whose attention they show, and the number of blocks.

        Raises Undefined where the attention cannot be multiplied.
        """
        with engine.attribution.rollout.attention_weights(network.model) as weights:
            network(pictures)
        if not weights:
            raise Undefined(NO_WEIGHTS)
        if not engine.attribution.rollout.supports_rollout(weights, len(pictures)):
            raise Undefined(WINDOWS)
        flow = engine.attribution.rollout.rollout(weights, self.head_fusion)  # (N, T, T)
        prefix = int(getattr(network.model, "num_prefix_tokens", 0))
        by_class_token = prefix > 0 and getattr(network.model, "global_pool", "token") == "token"
        rows = flow[:, :1] if by_class_token else flow[:, prefix:]
        shares = rows.mean(dim=1)[:, :, None]  # (N, T, 1)
        folded = networks.layout.map_of(network, "of attention", shares, (pictures.shape[2], pictures.shape[3]))
        return folded[:, 0], "the class token" if by_class_token else "all tokens", len(weights)
