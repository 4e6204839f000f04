"""Training targets: smoothed labels, and those of pictures mixed in pairs (mixup, CutMix)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MixRecipe:
    """How often and how pictures are mixed. Mixup: Zhang et al. 2018; CutMix: Yun et al. 2019."""

    share: float
    """Share of the batches that are mixed: half of them by mixup, half by CutMix."""
    mixup: float
    """Parameter of mixup's Beta distribution; 0: no mixup."""
    cutmix: float
    """Parameter of CutMix's Beta distribution; 0: no CutMix."""


def smoothed(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Labels (B,) as class probabilities (B, K), with the share `smoothing` spread over all classes."""
    return functional.one_hot(labels, classes).float() * (1 - smoothing) + smoothing / classes


def mixed(
    pictures: Tensor, targets: Tensor, recipe: MixRecipe, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) and targets (B, K), mixed with those of the reversed batch or unchanged."""
    kinds = [kind for kind in ("mixup", "cutmix") if getattr(recipe, kind)]
    if not kinds or generator.random() >= recipe.share:
        return pictures, targets
    kind = kinds[generator.integers(len(kinds))]
    parameter = getattr(recipe, kind)
    own_share = float(generator.beta(parameter, parameter))
    if kind == "mixup":
        pictures = pictures * own_share + pictures.flip(0) * (1 - own_share)
    else:
        pictures, own_share = _with_patch(pictures, own_share, generator)
    return pictures, targets * own_share + targets.flip(0) * (1 - own_share)


def _with_patch(pictures: Tensor, own_share: float, generator: np.random.Generator) -> tuple[Tensor, float]:
    """Pictures with a random box from their partner, and the share of the area that is their own."""
    height, width = pictures.shape[-2:]
    side = np.sqrt(1 - own_share) / 2
    middle_y, middle_x = generator.integers(height), generator.integers(width)
    top, bottom = np.clip([middle_y - side * height, middle_y + side * height], 0, height).astype(int)
    left, right = np.clip([middle_x - side * width, middle_x + side * width], 0, width).astype(int)
    pictures = pictures.clone()
    pictures[..., top:bottom, left:right] = pictures.flip(0)[..., top:bottom, left:right]
    return pictures, 1 - float((bottom - top) * (right - left)) / (height * width)
