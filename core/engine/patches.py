"""A picture cut into patches and put together in another order: all of its details, none of its shape."""

from __future__ import annotations

import torch
from torch import Tensor


def shuffled(picture: Tensor, parts: int, generator: torch.Generator) -> Tensor:
    """Pictures (N, C, H, W), each cut into `parts` x `parts` patches in a random order of its own.

    What is left over where `parts` does not divide a side stays where it is, on the right and below.
    """
    patch_h, patch_w = picture.shape[2] // parts, picture.shape[3] // parts
    count, channels = picture.shape[:2]
    inner = picture[:, :, : patch_h * parts, : patch_w * parts]
    patches = inner.reshape(count, channels, parts, patch_h, parts, patch_w).permute(0, 2, 4, 1, 3, 5)
    patches = patches.reshape(count, parts**2, channels, patch_h, patch_w)
    orders = torch.stack([torch.randperm(parts**2, generator=generator) for _ in picture])
    moved = patches.gather(1, orders.to(picture.device)[:, :, None, None, None].expand_as(patches))
    moved = moved.reshape(count, parts, parts, channels, patch_h, patch_w).permute(0, 3, 1, 4, 2, 5)
    result = picture.clone()
    result[:, :, : patch_h * parts, : patch_w * parts] = moved.reshape(inner.shape)
    return result
