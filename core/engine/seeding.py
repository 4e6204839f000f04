"""Random numbers that depend on given numbers alone (seed, epoch, step), never on a generator's history."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from core.canonical import digest_of


def seed_of(*numbers: int) -> int:
    """A seed of 32 bits, a hash of all these numbers."""
    return int(digest_of(list(numbers))[:8], 16)


@contextmanager
def seeded(*numbers: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch (CPU) with these numbers; restored afterwards."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  timm draws from the global one
    seed = seed_of(*numbers)
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
