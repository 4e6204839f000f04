"""Pictures prepared for a trained autoencoder."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from core.datasets.dataset import Dataset
from core.items import Pixels
from core.learning.autoencoder.autoencoder import Design
from core.learning.pictures import center_crop, center_crops, check_memory, with_channels


def prepare(pixels: Pixels, design: Design, device: torch.device | str) -> Tensor:
    """One picture (H, W, 3) uint8 prepared for an autoencoder of this design, (1, C, S, S) uint8."""
    crop = center_crop(PillowImage.fromarray(pixels), design.side_px)
    return with_channels(torch.from_numpy(crop.transpose(2, 0, 1)[None].copy()), design.channels).to(device)


def prepare_all(dataset: Dataset, design: Design, device: torch.device | str) -> Tensor:
    """All pictures of a data set, prepared in its order, (N, C, S, S) uint8. Raises BadParameter if it is too large."""
    check_memory(len(dataset), design.side_px)
    crops = center_crops(dataset.pictures, np.arange(len(dataset)), design.side_px)
    return with_channels(crops, design.channels).to(device)
