"""Which positions of a tensor do not depend on the pictures: class token, positions, what a network adds by itself.

Nothing rests on these. Where a constant and a picture's values lie in one tensor, such as the class token before the
first block, a mask says which is which; it goes along until everything depends on the pictures.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from core.engine.attribution.unravelling.operations import Operation, Value

JOINING = frozenset({"cat", "stack"})
MOVING = frozenset({
    "view", "_unsafe_view", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select",
    "split", "split_with_sizes", "unsafe_split", "unbind", "expand", "alias", "detach", "clone", "contiguous", "roll",
    "flip", "index", "index_select", "repeat", "_to_copy",
})  # fmt: skip
"""Each position of the outcome is one of what goes in, unchanged."""
ALONG_ROWS = frozenset({"native_layer_norm", "_fused_rms_norm", "mm", "addmm"})
"""Each position of the outcome depends on its row, the last dimension, alone."""
BY_ELEMENT = frozenset({
    "add", "sub", "mul", "div", "relu", "gelu", "silu", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "tanh",
    "leaky_relu", "elu", "clamp", "neg", "native_dropout", "_prelu_kernel", "mish", "softplus",
})  # fmt: skip


def spread(operation: Operation) -> None:
    """Set the masks of what came out of it."""
    tensors, name = operation.values, operation.name
    joins = name in JOINING and not all(value.live for value in tensors)
    if not joins and all(value.mask is None for value in tensors):
        return
    outcome = operation.outputs[0]
    if name in JOINING or name in MOVING:
        masks = operation.called(lambda value: _moved_mask(value, operation))
        for value, mask in zip(operation.outputs, masks if isinstance(masks, list | tuple) else [masks], strict=True):
            value.mask = None if mask.all() else mask
    elif name in ALONG_ROWS:
        rows = torch.stack([mask_of(value).any(dim=-1) for value in tensors if value.live]).any(dim=0)
        outcome.mask = None if rows.all() else rows[..., None].expand(outcome.shape)
    elif name in BY_ELEMENT:
        masks = [mask_of(value) for value in tensors]
        either = reduce(torch.logical_or, masks).expand(outcome.shape)
        outcome.mask = None if either.all() else either


def _moved_mask(value: Value, operation: Operation) -> Tensor:
    """A tensor of numbers that say where to move from, as `index` has them, stays as it is."""
    if operation.name in {"index", "index_select"} and not value.live:
        return value.data
    return mask_of(value).contiguous()


def mask_of(value: Value) -> Tensor:
    """True where the value depends on the pictures, of its shape."""
    if value.mask is not None:
        return value.mask
    return torch.full(value.shape, value.live, dtype=torch.bool, device=value.device)
