"""What a network in training is shown: batches of pictures, each cropped, flipped and altered at random.

All that is random is drawn from the seed, the epoch and the batch's number alone: networks trained with the same seed
see the same pictures in the same order, and a training that was killed goes on as if it had not been.
"""

from __future__ import annotations

import io
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

DECODED_BYTES = 2**32
"""Decoded pictures stay in memory up to here; beyond it each is decoded whenever it is shown."""

KEPT_BYTES = 2**32
"""Views that come again stay in memory up to here."""

Batch = tuple[Tensor, Tensor]
"""Pictures (B, 3, H, W) uint8, labels (B,) int64."""
Transform = Callable[[PillowImage.Image], Tensor]


@dataclass(frozen=True)
class ViewRecipe:
    """How a picture is altered before it is shown."""

    height: int
    width: int
    least_crop: float
    """Share of the picture's area that a random crop keeps at least."""
    flip: bool
    magnitude: float
    """Of RandAugment, two operations a picture, 0 (none) to 10."""

    def transform(self) -> Transform:
        """timm's pipeline, picture -> (3, H, W) uint8; it draws from Python's and NumPy's global generators."""
        alter = f"rand-m{self.magnitude:g}-n2-mstd0.5-inc1" if self.magnitude else None
        return cast(
            Transform,
            create_transform(
                (3, self.height, self.width),
                is_training=True,
                scale=(self.least_crop, 1.0),
                hflip=0.5 if self.flip else 0.0,
                auto_augment=alter,
                color_jitter=0.0,
                interpolation="bilinear",
                normalize=False,
            ),
        )


class Examples:
    """The pictures to learn from, and those that are held out to measure what was learned."""

    def __init__(self, dataset: Dataset, height: int, width: int) -> None:
        self.class_names = dataset.class_names
        self.training = np.flatnonzero(~dataset.held_out)
        self.labels = torch.tensor(dataset.labels)
        self._encoded = dataset.pictures
        self._decoded: dict[int, Pixels] = {}
        self._room = DECODED_BYTES
        tests = np.flatnonzero(dataset.held_out)
        transform = create_transform((3, height, width), crop_pct=1.0, interpolation="bicubic", normalize=False)
        self.held_out: Tensor = torch.stack([transform(self.picture(index)) for index in tests.tolist()])
        """(N, 3, H, W) uint8, as a network's own preparation makes them."""
        self.held_out_labels = self.labels[tests]

    def picture(self, index: int) -> PillowImage.Image:
        """One picture; decoded once where all of them fit into memory."""
        if (pixels := self._decoded.get(index)) is None:
            with PillowImage.open(io.BytesIO(self._encoded[index])) as image:
                pixels = np.asarray(image.convert("RGB"))
            if pixels.nbytes <= self._room:
                self._decoded[index] = pixels
                self._room -= pixels.nbytes
        return PillowImage.fromarray(pixels)


class EpochViews(TorchDataset[Batch]):
    """The batches of one epoch, by number; what is left over after the last whole batch waits for another epoch."""

    def __init__(self, examples: Examples, recipe: ViewRecipe, batch: int, seed: Sequence[int]) -> None:
        """`seed`: the numbers that decide this epoch."""
        self.examples = examples
        self.transform = recipe.transform()
        self.seed = tuple(seed)
        order = np.random.default_rng(self.seed).permutation(examples.training)
        self.batches = order[: len(order) // batch * batch].reshape(-1, batch)
        self.digest = digest_of([asdict(recipe), self.batches.tolist(), list(self.seed)])
        """Of everything that decides the views, but the pictures."""

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        indices = self.batches[number]
        with seeded(*self.seed, number):
            views = torch.stack([self.transform(self.examples.picture(index)) for index in indices.tolist()])
        return views, self.examples.labels[indices]


class Views:
    """The views of all epochs. Those that come again stay in memory, as far as there is room."""

    def __init__(
        self, examples: Examples, recipe: ViewRecipe, batch: int, seed: int, distinct: int, device: torch.device
    ) -> None:
        """`distinct`: epochs after which the same views come again; 0: never."""
        self.examples, self.recipe, self.batch, self.seed, self.distinct = examples, recipe, batch, seed, distinct
        self._processes = spare_cores(device)
        self._kept: dict[int, list[Batch]] = {}
        pixels = recipe.height * recipe.width * 3 * len(examples.training)
        self._room = min(distinct, KEPT_BYTES // max(1, pixels))

    def epoch(self, epoch: int) -> EpochViews:
        """The views of an epoch, not made yet."""
        return EpochViews(self.examples, self.recipe, self.batch, (self.seed, self._number(epoch)))

    def batches(self, epoch: int, first: int = 0) -> Iterator[tuple[int, Batch]]:
        """(number, batch) of an epoch from batch `first` on."""
        number = self._number(epoch)
        if number not in self._kept:
            made = self._made(self.epoch(epoch), first)
            if first or len(self._kept) >= self._room:
                yield from made
                return
            self._kept[number] = [batch for _, batch in made]
        yield from islice(enumerate(self._kept[number]), first, None)

    def _number(self, epoch: int) -> int:
        return epoch % self.distinct if self.distinct else epoch

    def _made(self, views: EpochViews, first: int) -> Iterator[tuple[int, Batch]]:
        remaining = range(first, len(views))
        loader = DataLoader(
            views, batch_size=None, sampler=remaining, num_workers=self._processes,
            generator=torch.Generator(),  # else it would draw from the global one
        )  # fmt: skip
        yield from zip(remaining, loader, strict=True)
