"""Evaluation of a trained generator: result items in stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.engine.seeding import seed_of
from core.items import Animation, Image, Item, Scalar
from core.learning.gan.features import features
from core.learning.gan.latents import closed_path, numbered_latents
from core.learning.gan.learner import COLUMNS, SAMPLES, GanLearner, generated
from core.learning.gan.neighbors import mean_distance, nearest
from core.learning.gan.networks import Generator
from core.learning.pictures import Pictures, as_values
from core.learning.sheets import paired_sheet, sheet, sheets
from core.learning.stored import parameter_count
from core.measures.frechet import MIN_PICTURES, frechet_distances
from core.networks.network import Network

MAX_COMPARED = 500
"""Maximal number of pictures of each kind to compare."""
PAIRS_A_ROW = 8
STEPS_BETWEEN = 8
"""Frames of a walk from one latent to the next."""
FRAME_MS = 120
ANIMATION_FRAME_MS = 200
MIN_DISTANCE = 1e-6
RELATIVE = "times that of held-out pictures"

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained generator with its pictures and the judge."""

    learner: GanLearner
    pictures: Pictures
    judge: Network | None
    """None where there are too few pictures for a Frechet distance."""
    seed: int

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """The stages of the evaluation; each returns some of the items."""
        return self.samples, self.neighbors, self.distances

    def samples(self) -> Items:
        """Samples, the progress of the training, and a walk through the samples."""
        generator = self.learner.ema
        latents = numbered_latents(range(SAMPLES), generator.design.latent)
        animation = as_values(self.learner.progress.animation())
        return {
            "samples": Image(pixels=sheet(generated(generator, latents), COLUMNS)),
            "progress": Animation(
                frames=sheets(animation, COLUMNS), frame_ms=ANIMATION_FRAME_MS, labels=self.learner.progress.labels()
            ),
            "walk": walk(generator, latents),
            "parameters": Scalar(value=parameter_count(self.learner.generator)),
        }

    def neighbors(self) -> Items:
        """Samples compared with training pictures and each other, by pixels."""
        return by_pixels(self._samples, self._held_out, self.pictures.training)

    def distances(self) -> Items:
        """Frechet distance between samples and held-out pictures in the judge's features."""
        if self.judge is None:
            return {}
        kinds = (self._training, self._held_out, self._samples)
        distance, floor = frechet_distances(*(features(self.judge, pictures) for pictures in kinds))
        subject = f"{self.judge.card.name}'s features"
        return {
            "frechet_distance": Scalar(value=distance, subject=subject),
            "frechet_floor": Scalar(value=floor, subject=subject),
        }

    @cached_property
    def _held_out(self) -> Tensor:
        return self._subset(self.pictures.held_out)

    @cached_property
    def _training(self) -> Tensor:
        return self._subset(self.pictures.training)

    @cached_property
    def _samples(self) -> Tensor:
        """As many samples as held-out pictures, at least 16; the first 16 are those of `samples`."""
        latents = numbered_latents(range(max(SAMPLES, len(self._held_out))), self.learner.ema.design.latent)
        return generated(self.learner.ema, latents)

    def _subset(self, pictures: Tensor) -> Tensor:
        """A random subset of `pictures` (N, C, S, S) uint8, in [0, 1]."""
        indices = np.random.default_rng(seed_of(self.seed)).permutation(len(pictures))[: self._compared]
        return as_values(pictures[torch.from_numpy(indices)])

    @property
    def _compared(self) -> int:
        """Number of pictures of each kind: the same for all, as the distance depends on it."""
        return min(MAX_COMPARED, len(self.pictures.held_out), len(self.pictures.training))


def by_pixels(samples: Tensor, held_out: Tensor, training: Tensor) -> Items:
    """Items on whether samples (N, C, S, S) copy `training` (K, C, S, S) uint8, or each other.

    Both relative to `held_out` (M, C, S, S), which are no copies; without diversity where M is 1.
    """
    neighbors = nearest(samples, training)
    expected = float(nearest(held_out, training).distances.mean())
    copying = float(neighbors.distances.mean()) / max(expected, MIN_DISTANCE)
    items: Items = {
        "nearest": Image(pixels=paired_sheet(samples[:SAMPLES], neighbors.pictures[:SAMPLES], PAIRS_A_ROW)),
        "copying": Scalar(value=copying, unit=RELATIVE),
    }
    if len(held_out) > 1:
        diversity = mean_distance(samples) / max(mean_distance(held_out), MIN_DISTANCE)
        items["diversity"] = Scalar(value=diversity, unit=RELATIVE)
    return items


def has_enough_pictures(pictures: Pictures) -> bool:
    """Whether there are enough pictures for a Frechet distance."""
    return min(len(pictures.held_out), len(pictures.training)) >= MIN_PICTURES


def walk(generator: Generator, latents: Tensor) -> Animation:
    """An animation along the closed path through `latents` (K, D)."""
    frames = generated(generator, closed_path(latents, STEPS_BETWEEN))
    return Animation(frames=sheets(frames[:, None], 1), frame_ms=FRAME_MS)
