"""Trains the networks that come with Gazegrid, and puts them where the catalog finds them.

    python -m workers.make.bundled DATA HELD_OUT

First the teacher, then each network by the shared recipe, all in this process and into this machine's store: what is
there already is not trained again, and what was cut off goes on. At last it is measured what a concentrating network's
strongest place is worth.
"""

from __future__ import annotations

import sys

from core.datasets.dataset import Dataset
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
from workers.cli.data import given_dataset, kept

RECIPES = BUNDLED / "recipes"
NETWORKS = ("cnn", "concentrator", "mixer", "vit")
WITH_A_MAP = ("cnn", "concentrator")
MEASURED = 1000
"""Pictures, about: driving features out takes ten passes each."""
TEACHER = "bundled-teacher"
LICENSE = "mit"
SOURCE = "trained by Gazegrid, see docs/bundled-networks.md"


def main(data: str, held_out: str) -> None:
    """Train all of them on these pictures; each argument is one path, or several with commas between."""
    store, device = open_store(get_settings()), get_settings().device
    dataset = kept(given_dataset(data, held_out, store), data, store)
    teacher = training.training_spec(training.read_parameters(RECIPES / "teacher.json"), dataset, seed=0)
    training.list_as_local(TEACHER, training.train_inline(teacher, store, device), store)
    shared = training.read_parameters(RECIPES / "shared.json") | {"teacher": f"local/{TEACHER}"}
    for name in NETWORKS:
        spec = training.training_spec(shared | training.read_parameters(RECIPES / f"{name}.json"), dataset, seed=0)
        there = training_record(f"bundled/{name}")
        if there is None or there.key != spec.key:
            bundle(name, training.train_inline(spec, store, device), store)
    measure(store.dataset(dataset), device)


def bundle(name: str, manifest: Manifest, store: Store) -> None:
    """Put the trained network among those that come with Gazegrid."""
    files = NetworkFiles(
        BUNDLED / f"{name}.json", BUNDLED / f"{name}.safetensors", BUNDLED / "training" / f"{name}.json"
    )
    training.put_network(files, manifest, store, license=LICENSE, source=SOURCE)


def measure(dataset: Dataset, device: str) -> None:
    """Write what the networks that have a map of evidence do with it, on held-out pictures of all classes."""
    measured = {}
    for name in WITH_A_MAP:
        network = load(get_card(f"bundled/{name}"), device)
        examples = Examples(dataset, *network.card.input_px)
        every = slice(None, None, max(1, len(examples.held_out) // MEASURED))  # they may lie class by class
        pictures, labels = examples.held_out[every].to(device), examples.held_out_labels[every].to(device)
        measured[network.card.name] = concentration(network, pictures.float() / 255, labels)
    CONCENTRATIONS.parent.mkdir(exist_ok=True)
    CONCENTRATIONS.write_bytes(to_bytes(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
