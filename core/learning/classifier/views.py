"""Training batches: views of pictures, randomly cropped, flipped and augmented.

Random numbers depend on the seed, the epoch and the batch's number alone: networks trained with the same seed see the
same views in the same order, and a killed training continues as if it had not been killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import cast

import numpy as np
import torch
from PIL import Image as PillowImage
from timm.data.transforms_factory import create_transform
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from core.canonical import digest_of
from core.datasets.dataset import Dataset
from core.engine.seeding import seeded
from core.items import Pixels
from core.learning.classifier.precision import spare_cores
from core.media.picture import decoded

DECODED_BYTES = 2**32
"""Maximal memory for decoded pictures; all others are decoded for each view."""

CACHE_BYTES = 2**32
"""Maximal memory for repeated views."""

Batch = tuple[Tensor, Tensor]
"""Pictures (B, 3, H, W) uint8, labels (B,) int64."""
Transform = Callable[[PillowImage.Image], Tensor]


@dataclass(frozen=True)
class ViewRecipe:
    """How a view is made from a picture."""

    height: int
    width: int
    min_crop: float
    """Minimal area of a random crop, as a share of the picture's."""
    flip: bool
    magnitude: float
    """Magnitude of RandAugment with two operations per picture, 0 (none) to 10."""

    def transform(self) -> Transform:
        """timm's pipeline, picture -> (3, H, W) uint8; it uses Python's and NumPy's global generators."""
        randaugment = f"rand-m{self.magnitude:g}-n2-mstd0.5-inc1" if self.magnitude else None
        return cast(
            Transform,
            create_transform(
                (3, self.height, self.width),
                is_training=True,
                scale=(self.min_crop, 1.0),
                hflip=0.5 if self.flip else 0.0,
                auto_augment=randaugment,
                color_jitter=0.0,
                interpolation="bilinear",
                normalize=False,
            ),
        )


class Examples:
    """The training and held-out pictures of a data set."""

    def __init__(self, dataset: Dataset, height: int, width: int) -> None:
        self.class_names = dataset.class_names
        self.training = np.flatnonzero(~dataset.held_out)
        self.labels = torch.tensor(dataset.labels)
        self._encoded = dataset.pictures
        self._decoded: dict[int, Pixels] = {}
        self._capacity = DECODED_BYTES
        held_out = np.flatnonzero(dataset.held_out)
        transform = create_transform((3, height, width), crop_pct=1.0, interpolation="bicubic", normalize=False)
        self.held_out: Tensor = torch.stack([transform(self.picture(index)) for index in held_out.tolist()])
        """(N, 3, H, W) uint8, preprocessed as for inference."""
        self.held_out_labels = self.labels[held_out]

    def picture(self, index: int) -> PillowImage.Image:
        """A picture of the data set; cached while memory allows."""
        if (pixels := self._decoded.get(index)) is None:
            pixels = np.asarray(decoded(self._encoded[index], f"picture {index} of the data set"))
            if pixels.nbytes <= self._capacity:
                self._decoded[index] = pixels
                self._capacity -= pixels.nbytes
        return PillowImage.fromarray(pixels)


class EpochViews(TorchDataset[Batch]):
    """The batches of one epoch, by number; an incomplete last batch is left out."""

    def __init__(self, examples: Examples, recipe: ViewRecipe, batch: int, seed: Sequence[int]) -> None:
        """`seed`: the numbers that determine this epoch."""
        self.examples = examples
        self.transform = recipe.transform()
        self.seed = tuple(seed)
        order = np.random.default_rng(self.seed).permutation(examples.training)
        self.batches = order[: len(order) // batch * batch].reshape(-1, batch)
        self.digest = digest_of([asdict(recipe), self.batches.tolist(), list(self.seed)])
        """Digest of everything that determines the views, except the pictures."""

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        indices = self.batches[number]
        with seeded(*self.seed, number):
            views = torch.stack([self.transform(self.examples.picture(index)) for index in indices.tolist()])
        return views, self.examples.labels[indices]


class Views:
    """The views of all epochs. Repeated views are cached while memory allows."""

    def __init__(
        self, examples: Examples, recipe: ViewRecipe, batch: int, seed: int, distinct: int, device: torch.device
    ) -> None:
        """`distinct`: epochs after which the same views repeat; 0: never."""
        self.examples, self.recipe, self.batch, self.seed, self.distinct = examples, recipe, batch, seed, distinct
        self._processes = spare_cores(device)
        self._cached: dict[int, list[Batch]] = {}
        pixels = recipe.height * recipe.width * 3 * len(examples.training)
        self._capacity = min(distinct, CACHE_BYTES // max(1, pixels))

    def epoch(self, epoch: int) -> EpochViews:
        """The views of an epoch, computed on access."""
        return EpochViews(self.examples, self.recipe, self.batch, (self.seed, self._number(epoch)))

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[int, Batch]]:
        """(number, batch) of an epoch, from batch `first` on."""
        number = self._number(epoch)
        if number not in self._cached:
            computed = self._computed(self.epoch(epoch), first)
            if first or len(self._cached) >= self._capacity:
                yield from computed
                return
            self._cached[number] = [batch for _, batch in computed]
        yield from islice(enumerate(self._cached[number]), first, None)

    def _number(self, epoch: int) -> int:
        return epoch % self.distinct if self.distinct else epoch

    def _computed(self, views: EpochViews, first: int) -> Iterator[tuple[int, Batch]]:
        remaining = range(first, len(views))
        loader = DataLoader(
            views, batch_size=None, sampler=remaining, num_workers=self._processes,
            generator=torch.Generator(),  # by default it uses the global one
        )  # fmt: skip
        yield from zip(remaining, loader, strict=True)
