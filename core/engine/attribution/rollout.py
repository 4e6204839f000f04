"""Attention that was paid, and how it adds up over the blocks of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

Heads = Literal["mean", "max"]


@contextmanager
def attention_weights(model: nn.Module) -> Iterator[list[Tensor]]:
    """The weights of each attention in the order in which they run, filled by the forward pass inside.

    A fused kernel never writes them down: it is off while this lasts, and as it was afterwards, whatever happens.
    """
    paid: list[Tensor] = []
    attentions: list[Any] = [module for module in model.modules() if _is_attention(module)]
    with ExitStack() as after:
        for attention in attentions:
            if hasattr(attention, "fused_attn"):
                after.callback(setattr, attention, "fused_attn", attention.fused_attn)
                attention.fused_attn = False
            # what dropout is given are the weights after their softmax
            keep = attention.attn_drop.register_forward_pre_hook(lambda _, given: paid.append(given[0]))
            after.callback(keep.remove)
        yield paid


def _is_attention(module: nn.Module) -> bool:
    return isinstance(getattr(module, "attn_drop", None), nn.Module)


def can_be_followed(weights: Sequence[Tensor], pictures: int) -> bool:
    """Whether each is (pictures, heads, T, T) of the same T, every row adding up to 1.

    Attention in windows, on a grid that shrinks, between channels, or whose heads are mixed afterwards is not.
    """
    tokens = weights[0].shape[-1]
    return all(
        paid.shape[0] == pictures
        and tuple(paid.shape[-2:]) == (tokens, tokens)
        and torch.allclose(paid.float().sum(dim=-1), paid.new_ones(()).float(), atol=1e-3)
        for paid in weights
    )


def rollout(weights: Sequence[Tensor], heads: Heads = "mean") -> Tensor:
    """How much of each token of the first block reaches each token of the last: (N, to, from), each row adds up to 1.

    `weights`: (N, heads, T, T) of each block. The skip connection counts as half: A <- (A + I) / 2.
    """
    flow = torch.eye(weights[0].shape[-1], device=weights[0].device).expand(len(weights[0]), -1, -1)
    for paid in weights:
        joined = paid.float().mean(dim=1) if heads == "mean" else paid.float().amax(dim=1)
        mixed = (joined + torch.eye(joined.shape[-1], device=joined.device)) / 2
        flow = mixed / mixed.sum(dim=-1, keepdim=True) @ flow
    return flow
