"""Filled stores: comparisons over small pictures, results with an item of every kind, galleries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from multiprocessing.synchronize import Event

import numpy as np
import pytest

from core.items import Animation, Embedding, Image, Map, Points, Result, Scalar, Series, Table, Weights
from core.jobs.comparison import Comparison, PictureRef
from core.media.picture import Picture
from core.methods import METHODS, make_method
from core.store.gallery import Gallery, add_to_gallery
from core.store.store import Store, result_folder

NETWORKS = ("random/resnet18", "random/vit_tiny_patch16_224")
PROVENANCE = {"seconds": 1.5, "versions": {"torch": "2.15.0", "timm": "1.0.31"}, "weights_sha256": "ab" * 32}


def a_picture(seed: int, side: int = 24) -> Picture:
    """A random picture (side, side, 3) of 4 px squares."""
    coarse = np.random.default_rng(seed).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    return Picture.from_pixels(coarse.repeat(4, axis=0).repeat(4, axis=1))


def a_comparison(
    store: Store, seed: int = 0, pictures: int = 2, networks: Sequence[str] = NETWORKS, **parameters: object
) -> Comparison:
    """A stored comparison over new pictures, without results."""
    refs = tuple(
        PictureRef(store.inputs.put_picture(a_picture(100 * seed + index)), f"picture {index}")
        for index in range(pictures)
    )
    comparison = Comparison(refs, tuple(networks), (make_method("detail_search", parameters),), seed)
    store.put_comparison(comparison)
    return comparison


def a_small_result(seed: int = 0) -> Result:
    """A result of an image, a map and a scalar."""
    values = np.random.default_rng(seed).random((8, 8), np.float32)
    return Result(
        {
            "remaining": Image(pixels=a_picture(seed, 8).pixels, caption="What remains"),
            "destroyed": Map(values=values, unit="share", caption="What was destroyed"),
            "edge_energy": Scalar(value=float(values[0, 0]), unit="share", caption="Edge energy left"),
        }
    )


def a_full_result(seed: int = 0, side: int = 24) -> Result:
    """A result with an item of every kind."""
    numbers = np.random.default_rng(seed)
    steps = np.arange(50, dtype=np.float32)
    return Result(
        a_small_result(seed).items
        | {
            "evidence": Map(values=numbers.normal(size=(side, side)).astype(np.float32), low=-1, signed=True),
            "animation": Animation(
                frames=numbers.integers(0, 256, (3, side, side, 3), np.uint8), caption="The animation"
            ),
            "places": Points(xy=numbers.random((5, 2), np.float32) * side, width=side, height=side),
            "loss": Series(x=steps, y=np.exp(-steps / 9), x_label="step", y_label="loss", caption="The whole loss"),
            "loss_decision": Series(x=steps, y=np.exp(-steps / 5), x_label="step", y_label="loss"),
            "probability_before": Scalar(value=0.91, unit="share", caption="Probability of the target"),
            "probability_after": Scalar(value=0.95, unit="share", caption="Probability of the target"),
            "top": Table(columns=("class", "probability"), rows=(("tabby", 0.91), ("tiger cat", 0.05))),
            "codes": Embedding(points=numbers.random((4, 3), np.float32), labels=("a", "b", "c", "d")),
            "coder": Weights(tensors={"w": np.zeros((2, 3), np.float32)}, config={"units": 3}),
        }
    )


def fill(store: Store, comparison: Comparison, full: bool = False) -> list[str]:
    """Publish a result for each defined cell; returns their keys."""
    make = a_full_result if full else a_small_result
    cells = [cell for cell in comparison.cells() if not cell.undefined]
    return [store.publish(cell.spec, make(index), PROVENANCE).key for index, cell in enumerate(cells)]


def a_gallery(store: Store, name: str = "Cats", comparisons: int = 1, full: bool = False) -> Gallery:
    """A gallery of comparisons with results."""
    for seed in range(comparisons):
        comparison = a_comparison(store, seed)
        fill(store, comparison, full)
        gallery = add_to_gallery(store, name, comparison.key, f"note {seed}")
    return gallery


def damage(store: Store, key: str) -> None:
    """Overwrite the first file of a result."""
    manifest = store.manifest(key)
    assert manifest is not None
    file = next(item.files[0] for item in manifest.items if item.files)
    store.shelf.write(f"{result_folder(key)}/{file.name}", b"damaged")


def undefine(monkeypatch: pytest.MonkeyPatch, family: str, reason: str) -> None:
    """Make detail search undefined for a family of networks."""
    method = METHODS["detail_search"]
    monkeypatch.setattr(method, "undefined_for", lambda _, card: reason if card.family == family else None)


def publish_without_end(place: str, first: int, begun: Event) -> None:
    """Publish results until killed; `begun` is set just before the first."""
    store = Store(place)
    begun.set()
    for seed in count(first):
        fill(store, a_comparison(store, seed, pictures=1), full=True)
