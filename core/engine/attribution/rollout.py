"""Attention weights, their rollout over the blocks of a network, and the tokens that the prediction is read from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.engine.attribution import backward

Heads = Literal["mean", "max"]
READ = 1e-6
"""Share of the largest gradient below which a token counts as not read."""
ROW_TOLERANCE = 1e-3
"""By which a row of attention may differ from 1 in sum."""


@dataclass
class Attention:
    """One attention as it ran."""

    name: str
    """Name of its module."""
    weights: Tensor
    """(N, heads, T, T) where every token attends to every token."""
    inputs: Tensor
    """What the module was given, such as tokens (N, T, C)."""
    outputs: Tensor
    """What it gave, of the shape of `inputs`."""


@contextmanager
def attentions(model: nn.Module) -> Iterator[list[Attention]]:
    """The attentions in order of execution, filled by the forward pass that runs inside; differentiable.

    Fused kernels never materialize weights: they are disabled inside the context, and restored afterwards.
    """
    ran: list[Attention] = []
    with ExitStack() as cleanup:
        for name, module in model.named_modules():
            if _is_attention(module):
                _watch(name, module, ran, cleanup)
        yield ran


def _watch(name: str, module: Any, ran: list[Attention], cleanup: ExitStack) -> None:
    """Record each run of an attention, until the cleanup."""
    weights: list[Tensor] = []

    def keep(_: nn.Module, args: Any, output: Any) -> None:
        if weights:
            ran.append(Attention(name, weights.pop(), args[0], output[0] if isinstance(output, tuple) else output))
        weights.clear()

    if hasattr(module, "fused_attn"):
        cleanup.callback(setattr, module, "fused_attn", module.fused_attn)
        module.fused_attn = False
    # dropout's input is the weights after the softmax
    hooks = module.attn_drop.register_forward_pre_hook(lambda _, inputs: weights.append(inputs[0]))
    cleanup.callback(hooks.remove)
    cleanup.callback(module.register_forward_hook(keep).remove)


def _is_attention(module: nn.Module) -> bool:
    return isinstance(getattr(module, "attn_drop", None), nn.Module)


def hides_attention(model: nn.Module) -> bool:
    """Whether it has attention whose weights cannot be recorded, such as a pool that reads tokens by attention."""
    return any(hasattr(module, "fused_attn") and not _is_attention(module) for module in model.modules())


def in_parallel(ran: Sequence[Attention]) -> list[list[Attention]]:
    """The attentions grouped: those of a group read the same tokens, and none depends on another's output."""
    groups: list[list[Attention]] = []
    for attention in ran:
        if groups and not any(_depends(attention.inputs, other.outputs) for other in groups[-1]):
            groups[-1].append(attention)
        else:
            groups.append([attention])
    return groups


def _depends(later: Tensor, earlier: Tensor) -> bool:
    (gradient,) = torch.autograd.grad(later.sum(), earlier, retain_graph=True, allow_unused=True)
    return gradient is not None


def readers(score: Tensor, last: Attention, channels: int) -> Tensor:
    """Which tokens behind the last attention the scores (N,) depend on: (T,) bool; `channels`: their axis, 1 or -1."""
    gradient = backward.gradient(score, last.outputs, retain_graph=True)
    strength = torch.linalg.vector_norm(gradient.float(), dim=channels).flatten(1).amax(dim=0)
    read: Tensor = strength > READ * strength.amax()
    return read


def as_inputs(shares: Tensor, attention: Attention, channels: int) -> Tensor:
    """Numbers of tokens (N, T) in the shape of an attention's inputs, with one channel."""
    like = attention.inputs.select(channels, 0)
    return shares.view(like.shape).unsqueeze(channels)


def supports_rollout(ran: Sequence[Attention], pictures: int) -> bool:
    """Whether all weights are (pictures, heads, T, T) with the same T, that of the tokens, and rows that sum to 1.

    Attention in windows, on shrinking grids, between channels, or with heads mixed after the softmax is not.
    """
    tokens = ran[0].weights.shape[-1]
    return all(
        attention.weights.shape[0] == pictures
        and tuple(attention.weights.shape[-2:]) == (tokens, tokens)
        and tokens in _tokens(attention.inputs)
        and attention.outputs.shape == attention.inputs.shape
        and bool(((attention.weights.float().sum(dim=-1) - 1).abs() <= ROW_TOLERANCE).all())
        for attention in ran
    )


def _tokens(inputs: Tensor) -> set[int]:
    """How many tokens (N, T, C), (N, C, h, w) or (N, h, w, C) may hold."""
    return {math.prod(inputs.shape[1:-1]), math.prod(inputs.shape[2:])} if inputs.ndim == 4 else {inputs.shape[1]}


def rollout(groups: Sequence[Sequence[Tensor]], heads: Heads = "mean") -> Tensor:
    """Attention flow from each token of the first block to each token of the last: (N, to, from), rows sum to 1.

    `groups`: for each block the weights (N, heads, T, T) of its attentions. The skip connection counts as much as each
    of them: A <- (A + I) / 2, and with two in parallel (A + B + I) / 3, as their outputs add up.
    """
    example = groups[0][0]
    identity = torch.eye(example.shape[-1], device=example.device)
    flow = identity.expand(len(example), -1, -1)
    for group in groups:
        fused = [part.float().mean(dim=1) if heads == "mean" else part.float().amax(dim=1) for part in group]
        mixed = torch.stack(fused).sum(dim=0) + identity
        flow = mixed / mixed.sum(dim=-1, keepdim=True) @ flow
    return flow
