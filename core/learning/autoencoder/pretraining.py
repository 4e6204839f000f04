"""Is what the encoder has learned without labels of use where labels are few? It is held against one from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seed_of, seeded
from core.learning.autoencoder.autoencoder import Autoencoder, build
from core.learning.autoencoder.learner import CHUNK, applied
from core.learning.pictures import Indices, Pictures, as_values

DRAWS = 5
"""So often labeled pictures are drawn anew; the accuracies are means."""
STEPS, BATCH, RATE = 100, 32, 3e-3


@dataclass(frozen=True)
class FewLabels:
    """The question: so many labeled pictures of each class, all others have no label."""

    pictures: Pictures
    each: int
    seed: int

    def accuracy(self, made: Callable[[int], Autoencoder]) -> float:
        """Share of the held-out pictures that a classifier names right, on the mean over the draws.

        `made` gives, for each draw, an encoder of its own, which learns on with the classifier.
        """
        return float(np.mean([self._of_draw(made(draw), draw) for draw in range(DRAWS)]))

    def _of_draw(self, encoder: Autoencoder, draw: int) -> float:
        pictures = self.pictures
        chosen = self.labeled(draw)
        shown = as_values(pictures.training[torch.from_numpy(chosen)])
        labels = torch.from_numpy(pictures.training_labels[chosen]).to(shown.device)
        with seeded(self.seed, draw, 3):
            classifier = Classifier(encoder, shown, len(pictures.class_names)).to(shown.device)
        order = np.random.default_rng(seed_of(self.seed, draw, 4))
        optimizer = torch.optim.Adam(classifier.parameters(), lr=RATE, foreach=True)
        for _ in range(STEPS):
            batch = torch.from_numpy(order.integers(len(labels), size=BATCH)).to(shown.device)
            loss = functional.cross_entropy(classifier(shown[batch]), labels[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
            optimizer.step()
        return self._share_right(classifier.eval())

    def labeled(self, draw: int) -> Indices:
        """Indices of the training pictures whose labels are known in this draw."""
        generator = np.random.default_rng(seed_of(self.seed, draw, 5))
        labels = self.pictures.training_labels
        shuffled = generator.permutation(len(labels))
        return np.concatenate([shuffled[labels[shuffled] == label][: self.each] for label in np.unique(labels)])

    @torch.no_grad()
    def _share_right(self, classifier: Classifier) -> float:
        chunks = torch.split(self.pictures.held_out, CHUNK)
        named = torch.cat([classifier(as_values(chunk)).argmax(1) for chunk in chunks]).cpu().numpy()
        return float((named == self.pictures.held_out_labels).mean())


class Classifier(nn.Module):
    """A linear layer on the encoder's codes, which are brought to mean 0 and spread 1 first."""

    def __init__(self, encoder: Autoencoder, pictures: Tensor, classes: int) -> None:
        """`pictures` (N, C, S, S) in [0, 1], from whose codes mean and spread are taken."""
        super().__init__()
        codes = applied(encoder, pictures)[1]
        self.encoder = encoder.train()
        self.register_buffer("mean", codes.mean(0))
        self.register_buffer("spread", codes.std(0, correction=0).clamp_min(1e-3 * float(codes.std()) + 1e-8))
        self.answer = nn.Linear(codes.shape[1], classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, S, S) -> logits (N, K)."""
        codes = self.encoder.encode(pictures.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.answer((codes - self.get_buffer("mean")) / self.get_buffer("spread"))
        return logits


def random_like(model: Autoencoder, seed: int, draw: int) -> Autoencoder:
    """Another one of the same design that has learned nothing, for this draw."""
    made = build(model.design, model.mean.cpu(), seed_of(seed, draw, 6))
    return made.to(model.mean.device).to(memory_format=torch.channels_last)
