from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.display.network_view import framed, seen
from core.items import Image, Points, Result
from core.store.store import Store
from tests.support.kept import PROVENANCE, a_comparison


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_points_lie_over_what_the_network_saw_not_over_the_whole_picture(store: Store) -> None:
    spec = next(a_comparison(store, seed=7, pictures=1).cells()).spec
    places = Points(xy=np.array([[2.5, 2.5]], np.float32), width=24, height=24)
    saw = np.full((24, 24, 3), 200, np.uint8)
    manifest = store.publish(spec, Result({"fixations": places, "original": Image(pixels=saw)}), PROVENANCE)
    assert np.array_equal(framed(store, manifest, places), saw)
    other = store.publish(replace(spec, seed=8), Result({"fixations": places}), PROVENANCE)
    assert np.array_equal(framed(store, other, places), store.picture(spec.pictures[0]).pixels)


def test_what_a_network_saw_counts_only_in_the_size_that_is_asked_for(store: Store) -> None:
    spec = next(a_comparison(store, seed=7, pictures=1).cells()).spec
    saw = np.full((20, 30, 3), 200, np.uint8)
    manifest = store.publish(spec, Result({"original": Image(pixels=saw)}), PROVENANCE)
    kept = seen(store, manifest, width_px=30, height_px=20)
    assert kept is not None
    assert np.array_equal(kept, saw)
    assert seen(store, manifest, width_px=20, height_px=30) is None
