"""What is shown and measured of a generator that has learned."""

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
from core.learning.gan.latents import around, numbered
from core.learning.gan.learner import COLUMNS, SHOWN, GanLearner, drawn
from core.learning.gan.neighbors import mean_distance, nearest
from core.learning.gan.networks import Generator
from core.learning.pictures import Pictures, as_values
from core.learning.sheets import alternating, sheet, sheets
from core.learning.stored import learned_numbers
from core.measures.frechet import LEAST_PICTURES, frechet_distances
from core.networks.network import Network

MEASURED = 500
"""Pictures of each kind that are compared, at most."""
PAIRS_A_ROW = 8
BETWEEN = 8
"""Steps of a walk from one latent to the next."""
FRAME_MS = 120
ANIMATION_FRAME_MS = 200
LEAST_DISTANCE = 1e-6
RELATIVE = "times that of held-out pictures"

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Trained:
    """A generator, the pictures that it was to be like, and who compares them."""

    learner: GanLearner
    pictures: Pictures
    judge: Network | None
    """None where there are too few pictures for it"""
    seed: int

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """What there is to do, each giving some of the items."""
        return self.shown, self.near, self.compared

    def shown(self) -> Items:
        """Samples, how they came to be, and the way from each to the next."""
        generator = self.learner.average
        latents = numbered(range(SHOWN), generator.design.latent)
        animation = as_values(self.learner.animation())
        return {
            "samples": Image(pixels=sheet(drawn(generator, latents), COLUMNS)),
            "progress": Animation(
                frames=sheets(animation, COLUMNS), frame_ms=ANIMATION_FRAME_MS, labels=self.learner.animation_labels()
            ),
            "walk": walk(generator, latents),
            "parameters": Scalar(value=learned_numbers(self.learner.generator)),
        }

    def near(self) -> Items:
        """Samples beside training pictures and each other, pixel by pixel."""
        return by_pixels(self._samples, self._held_out, self.pictures.training)

    def compared(self) -> Items:
        """How far samples are from held-out pictures as the judge sees them."""
        if self.judge is None:
            return {}
        kinds = (self._learned, self._held_out, self._samples)
        distance, floor = frechet_distances(*(features(self.judge, pictures) for pictures in kinds))
        subject = f"{self.judge.card.name}'s features"
        return {
            "frechet_distance": Scalar(value=distance, subject=subject),
            "frechet_floor": Scalar(value=floor, subject=subject),
        }

    @cached_property
    def _held_out(self) -> Tensor:
        return self._some(self.pictures.held_out)

    @cached_property
    def _learned(self) -> Tensor:
        return self._some(self.pictures.training)

    @cached_property
    def _samples(self) -> Tensor:
        """As many as there are held-out pictures, sixteen at least: the first of them are those that are shown."""
        latents = numbered(range(max(SHOWN, len(self._held_out))), self.learner.average.design.latent)
        return drawn(self.learner.average, latents)

    def _some(self, pictures: Tensor) -> Tensor:
        """Some of `pictures` (N, C, S, S) uint8, of all classes as they come; in [0, 1]."""
        chosen = np.random.default_rng(seed_of(self.seed)).permutation(len(pictures))[: self._compared]
        return as_values(pictures[torch.from_numpy(chosen)])

    @property
    def _compared(self) -> int:
        """Pictures of each kind: equally many, as the distance depends on how many there are."""
        return min(MEASURED, len(self.pictures.held_out), len(self.pictures.training))


def by_pixels(samples: Tensor, held_out: Tensor, training: Tensor) -> Items:
    """Whether samples (N, C, S, S) are copies of `training` (K, C, S, S) uint8, or of each other.

    Both are told relative to `held_out` (M, C, S, S), which are none; without diversity where M is 1.
    """
    found = nearest(samples, training)
    expected = float(nearest(held_out, training).distances.mean())
    copying = float(found.distances.mean()) / max(expected, LEAST_DISTANCE)
    items: Items = {
        "nearest": Image(pixels=alternating(samples[:SHOWN], found.pictures[:SHOWN], PAIRS_A_ROW)),
        "copying": Scalar(value=copying, unit=RELATIVE),
    }
    if len(held_out) > 1:
        diversity = mean_distance(samples) / max(mean_distance(held_out), LEAST_DISTANCE)
        items["diversity"] = Scalar(value=diversity, unit=RELATIVE)
    return items


def enough(pictures: Pictures) -> bool:
    """Whether there are as many as a Frechet distance needs."""
    return min(len(pictures.held_out), len(pictures.training)) >= LEAST_PICTURES


def walk(generator: Generator, latents: Tensor) -> Animation:
    """From each of `latents` (K, D) to the next, and from the last to the first; K times as many frames."""
    frames = drawn(generator, around(latents, BETWEEN))
    return Animation(frames=sheets(frames[:, None], 1), frame_ms=FRAME_MS)
