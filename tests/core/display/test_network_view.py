from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.display.network_view import points_background, stored_view
from core.items import Image, Points, Result
from core.store.store import Store
from tests.support.kept import PROVENANCE, a_comparison


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_points_are_drawn_on_the_network_view_where_the_result_stores_one(store: Store) -> None:
    spec = next(a_comparison(store, seed=7, pictures=1).cells()).spec
    places = Points(xy=np.array([[2.5, 2.5]], np.float32), width=24, height=24)
    view = np.full((24, 24, 3), 200, np.uint8)
    manifest = store.publish(spec, Result({"fixations": places, "original": Image(pixels=view)}), PROVENANCE)
    assert np.array_equal(points_background(store, manifest, places), view)
    other = store.publish(replace(spec, seed=8), Result({"fixations": places}), PROVENANCE)
    assert np.array_equal(points_background(store, other, places), store.inputs.picture(spec.pictures[0]).pixels)


def test_a_stored_view_of_another_size_is_not_used(store: Store) -> None:
    spec = next(a_comparison(store, seed=7, pictures=1).cells()).spec
    view = np.full((20, 30, 3), 200, np.uint8)
    manifest = store.publish(spec, Result({"original": Image(pixels=view)}), PROVENANCE)
    stored = stored_view(store, manifest, width_px=30, height_px=20)
    assert stored is not None
    assert np.array_equal(stored, view)
    assert stored_view(store, manifest, width_px=20, height_px=30) is None
