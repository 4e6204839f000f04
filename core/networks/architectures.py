"""Two architectures in addition to timm's: a Mixer of any size, and the concentrator (a ResNet with evidence maps)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn
from torch.nn import functional

_SHARED = {"url": "", "num_classes": 1000, "crop_pct": 1.0, "interpolation": "bicubic"}

default_cfgs = generate_default_cfgs(
    {
        "open_mixer": _SHARED | {"input_size": (3, 64, 64), "first_conv": "stem.proj", "classifier": "head"},
        "concentrator": _SHARED | {"input_size": (3, 64, 64), "first_conv": "conv1.0", "classifier": "evidence"},
    }
)


class LogMeanExp(nn.Module):
    """Log of the mean of exp over the positions of (N, K, H, W): a soft maximum per picture and class, (N, K).

    It lies between mean and maximum, closer to the maximum the more one position exceeds the others. The mean makes it
    independent of the size of the grid.
    """

    def forward(self, evidence: Tensor) -> Tensor:
        """Logits (N, K) of evidence maps (N, K, H, W)."""
        positions = evidence.flatten(2)
        return positions.logsumexp(dim=2) - math.log(positions.shape[2])


class Concentrator(ResNet):
    """timm's ResNet with a classifier at every position, pooled by a soft maximum.

    `evidence` is a 1 x 1 convolution whose output (N, K, H, W) is an evidence map per class; `LogMeanExp` pools each
    map to a logit. Fully convolutional, hence for pictures of any size.

    It was trained at `base_px`. A larger picture is evaluated at several scales, with its shorter side at `base_px`,
    twice that, and so on up to its own size, so that large objects are found too; scales are pooled as positions are.
    """

    def __init__(self, num_classes: int = 1000, base_px: int = 64, **kwargs: Any) -> None:
        super().__init__(cast(Any, BasicBlock), num_classes=0, global_pool="", **kwargs)
        self.num_classes = num_classes
        self.base_px = base_px
        self.evidence = nn.Conv2d(self.num_features, num_classes, 1)
        self.join = LogMeanExp()

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """The 1 x 1 convolution, or its name."""
        return "evidence" if name_only else self.evidence

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:  # noqa: ARG002  there is one pooling
        """Replace the classifier by one with random weights for `num_classes` classes."""
        self.num_classes = num_classes
        self.evidence = nn.Conv2d(self.num_features, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K) of pictures (N, 3, H, W)."""
        scales = [self.forward_head(self.forward_features(scaled)) for scaled in _scales(x, self.base_px)]
        return scales[0] if len(scales) == 1 else torch.stack(scales).logsumexp(dim=0) - math.log(len(scales))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Logits (N, K) of features (N, C, H, W); the features themselves if `pre_logits`."""
        return x if pre_logits else self.join(self.evidence(x))


def _scales(pictures: Tensor, base_px: int) -> Iterator[Tensor]:
    """`pictures` (N, 3, H, W) with a shorter side of `base_px`, twice that, and so on up to their own size."""
    height, width = pictures.shape[2:]
    shorter, side = min(height, width), base_px
    while side <= max(shorter, base_px):
        size = round(height * side / shorter), round(width * side / shorter)
        yield (
            pictures
            if size == (height, width)
            else functional.interpolate(pictures, size=size, mode="bicubic", antialias=True, align_corners=False)
        )
        side *= 2


@register_model
def open_mixer(pretrained: bool = False, **kwargs: Any) -> MlpMixer:
    """timm's MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601) with all sizes as arguments."""
    return build_model_with_cfg(MlpMixer, "open_mixer", pretrained, **kwargs)


@register_model
def concentrator(pretrained: bool = False, **kwargs: Any) -> Concentrator:
    """A `Concentrator`."""
    return build_model_with_cfg(Concentrator, "concentrator", pretrained, **kwargs)
