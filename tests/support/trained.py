"""Networks with training records, in the files that `gazegrid train` writes; without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from core.methods.train import Train
from core.networks.folders import NetworkFiles
from core.networks.records import TrainingRecord

CLASSES = ("cat", "cup", "rocket")


def a_record(accuracy: Sequence[float] = (0.25, 0.5, 0.75), data: str = "d" * 64, **parameters: Any) -> dict[str, Any]:
    """A training record; each epoch took a minute."""
    recipe = Train(**{"architecture": "test_resnet", "input_px": 32, "epochs": len(accuracy)} | parameters)
    return {
        "key": "ab" * 32,
        "parameters": recipe.model_dump(mode="json"),
        "seed": 7,
        "dataset": {"digest": data, "classes": 3, "training": 1080, "held_out": 120},
        "accuracy": list(accuracy),
        "loss": [1 / (epoch + 1) for epoch in range(len(accuracy))],
        "confusions": [["cat", "cup", 9, 40], ["rocket", "cup", 2, 40]],
        "metrics": {"top1": accuracy[-1], "parameters": 6.0},
        "seconds": 60.0 * len(accuracy),
        "device": "cuda",
        "versions": {"python": "3.11.7", "torch": "2.15.0"},
    }


def the_record(*accuracy: float, **changes: Any) -> TrainingRecord:
    """A training record with these accuracies, parsed."""
    return TrainingRecord.model_validate(a_record(accuracy, **changes))


def put_local(home: Path, name: str, record: Mapping[str, Any] | None = None, **changes: Any) -> NetworkFiles:
    """Write `local/NAME` into this home; `changes` go into its configuration."""
    files = NetworkFiles.in_folder(home / "networks" / "local" / name)
    _put(files, record, changes)
    return files


def put_bundled(folder: Path, name: str, record: Mapping[str, Any] | None = None, **changes: Any) -> NetworkFiles:
    """Write `bundled/NAME` into `folder`, which replaces the folder of the bundled networks."""
    files = NetworkFiles(folder / f"{name}.json", folder / f"{name}.safetensors", folder / "training" / f"{name}.json")
    _put(files, record, changes)
    return files


def _put(files: NetworkFiles, record: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> None:
    config = {"architecture": "test_resnet", "num_classes": 3, "label_names": CLASSES, "license": "mit"}
    for path in (files.config, files.record):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"w": np.zeros((2, 3), np.float32)}, files.weights)
    files.config.write_text(json.dumps(config | dict(changes)))
    if record is not None:
        files.record.write_text(json.dumps(record))
