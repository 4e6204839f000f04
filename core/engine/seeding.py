"""Randomness that belongs to a place: drawn from the numbers that name it, never from a generator that runs on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from core.canonical import digest_of


def seed_of(*decided_by: int) -> int:
    """A seed of 32 bits that all of these numbers decide."""
    return int(digest_of(list(decided_by))[:8], 16)


@contextmanager
def seeded(*decided_by: int) -> Iterator[None]:
    """The global generators of Python, NumPy and torch (CPU), started from these numbers; as they were afterwards."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  timm draws from the global one
    seed = seed_of(*decided_by)
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
