"""Amount of detail in a picture: the energy of its edges under Sobel filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor

Measure = Literal["mse", "mae"]

MEASURES: Mapping[Measure, Callable[[Tensor], Tensor]] = {"mse": torch.square, "mae": torch.abs}


class _Sobel(torch.autograd.Function):
    """Both Sobel filters; the backward pass is their transpose, in place, in a third of autograd's time."""

    @staticmethod
    def forward(_: Any, picture: Tensor) -> tuple[Tensor, Tensor]:
        return _smoothed(_difference(picture, -1), -2), _smoothed(_difference(picture, -2), -1)

    @staticmethod
    def backward(_: Any, along_x: Tensor, along_y: Tensor) -> Tensor:
        gradient = _difference_transposed(_smoothed_transposed(along_x, -2), -1)
        return gradient.add_(_difference_transposed(_smoothed_transposed(along_y, -1), -2))


def sobel(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel responses along x and along y, each (N, C, H - 2, W - 2), of each color channel separately.

    The filter is (-1, 0, 1) along one axis and (1, 2, 1) along the other, taken one after the other: twice as fast on a
    CPU as a 3 x 3 convolution, and left in float32 by autocast.
    """
    return cast(tuple[Tensor, Tensor], _Sobel.apply(picture))


def energy(picture: Tensor, measure: Measure = "mse") -> Tensor:
    """mean e(S_h * x) + mean e(S_v * x) of each picture, (N, C, H, W) -> (N,); e the square (mse) or absolute value."""
    error = MEASURES[measure]
    along_x, along_y = sobel(picture)
    total = error(along_x).sum(dim=(1, 2, 3)) + error(along_y).sum(dim=(1, 2, 3))
    return total / along_x[0].numel()


def _difference(picture: Tensor, axis: int) -> Tensor:
    inner = picture.shape[axis] - 2
    return picture.narrow(axis, 2, inner) - picture.narrow(axis, 0, inner)


def _smoothed(picture: Tensor, axis: int) -> Tensor:
    inner = picture.shape[axis] - 2
    sides = picture.narrow(axis, 0, inner) + picture.narrow(axis, 2, inner)
    return sides.add(picture.narrow(axis, 1, inner), alpha=2)


def _difference_transposed(responses: Tensor, axis: int) -> Tensor:
    inner = responses.shape[axis]
    values = _zeros_padded(responses, axis)
    values.narrow(axis, 2, inner).add_(responses)
    values.narrow(axis, 0, inner).sub_(responses)
    return values


def _smoothed_transposed(responses: Tensor, axis: int) -> Tensor:
    inner = responses.shape[axis]
    values = _zeros_padded(responses, axis)
    for place, weight in enumerate((1, 2, 1)):
        values.narrow(axis, place, inner).add_(responses, alpha=weight)
    return values


def _zeros_padded(responses: Tensor, axis: int) -> Tensor:
    """Zeros of the same shape, but two longer along `axis`."""
    shape = list(responses.shape)
    shape[axis] += 2
    return responses.new_zeros(shape)
