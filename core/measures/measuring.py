"""One row of numbers for each thing that is done to measure an attribution: a map, random weights, a collage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch

from core.datasets.dataset import Dataset
from core.engine.ranges import to_pixels
from core.items import Floats
from core.measures.attributions import SHOWN, Row
from core.measures.collages import collage, share_on
from core.measures.faithfulness import faithfulness
from core.measures.localization import localization
from core.measures.randomization import randomized, rank_correlation, stages
from core.measures.subjects import Subject, picture_of
from core.media.picture import Picture
from core.networks.network import Network

TOP = 10
"""A collage counts where both classes are among so many first answers."""

Attribute = Callable[[Picture, Network, int, int], Floats]
"""(picture, network, logit that is explained, number) -> map (H, W) of the picture as the network sees it."""


@dataclass
class Measuring:
    """How one attribution is measured on one network."""

    network: Network
    dataset: Dataset
    attribute: Attribute
    steps: int
    seed: int = 0
    _maps: dict[int, Floats] = field(default_factory=dict)
    _random: tuple[int, Network] | None = None

    def of_picture(self, subject: Subject) -> Row:
        """Insertion, deletion, what is kept of the answer, and how the map lies to the object's box if known."""
        picture, values = picture_of(self.dataset, subject.number), self._map(subject)
        found = faithfulness(self.network, self.network.prepare(picture), values, subject.answer, self.steps)
        row = {
            "insertion": found.insertion,
            "deletion": found.deletion,
            **{f"shown_{share}": float(kept) for share, kept in zip(SHOWN, found.kept_shown, strict=True)},
            **{f"hidden_{share}": float(kept) for share, kept in zip(SHOWN, found.kept_hidden, strict=True)},
            "inserted": found.inserted.tolist(),
            "deleted": found.deleted.tolist(),
        }
        if subject.box is None:
            return row
        located = asdict(localization(values, subject.box))
        return row | located | {"overlaps": located["overlaps"].tolist()}

    def with_random_weights(self, percent: int, subject: Subject) -> Row:
        """How much of the map's order stays when so much of the network has learned nothing."""
        if self._random is None or self._random[0] != percent:
            self._random = (percent, randomized(self.network, stages(self.network)[percent], self.seed))
        picture = picture_of(self.dataset, subject.number)
        values = self.attribute(picture, self._random[1], subject.answer, subject.number)
        return {f"randomized_{percent}": rank_correlation(self._map(subject), values)}

    def of_collage(self, left: Subject, right: Subject) -> Row:
        """Where the weight lies when each of two pictures side by side is asked for; nothing where one is not seen."""
        seen = [self.network.prepare(picture_of(self.dataset, subject.number)) for subject in (left, right)]
        both = Picture.from_pixels(to_pixels(collage(*seen)))
        with torch.inference_mode():
            logits = self.network(self.network.prepare(both)[None])[0]
        first = set(logits.topk(min(TOP, len(logits))).indices.tolist())
        if not {left.answer, right.answer} <= first:
            return {}
        maps = [self.attribute(both, self.network, subject.answer, left.number) for subject in (left, right)]
        shares = [share_on(maps[0], "left"), share_on(maps[1], "right")]
        return {"collage": sum(shares) / 2, "collage_majority": sum(share > 0.5 for share in shares) / 2}

    def _map(self, subject: Subject) -> Floats:
        if subject.number not in self._maps:
            picture = picture_of(self.dataset, subject.number)
            self._maps[subject.number] = self.attribute(picture, self.network, subject.answer, subject.number)
        return self._maps[subject.number]
