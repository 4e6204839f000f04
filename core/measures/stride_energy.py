"""What a stride leaves in a picture: energy at its frequency, of which a checkerboard is made (Odena et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

STRIDE_PX = 2


def stride_energy(pictures: Tensor) -> float:
    """Mean energy of pictures (N, C, H, W) of even sides at the frequency of a stride of 2 px.

    That is of the waves that go up and down once in 2 px along x, along y, or along both: the square of their
    amplitudes, added up. A checkerboard of 0 and 1 has 0.25, black and white lines of 1 px too.
    """
    height, width = pictures.shape[-2:]
    waves = torch.fft.fft2(pictures.double()).abs().square() / (height * width) ** 2  # of amplitudes
    upright, across = waves[..., height // STRIDE_PX, :], waves[..., :, width // STRIDE_PX]
    both = waves[..., height // STRIDE_PX, width // STRIDE_PX]
    return float((upright.sum(-1) + across.sum(-1) - both).mean())
