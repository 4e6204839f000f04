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
UNREAD = "The prediction of this network depends on no token behind its last attention."
HIDDEN = "Part of this network's attention is not accessible, such as a pool that reads tokens by attention."
WINDOWS = (
    "Attention stays within windows in this network, or changes its grid, or mixes its heads: rollout is not defined."
)


class AttentionRollout(Method):
    """The product over the blocks of (A + I) / 2 with rows of sum 1: mean of the rows of the tokens that are read.

    These are found by the gradient of the prediction: the class token, several of them, or all tokens.

    It depends on no class: it shows where information may have come from, not what it was used for.
    """

    title: ClassVar[str] = "Attention rollout"
    summary: ClassVar[str] = (
        "Which places does the prediction attend to? The attention matrices of all blocks are multiplied, skip "
        "connections included. The map is the same for every class."
    )
    source: ClassVar[str] = "Abnar and Zuidema 2020, arXiv:2005.00928"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 2
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
        rollout = engine.attribution.rollout
        with rollout.attentions(network.model) as ran:
            logits = network(pictures.detach().requires_grad_())
        if not ran:
            raise Undefined(NO_WEIGHTS)
        if rollout.hides_attention(network.model):
            raise Undefined(HIDDEN)
        if not rollout.supports_rollout(ran, len(pictures)):
            raise Undefined(WINDOWS)
        first, last = (networks.places.places_of(network, networks.places.input_of(ran[end].name)) for end in (0, -1))
        groups = rollout.in_parallel(ran)
        read = rollout.readers(logits.amax(dim=1), ran[-1], last.channels)  # (T,)
        if not read.any():
            raise Undefined(UNREAD)
        flow = rollout.rollout([[one.weights.detach() for one in group] for group in groups], self.head_fusion)
        shares = rollout.as_inputs(flow[:, read].mean(dim=1), ran[0], first.channels)
        maps = first.map_of(shares, pictures.shape[2] / pictures.shape[3])[:, 0]
        return maps, _described(read.tolist(), last.prefix), len(groups)


def _described(read: Sequence[bool], prefix: int) -> str:
    """The tokens that the prediction is read from, in words."""
    of_class, of_places = sum(read[:prefix]), sum(read[prefix:])
    if of_class and of_places:
        return f"{of_class + of_places} of {len(read)} tokens"
    if of_class:
        return "the class token" if of_class == 1 else f"{of_class} class tokens"
    return "all tokens" if of_places == len(read) - prefix else f"{of_places} of {len(read)} tokens"
