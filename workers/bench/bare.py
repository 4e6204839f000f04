"""Bare optimization loops in plain torch, as the baseline of the methods that optimize a picture.

They record, check, preview and store nothing, and use neither loop nor parameterizations nor transforms of the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from core.engine.activations import output_of
from core.networks.layout import layer_at
from core.networks.network import Network
from workers.bench.interleaved import Step

SPREAD = 0.01
COLORS = ((0.56, 0.19, 0.04), (0.58, 0.0, -0.11), (0.58, -0.19, 0.06))


def loop(leaf: Tensor, loss: Callable[[], Tensor], make: Callable[[list[Tensor]], Optimizer]) -> Step:
    """A step of the optimizer on `leaf`: forward and backward through `loss`."""
    optimizer = make([leaf])

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    step()  # one-time work: choice of kernels, state of the optimizer
    return step


def adam(learning_rate: float) -> Callable[[list[Tensor]], Optimizer]:
    """Adam of this learning rate."""
    return lambda tensors: torch.optim.Adam(tensors, lr=learning_rate, fused=True)


def sgd(learning_rate: float) -> Callable[[list[Tensor]], Optimizer]:
    """Plain gradient descent of this learning rate."""
    return lambda tensors: torch.optim.SGD(tensors, lr=learning_rate, fused=True)


def pixels(picture: Tensor) -> Tensor:
    """The picture (N, 3, H, W) as a leaf."""
    return picture.clone(memory_format=torch.contiguous_format).requires_grad_()


def fourier(count: int, height: int, width: int) -> tuple[Tensor, Callable[[], Tensor]]:
    """A leaf of Fourier coefficients (N, 3, H, W // 2 + 1, 2), and a function that renders it, (N, 3, H, W)."""
    leaf = (torch.randn(count, 3, height, width // 2 + 1, 2) * SPREAD).requires_grad_()
    cycles = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    scale = math.sqrt(height * width) / cycles.clamp_min(1 / max(height, width))[..., None]
    colors = torch.tensor(COLORS)

    def picture() -> Tensor:
        spectrum = torch.view_as_complex(leaf * scale)
        channels = torch.fft.irfft2(spectrum, s=(height, width)) / 4
        return torch.einsum("rc,nchw->nrhw", colors, channels).sigmoid()

    return leaf, picture


def transformed(picture: Tensor) -> Tensor:
    """Each picture randomly shifted by up to 6 %, scaled by up to 10 %, rotated by up to 8 degrees."""
    shift, (scale, turn) = torch.rand(len(picture), 2, 1) * 0.24 - 0.12, torch.rand(2, len(picture), 1) * 2 - 1
    scale, turn = 1 + 0.1 * scale, math.radians(8) * turn
    cosine, sine = turn.cos() / scale, turn.sin() / scale
    maps = torch.stack((torch.cat((cosine, -sine, shift[:, 0]), 1), torch.cat((sine, cosine, shift[:, 1]), 1)), dim=1)
    grid = functional.affine_grid(maps, list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def first_half(network: Network) -> Callable[[Tensor], Tensor]:
    """Pictures -> output of the layer at 50 % depth; the rest of the network does not run."""
    layer: nn.Module = network.layer(layer_at(network, 0.5))
    return lambda pictures: output_of(layer, network, pictures)
