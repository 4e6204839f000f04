"""Does pretraining without labels help where labels are few? Fine-tuned encoders against ones trained from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seed_of, seeded
from core.learning.autoencoder.autoencoder import Autoencoder, build
from core.learning.autoencoder.learner import CHUNK, reconstructed
from core.learning.optimizers import adam, take_step
from core.learning.pictures import Indices, Pictures, as_values
from core.measures.accuracy import top_shares

DRAWS = 5
"""Random draws of the labeled pictures; accuracies are means over them."""
STEPS, BATCH, RATE = 100, 32, 3e-3


@dataclass(frozen=True)
class FewLabels:
    """Classification with few labels: `each` labeled pictures per class."""

    pictures: Pictures
    each: int
    seed: int

    def accuracy(self, encoder_of: Callable[[int], Autoencoder]) -> float:
        """Held-out accuracy of a classifier, 0 to 1, mean over the draws.

        `encoder_of`: draw -> a new encoder, which is trained together with the classifier.
        """
        return float(np.mean([self._draw_accuracy(encoder_of(draw), draw) for draw in range(DRAWS)]))

    def _draw_accuracy(self, encoder: Autoencoder, draw: int) -> float:
        pictures = self.pictures
        labeled_indices = self.labeled(draw)
        inputs = as_values(pictures.training[torch.from_numpy(labeled_indices)])
        labels = torch.from_numpy(pictures.training_labels[labeled_indices]).to(inputs.device)
        with seeded(self.seed, draw, 3):
            classifier = Classifier(encoder, inputs, len(pictures.class_names)).to(inputs.device)
        order = np.random.default_rng(seed_of(self.seed, draw, 4))
        optimizer = adam(classifier, RATE)
        for _ in range(STEPS):
            batch = torch.from_numpy(order.integers(len(labels), size=BATCH)).to(inputs.device)
            loss = functional.cross_entropy(classifier(inputs[batch]), labels[batch])
            take_step(optimizer, loss, RATE)
        return self._accuracy(classifier.eval())

    def labeled(self, draw: int) -> Indices:
        """Indices of the training pictures that are labeled in this draw."""
        generator = np.random.default_rng(seed_of(self.seed, draw, 5))
        labels = self.pictures.training_labels
        shuffled = generator.permutation(len(labels))
        return np.concatenate([shuffled[labels[shuffled] == label][: self.each] for label in np.unique(labels)])

    @torch.no_grad()
    def _accuracy(self, classifier: Classifier) -> float:
        chunks = torch.split(self.pictures.held_out, CHUNK)
        logits = torch.cat([classifier(as_values(chunk)) for chunk in chunks]).cpu()
        return float(top_shares(logits, torch.from_numpy(self.pictures.held_out_labels)).mean())


class Classifier(nn.Module):
    """A linear layer on the encoder's codes, standardized to mean 0 and standard deviation 1."""

    def __init__(self, encoder: Autoencoder, pictures: Tensor, classes: int) -> None:
        """`pictures` (N, C, S, S) in [0, 1]: mean and standard deviation are those of their codes."""
        super().__init__()
        codes = reconstructed(encoder, pictures)[1]
        self.encoder = encoder.train()
        self.register_buffer("mean", codes.mean(0))
        self.register_buffer("std", codes.std(0, correction=0).clamp_min(1e-3 * float(codes.std()) + 1e-8))
        self.head = nn.Linear(codes.shape[1], classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, S, S) -> logits (N, K)."""
        codes = self.encoder.encode(pictures.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head((codes - self.get_buffer("mean")) / self.get_buffer("std"))
        return logits


def random_like(model: Autoencoder, seed: int, draw: int) -> Autoencoder:
    """An untrained autoencoder of the same design; weights depend on `seed` and `draw`."""
    autoencoder = build(model.design, model.mean.cpu(), seed_of(seed, draw, 6))
    return autoencoder.to(model.mean.device).to(memory_format=torch.channels_last)
