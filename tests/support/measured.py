"""Attributions of known quality: pictures of two classes that differ in one patch, and a method that marks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from core.datasets.dataset import Dataset
from core.items import Map, Result, Table, png_bytes
from core.jobs.spec import JobSpec
from core.measures.attribution_items import COLUMNS
from core.measures.attributions import MEASURES
from core.media.picture import Picture
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.network import Network
from core.store.store import Store
from tests.support.kept import PROVENANCE

PIXELS = 24
PATCH = (slice(3, 9), slice(12, 18))
"""Rows and columns of the patch, well inside the picture."""
BOX = (12, 3, 17, 8)
"""The patch as first column, first row, last column, last row."""


def cats_and_dogs(each: int = 4, boxes: bool = True) -> Dataset:
    """Held-out pictures of gray noise whose patch is white for cats and black for dogs."""
    random = np.random.default_rng(0)
    pictures = []
    for label in [0, 1] * each:
        pixels = random.integers(100, 150, (PIXELS, PIXELS, 3), np.uint8)
        pixels[PATCH] = 0 if label else 255
        pictures.append(png_bytes(pixels))
    count = len(pictures)
    box_array = np.tile(np.array([BOX], np.int32), (count, 1)) if boxes else None
    return Dataset(("cat", "dog"), pictures, np.arange(count) % 2, np.ones(count, np.bool_), box_array)


class Knowing(Method):
    """A map that is 1 on the patch, 1 on the rest, or random by the network's weights."""

    title: ClassVar[str] = "Knowing"
    summary: ClassVar[str] = "Marks the patch, the rest, or random pixels."
    source: ClassVar[str] = "a test"
    family: ClassVar[MethodFamily] = "attribution"
    version: ClassVar[int] = 3
    outputs: ClassVar[tuple[Output, ...]] = (Output("attribution", "map", "Where it looks"),)

    says: Literal["patch", "rest", "weights"] = parameter("patch", "Where the map is 1.")
    class_name: str = parameter("", "Class.", choices="class")

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        values = np.full((PIXELS, PIXELS), float(self.says == "rest"), np.float32)
        values[PATCH] = float(self.says == "patch")
        if self.says == "weights":
            seed = int(float(network.model.fc.weight[0, 0]) == 0)
            values = np.random.default_rng(seed).random((PIXELS, PIXELS)).astype(np.float32)
        return Result({"attribution": Map(values=values)})


Knowing.name = "knowing"


def put_measured(store: Store, attribution: str, network: str, values: Mapping[str, float], **how: Any) -> JobSpec:
    """Publish synthetic measures of ten pictures; returns the job."""
    dataset = how.pop("dataset", "2" * 64)
    method = make_method("measure_attributions", {"attribution": attribution} | how)
    spec = JobSpec(method, (), get_card(network).identity, 0, dataset)
    rows = tuple(
        (name, MEASURES[name].title, value, value - 0.05, value + 0.05, 10, "") for name, value in values.items()
    )
    store.publish(spec, Result({"measures": Table(columns=COLUMNS, rows=rows)}), PROVENANCE)
    return spec
