"""Measurements of an attribution, each giving one row: of a picture, with random weights, of a collage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from core.datasets.dataset import Dataset
from core.engine.ranges import to_pixels
from core.items import Floats
from core.measures.attributions import CONSTANT, PIXEL_PERCENTS, Row
from core.measures.collages import collage, share_on
from core.measures.faithfulness import faithfulness
from core.measures.localization import is_constant, localization
from core.measures.randomization import randomized, rank_correlation, stages
from core.measures.subjects import Subject, picture_of
from core.media.picture import Picture
from core.networks.network import Network

TOP_CLASSES = 10
"""A collage counts where both classes are among this many top predictions."""

TIED = 1e-6
"""Difference from half, up to which a map's weight lies on both halves of a collage alike."""

Attribute = Callable[[Picture, Network, int, int], Floats]
"""(picture, network, target, number) -> map (H, W) of the preprocessed picture."""


@dataclass
class Measuring:
    """Measurement of one attribution on one network."""

    network: Network
    dataset: Dataset
    attribute: Attribute
    steps: int
    seed: int = 0
    _maps: dict[int, Floats] = field(default_factory=dict)
    _random: tuple[int, Network] | None = None

    def of_picture(self, subject: Subject) -> Row:
        """Insertion, deletion, retained predictions and, where the object's box is known, localization."""
        picture, values = picture_of(self.dataset, subject.number), self._map(subject)
        measured = faithfulness(self.network, self.network.prepare(picture), values, subject.target, self.steps)
        row = {
            "insertion": measured.insertion,
            "deletion": measured.deletion,
            **_by_percent("shown", measured.retained_inserted),
            **_by_percent("hidden", measured.retained_deleted),
            "inserted": measured.inserted.tolist(),
            "deleted": measured.deleted.tolist(),
            CONSTANT: float(is_constant(values)),
        }
        if subject.box is None:
            return row
        localized = asdict(localization(values, subject.box))
        return row | localized | {"overlaps": localized["overlaps"].tolist()}

    def with_random_weights(self, percent: int, subject: Subject) -> Row:
        """Rank correlation of the map with that of a network with `percent` of its layers randomized.

        None where one of them is constant, or where random weights gave a map that is not finite.
        """
        if self._random is None or self._random[0] != percent:
            self._random = (percent, randomized(self.network, stages(self.network)[percent], self.seed))
        picture = picture_of(self.dataset, subject.number)
        values = self.attribute(picture, self._random[1], subject.target, subject.number)
        correlation = rank_correlation(self._map(subject), values) if np.isfinite(values).all() else None
        return {f"randomized_{percent}": correlation}

    def of_collage(self, left: Subject, right: Subject) -> Row:
        """Share of the weight on the target's half of a collage; empty unless both classes are predicted."""
        prepared = [self.network.prepare(picture_of(self.dataset, subject.number)) for subject in (left, right)]
        joined = Picture.from_pixels(to_pixels(collage(*prepared)))
        with torch.inference_mode():
            logits = self.network(self.network.prepare(joined)[None])[0]
        top_classes = set(logits.topk(min(TOP_CLASSES, len(logits))).indices.tolist())
        if not {left.target, right.target} <= top_classes:
            return {}
        maps = [self.attribute(joined, self.network, subject.target, left.number) for subject in (left, right)]
        shares = [share_on(maps[0], "left"), share_on(maps[1], "right")]
        majorities = [0.5 if abs(share - 0.5) < TIED else float(share > 0.5) for share in shares]
        return {"collage": sum(shares) / 2, "collage_majority": sum(majorities) / 2}

    def _map(self, subject: Subject) -> Floats:
        if subject.number not in self._maps:
            picture = picture_of(self.dataset, subject.number)
            self._maps[subject.number] = self.attribute(picture, self.network, subject.target, subject.number)
        return self._maps[subject.number]


def _by_percent(name: str, retained: NDArray[np.float64]) -> dict[str, float]:
    """Values of `NAME_PERCENT` for each of `PIXEL_PERCENTS`."""
    return {f"{name}_{percent}": float(value) for percent, value in zip(PIXEL_PERCENTS, retained, strict=True)}
