"""Attention weights, and their rollout over the blocks of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

Heads = Literal["mean", "max"]


@contextmanager
def attention_weights(model: nn.Module) -> Iterator[list[Tensor]]:
    """Attention weights of each block in order of execution, filled by the forward pass that runs inside.

    Fused kernels never materialize them: they are disabled inside the context, and restored afterwards.
    """
    attention_map: list[Tensor] = []
    attentions: list[Any] = [module for module in model.modules() if _is_attention(module)]
    with ExitStack() as cleanup:
        for attention in attentions:
            if hasattr(attention, "fused_attn"):
                cleanup.callback(setattr, attention, "fused_attn", attention.fused_attn)
                attention.fused_attn = False
            # dropout's input is the weights after the softmax
            keep = attention.attn_drop.register_forward_pre_hook(lambda _, inputs: attention_map.append(inputs[0]))
            cleanup.callback(keep.remove)
        yield attention_map


def _is_attention(module: nn.Module) -> bool:
    return isinstance(getattr(module, "attn_drop", None), nn.Module)


def supports_rollout(weights: Sequence[Tensor], pictures: int) -> bool:
    """Whether all weights are (pictures, heads, T, T) with the same T and rows that sum to 1.

    Attention in windows, on shrinking grids, between channels, or with heads mixed after the softmax is not.
    """
    tokens = weights[0].shape[-1]
    return all(
        attention_map.shape[0] == pictures
        and tuple(attention_map.shape[-2:]) == (tokens, tokens)
        and torch.allclose(attention_map.float().sum(dim=-1), attention_map.new_ones(()).float(), atol=1e-3)
        for attention_map in weights
    )


def rollout(weights: Sequence[Tensor], heads: Heads = "mean") -> Tensor:
    """Attention flow from each token of the first block to each token of the last: (N, to, from), rows sum to 1.

    `weights`: (N, heads, T, T) of each block. The skip connection counts as half: A <- (A + I) / 2.
    """
    flow = torch.eye(weights[0].shape[-1], device=weights[0].device).expand(len(weights[0]), -1, -1)
    for attention_map in weights:
        fused = attention_map.float().mean(dim=1) if heads == "mean" else attention_map.float().amax(dim=1)
        mixed = (fused + torch.eye(fused.shape[-1], device=fused.device)) / 2
        flow = mixed / mixed.sum(dim=-1, keepdim=True) @ flow
    return flow
