"""Which elements of a tensor do not depend on the pictures, such as class tokens and position embeddings.

They support no point. Where one tensor holds constants and values of a picture, such as the class token before the
first block, a mask tells them apart; it is propagated until all elements depend on the pictures.
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
"""Each element of the output is an element of the input, unchanged."""
ALONG_ROWS = frozenset({"native_layer_norm", "_fused_rms_norm", "mm", "addmm"})
"""Each element of the output depends on its row, the last dimension, alone."""
BY_ELEMENT = frozenset({
    "add", "sub", "mul", "div", "relu", "gelu", "silu", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "tanh",
    "leaky_relu", "elu", "clamp", "neg", "native_dropout", "_prelu_kernel", "mish", "softplus",
})  # fmt: skip


def set_masks(operation: Operation) -> None:
    """Set the masks of the operation's outputs."""
    tensors, name = operation.values, operation.name
    joins = name in JOINING and not all(value.live for value in tensors)
    if not joins and all(value.mask is None for value in tensors):
        return
    output = operation.outputs[0]
    if name in JOINING or name in MOVING:
        masks = operation.run(lambda value: _moved_mask(value, operation))
        for value, mask in zip(operation.outputs, masks if isinstance(masks, list | tuple) else [masks], strict=True):
            value.mask = None if mask.all() else mask
    elif name in ALONG_ROWS:
        row_mask = torch.stack([mask_of(value).any(dim=-1) for value in tensors if value.live]).any(dim=0)
        output.mask = None if row_mask.all() else row_mask[..., None].expand(output.shape)
    elif name in BY_ELEMENT:
        masks = [mask_of(value) for value in tensors]
        any_mask = reduce(torch.logical_or, masks).expand(output.shape)
        output.mask = None if any_mask.all() else any_mask


def _moved_mask(value: Value, operation: Operation) -> Tensor:
    """Mask of an input, or the input itself where it holds indices, as in `index`."""
    if operation.name in {"index", "index_select"} and not value.live:
        return value.data
    return mask_of(value).contiguous()


def mask_of(value: Value) -> Tensor:
    """Boolean tensor of the value's shape, True where an element depends on the pictures."""
    if value.mask is not None:
        return value.mask
    return torch.full(value.shape, value.live, dtype=torch.bool, device=value.device)
