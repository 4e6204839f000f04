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
from core.measures.principal import is_constant
from core.networks.network import Network

MAX_COMPARED = 500
"""Maximal number of pictures of each kind to compare."""
PAIRS_A_ROW = 8
STEPS_BETWEEN = 8
"""Frames of a walk from one latent to the next."""
FRAME_MS = 120
ANIMATION_FRAME_MS = 200
MIN_DISTANCE = 0.5 / 255
"""Distance below which pictures are the same: half a step of 8 bits."""
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
            return _frechet_items(reason=f"it needs {MIN_PICTURES} pictures of each part")
        subject = f"{self.judge.card.name}'s features"
        training, held_out, samples = (
            features(self.judge, pictures) for pictures in (self._training, self._held_out, self._samples)
        )
        if is_constant(training):
            return _frechet_items(subject=subject, reason="all training pictures have the same features")
        return _frechet_items(*frechet_distances(training, held_out, samples), subject=subject)

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

    Both relative to `held_out` (M, C, S, S); those that also stand among the training pictures say nothing on copying.
    """
    neighbors = nearest(samples, training)
    distances = nearest(held_out, training).distances
    copying = _relative(
        neighbors.distances, distances[distances > MIN_DISTANCE], "every held-out picture is also a training picture"
    )
    return {
        "nearest": Image(pixels=paired_sheet(samples[:SAMPLES], neighbors.pictures[:SAMPLES], PAIRS_A_ROW)),
        "copying": copying,
        "diversity": _diversity(samples, held_out),
    }


def _relative(distances: Tensor, expected: Tensor, reason: str) -> Scalar:
    """Mean of `distances` (N,) over the mean of `expected` (M,); no number, for `reason`, where M is 0."""
    if not len(expected):
        return Scalar(value=None, unit=RELATIVE, reason=reason)
    return Scalar(value=float(distances.mean() / expected.mean()), unit=RELATIVE)


def _diversity(samples: Tensor, held_out: Tensor) -> Scalar:
    """Mean distance between samples, relative to that between held-out pictures."""
    if len(held_out) < 2:
        return Scalar(value=None, unit=RELATIVE, reason="one held-out picture has no distance to another")
    expected = mean_distance(held_out)
    if expected < MIN_DISTANCE:
        return Scalar(value=None, unit=RELATIVE, reason="all held-out pictures are the same")
    return Scalar(value=mean_distance(samples) / expected, unit=RELATIVE)


def _frechet_items(
    distance: float | None = None, floor: float | None = None, subject: str = "", reason: str = ""
) -> Items:
    """Distance and floor, or no numbers for the `reason`."""
    return {
        "frechet_distance": Scalar(value=distance, subject=subject, reason=reason),
        "frechet_floor": Scalar(value=floor, subject=subject, reason=reason),
    }


def has_enough_pictures(pictures: Pictures) -> bool:
    """Whether there are enough pictures for a Frechet distance."""
    return min(len(pictures.held_out), len(pictures.training)) >= MIN_PICTURES


def walk(generator: Generator, latents: Tensor) -> Animation:
    """An animation along the closed path through `latents` (K, D)."""
    frames = generated(generator, closed_path(latents, STEPS_BETWEEN))
    return Animation(frames=sheets(frames[:, None], 1), frame_ms=FRAME_MS)
