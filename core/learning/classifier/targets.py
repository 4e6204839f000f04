"""What a network in training is told: smoothed labels, and the same for pictures mixed in pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MixRecipe:
    """How often and how two pictures become one. Mixup: Zhang et al. 2018; CutMix: Yun et al. 2019."""

    share: float
    """Of the batches, so many are mixed: half of them by mixup, half by CutMix."""
    mixup: float
    """Parameter of mixup's Beta distribution; 0: no mixup."""
    cutmix: float
    """Parameter of CutMix's Beta distribution; 0: no CutMix."""


def smoothed(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Labels (B,) as shares of the classes (B, K): `smoothing` is spread over all, the rest is the label's."""
    return functional.one_hot(labels, classes).float() * (1 - smoothing) + smoothing / classes


def mixed(
    pictures: Tensor, targets: Tensor, recipe: MixRecipe, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) and targets (B, K) mixed with those of the reversed batch, or left as they are."""
    kinds = [kind for kind in ("mixup", "cutmix") if getattr(recipe, kind)]
    if not kinds or generator.random() >= recipe.share:
        return pictures, targets
    kind = kinds[generator.integers(len(kinds))]
    parameter = getattr(recipe, kind)
    kept = float(generator.beta(parameter, parameter))
    if kind == "mixup":
        pictures = pictures * kept + pictures.flip(0) * (1 - kept)
    else:
        pictures, kept = _with_patch(pictures, kept, generator)
    return pictures, targets * kept + targets.flip(0) * (1 - kept)


def _with_patch(pictures: Tensor, kept: float, generator: np.random.Generator) -> tuple[Tensor, float]:
    """A box of each picture comes from its partner; the share of the area that was really kept."""
    height, width = pictures.shape[-2:]
    side = np.sqrt(1 - kept) / 2
    middle_y, middle_x = generator.integers(height), generator.integers(width)
    top, bottom = np.clip([middle_y - side * height, middle_y + side * height], 0, height).astype(int)
    left, right = np.clip([middle_x - side * width, middle_x + side * width], 0, width).astype(int)
    pictures = pictures.clone()
    pictures[..., top:bottom, left:right] = pictures.flip(0)[..., top:bottom, left:right]
    return pictures, 1 - float((bottom - top) * (right - left)) / (height * width)
