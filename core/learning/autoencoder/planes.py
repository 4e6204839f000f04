"""Codes in the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.manifold import TSNE
from torch import Tensor

from core.items import Embedding, Floats
from core.learning.sheets import pixels_of
from core.measures.principal import principal

MOST_CODES = 1000
"""More points than this are no longer told apart, nor quickly placed."""
LEAST_CODES = 5
"""Fewer have no neighbors that could be kept."""
PERPLEXITY = 30.0
"""Of t-SNE: about so many neighbors of a code stay its neighbors (van der Maaten and Hinton 2008)."""


def by_pca(codes: Floats) -> Floats:
    """Codes (N, D) -> (N, 2): the two directions along which they differ most."""
    found = principal(codes, 2)
    plane = np.zeros((len(codes), 2), np.float32)
    plane[:, : len(found.directions)] = found.codes(codes)
    return plane


def by_tsne(codes: Floats, seed: int) -> Floats:
    """Codes (N, D) -> (N, 2): near codes stay near. By PCA where they are fewer than 5 or do not differ."""
    start = by_pca(codes)
    if len(codes) < LEAST_CODES or not start[:, 0].std() > 0:
        return start
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    found = TSNE(2, perplexity=perplexity, init=start / start[:, 0].std() * 1e-4, random_state=seed)
    plane: Floats = found.fit_transform(codes).astype(np.float32)
    return plane


def planes(codes: Floats, labels: Sequence[str], pictures: Tensor, seed: int) -> dict[str, Embedding]:
    """`codes_pca` and `codes_tsne` of codes (N, D) with their labels and pictures (N, C, S, S) in [0, 1]."""
    points = {"codes_pca": by_pca(codes), "codes_tsne": by_tsne(codes, seed)}
    thumbnails = pixels_of(pictures)
    return {
        name: Embedding(points=plane, labels=tuple(labels), thumbnails=thumbnails) for name, plane in points.items()
    }
