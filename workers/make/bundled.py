"""Trains the bundled networks and installs them where the catalog finds them.

    python -m workers.make.bundled DATA HELD_OUT

The teacher is trained first, then each network by the shared recipe, all in this process and this machine's store.
Existing results are reused, and an interrupted run resumes. At last the concentration of the networks with class
activation maps is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from core.datasets.dataset import Dataset
from core.jobs.spec import JobSpec
from core.learning.classifier.views import Examples
from core.measures.concentration import concentration
from core.networks.catalog import get_card
from core.networks.concentration import CONCENTRATIONS, to_bytes
from core.networks.folders import BUNDLED, NetworkFiles
from core.networks.loading import load
from core.networks.records import training_record
from core.settings import get_settings
from core.store.manifest import Manifest
from core.store.store import Store, open_store
from workers.cli import training
from workers.cli.dataset_arguments import labeled_dataset, store_dataset

RECIPES = BUNDLED / "recipes"
NETWORKS = ("cnn", "concentrator", "mixer", "vit")
WITH_ACTIVATION_MAPS = ("cnn", "concentrator")
MEASURED_PICTURES = 1000
"""Approximately; each takes ten passes."""
TEACHER = "bundled-teacher"
LICENSE = "mit"
SOURCE = "trained by Gazegrid, see docs/reference/bundled-networks.md"


def main(data: str, held_out: str) -> None:
    """Train all networks on these pictures; each argument is a list of comma-separated paths."""
    store = open_store(get_settings())
    dataset = store_dataset(labeled_dataset(data, held_out, store), data, store)
    teacher = _recipe("teacher", {}, dataset)
    training.list_as_local(TEACHER, training.train_inline(teacher, store), store)
    shared = training.read_parameters(RECIPES / "shared.json") | {"teacher": f"local/{TEACHER}"}
    for name in NETWORKS:
        spec = _recipe(name, shared, dataset)
        record = training_record(f"bundled/{name}")
        if record is None or record.key != spec.key:
            bundle(name, training.train_inline(spec, store), store)
    measure(store.inputs.dataset(dataset), get_settings().device)


def _recipe(name: str, shared: Mapping[str, Any], dataset: str) -> JobSpec:
    """The job of the recipe file of this name on the data set of this digest."""
    parameters = {**shared, **training.read_parameters(RECIPES / f"{name}.json")}
    return training.training_spec(training.training_method(parameters), dataset, seed=0)


def bundle(name: str, manifest: Manifest, store: Store) -> None:
    """Write the trained network to the bundled networks."""
    files = NetworkFiles(
        BUNDLED / f"{name}.json", BUNDLED / f"{name}.safetensors", BUNDLED / "training" / f"{name}.json"
    )
    training.put_network(files, manifest, store, license=LICENSE, source=SOURCE)


def measure(dataset: Dataset, device: str) -> None:
    """Measure the concentration of the networks with class activation maps, on held-out pictures of all classes."""
    measured = {}
    for name in WITH_ACTIVATION_MAPS:
        network = load(get_card(f"bundled/{name}"), device)
        examples = Examples(dataset, *network.card.input_px)
        every = slice(
            None, None, max(1, len(examples.held_out) // MEASURED_PICTURES)
        )  # the pictures may be sorted by class
        pictures, labels = examples.held_out[every].to(device), examples.held_out_labels[every].to(device)
        measured[network.card.name] = concentration(network, pictures.float() / 255, labels)
    CONCENTRATIONS.parent.mkdir(exist_ok=True)
    CONCENTRATIONS.write_bytes(to_bytes(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
