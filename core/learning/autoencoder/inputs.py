"""Pictures as a trained autoencoder takes them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from core.datasets.dataset import Dataset
from core.items import Pixels
from core.learning.autoencoder.autoencoder import Design
from core.learning.pictures import check_memory, square, squares, with_channels


def fitted(pixels: Pixels, design: Design, device: torch.device | str) -> Tensor:
    """One picture (H, W, 3) as an autoencoder of this design takes it, (1, C, S, S) uint8."""
    found = square(PillowImage.fromarray(pixels), design.side_px)
    return with_channels(torch.from_numpy(found.transpose(2, 0, 1)[None].copy()), design.channels).to(device)


def all_fitted(dataset: Dataset, design: Design, device: torch.device | str) -> Tensor:
    """The same of a whole data set in its order, (N, C, S, S) uint8. Raises BadParameter where it is too large."""
    check_memory(len(dataset), design.side_px)
    found = squares(dataset.pictures, np.arange(len(dataset)), design.side_px)
    return with_channels(found, design.channels).to(device)
