"""Projections of codes to two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.manifold import TSNE
from torch import Tensor

from core.items import Embedding, Floats
from core.learning.sheets import pixels_of
from core.measures.principal import principal

MAX_CODES = 1000
"""Maximal number of codes: more would overlap, and take t-SNE long."""
MIN_CODES = 5
"""Minimal number of codes for t-SNE."""
PERPLEXITY = 30.0
"""Perplexity of t-SNE, the effective number of neighbors (van der Maaten and Hinton 2008)."""


def by_pca(codes: Floats) -> Floats:
    """Codes (N, D) -> (N, 2), along their two principal directions."""
    components = principal(codes, 2)
    projected = np.zeros((len(codes), 2), np.float32)
    projected[:, : len(components.directions)] = components.codes(codes)
    return projected


def by_tsne(codes: Floats, seed: int) -> Floats:
    """Codes (N, D) -> (N, 2) by t-SNE; by PCA where they are fewer than 5 or all equal."""
    start = by_pca(codes)
    if len(codes) < MIN_CODES or not start[:, 0].std() > 0:
        return start
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    fit = TSNE(2, perplexity=perplexity, init=start / start[:, 0].std() * 1e-4, random_state=seed)
    projected: Floats = fit.fit_transform(codes).astype(np.float32)
    return projected


def projections(codes: Floats, labels: Sequence[str], pictures: Tensor, seed: int) -> dict[str, Embedding]:
    """Items `codes_pca` and `codes_tsne` of codes (N, D), with labels and pictures (N, C, S, S) in [0, 1]."""
    points = {"codes_pca": by_pca(codes), "codes_tsne": by_tsne(codes, seed)}
    thumbnails = pixels_of(pictures)
    return {
        name: Embedding(points=projected, labels=tuple(labels), thumbnails=thumbnails)
        for name, projected in points.items()
    }
