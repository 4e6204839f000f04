"""Checkerboard artifacts: energy at the frequency of a stride (Odena et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

STRIDE_PX = 2


def stride_energy(pictures: Tensor) -> float:
    """Mean energy of pictures (N, C, H, W) of even sides at the frequency of a stride of 2 px.

    The sum of squared amplitudes of waves with a period of 2 px along x, along y, or along both. A checkerboard of 0
    and 1 has 0.25, as have stripes of 1 px.
    """
    height, width = pictures.shape[-2:]
    power = torch.fft.fft2(pictures.double()).abs().square() / (height * width) ** 2  # of amplitudes
    along_y, along_x = power[..., height // STRIDE_PX, :], power[..., :, width // STRIDE_PX]
    both = power[..., height // STRIDE_PX, width // STRIDE_PX]
    return float((along_y.sum(-1) + along_x.sum(-1) - both).mean())
