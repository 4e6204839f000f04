"""Pictures with their patches shuffled: all local details stay, the shape goes."""

from __future__ import annotations

import torch
from torch import Tensor


def shuffled(picture: Tensor, parts: int, generator: torch.Generator) -> Tensor:
    """Pictures (N, C, H, W), each with its `parts` x `parts` patches in a random order of its own.

    Where `parts` does not divide a side, the remainder at the right and at the bottom stays in place.
    """
    patch_h, patch_w = picture.shape[2] // parts, picture.shape[3] // parts
    count, channels = picture.shape[:2]
    inner = picture[:, :, : patch_h * parts, : patch_w * parts]
    patches = inner.reshape(count, channels, parts, patch_h, parts, patch_w).permute(0, 2, 4, 1, 3, 5)
    patches = patches.reshape(count, parts**2, channels, patch_h, patch_w)
    orders = torch.stack([torch.randperm(parts**2, generator=generator) for _ in picture])
    shuffled_patches = patches.gather(1, orders.to(picture.device)[:, :, None, None, None].expand_as(patches))
    shuffled_patches = shuffled_patches.reshape(count, parts, parts, channels, patch_h, patch_w).permute(
        0, 3, 1, 4, 2, 5
    )
    result = picture.clone()
    result[:, :, : patch_h * parts, : patch_w * parts] = shuffled_patches.reshape(inner.shape)
    return result
