from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from core.engine.seeding import seed_of, seeded


def globals_now() -> tuple[Any, ...]:
    return random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


def stir() -> None:
    """Leave the global generators somewhere else."""
    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.seed()


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002, S311


def test_random_numbers_inside_depend_on_the_seed_numbers_alone() -> None:
    result = []
    for numbers in ((1, 2), (1, 2), (2, 1), (1,), (1, 2, 0)):
        stir()
        with seeded(*numbers):
            result.append(draws())
    assert result[0] == result[1]
    assert len(set(result)) == 4


def test_the_global_generators_are_as_they_were_also_after_an_error() -> None:
    stir()
    before = globals_now()
    with seeded(3):
        draws()
    with pytest.raises(ValueError, match="no float"), seeded(4):
        float(f"no float {draws()}")
    assert globals_now() == before


def test_seeds_of_other_numbers_differ() -> None:
    seeds = {seed_of(*numbers) for numbers in np.ndindex(20, 20, 20)}
    assert len(seeds) > 7990
    assert all(0 <= seed < 2**32 for seed in seeds)
