"""A comparison of two networks and of two pictures that share their names."""

from __future__ import annotations

import json

import timm
from safetensors.torch import save_file

from core.jobs.comparison import Comparison, PictureRef
from core.methods import make_method
from core.networks.folders import NetworkFiles, local_folder
from core.store.store import Store
from tests.support.kept import a_picture

NETWORKS = ("random/test_resnet", "local/test_resnet")


def a_local_network(name: str, architecture: str = "test_resnet", classes: int = 1000) -> None:
    """Put a network with random weights into the home of the settings."""
    files = NetworkFiles.in_folder(local_folder() / name)
    files.config.parent.mkdir(parents=True)
    save_file(timm.create_model(architecture, num_classes=classes).state_dict(), files.weights)
    files.config.write_text(json.dumps({"architecture": architecture, "num_classes": classes}))


def namesakes(store: Store) -> Comparison:
    """A stored comparison without results; its home must be one of the test."""
    a_local_network("test_resnet")
    pictures = tuple(PictureRef(store.inputs.put_picture(a_picture(seed)), "cat.png") for seed in range(2))
    third = PictureRef(store.inputs.put_picture(a_picture(2)), "dog.png")
    comparison = Comparison((*pictures, third), NETWORKS, (make_method("detail_search", {}),))
    store.put_comparison(comparison)
    return comparison
