"""Trains a network, in this process or through the queue, and installs it as `local/NAME`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from core.canonical import sha256_hex
from core.errors import BadInput, ComputationFailed, GazegridError
from core.items import Weights
from core.jobs.spec import JobSpec, checked_seed
from core.method_base.method import Method
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.folders import PLAIN_NAME, NetworkFiles, local_folder
from core.queue.queue import JobQueue
from core.store.manifest import Manifest
from core.store.store import Store
from workers.cli.console import show_progress
from workers.cli.outage import Outage, later_by_result

METHOD = "train"
POLL_S = 0.5
NETWORK_PARAMETERS = ("pretrained", "teacher")
"""Parameters that name a network; a job has its identity."""


def training_method(parameters: Mapping[str, Any]) -> Method:
    """The method `train` with these parameters, networks by name. Raises BadInput."""
    resolved = dict(parameters)
    for name in NETWORK_PARAMETERS:
        if resolved.get(name):
            resolved[name] = get_card(str(resolved[name]).partition("#")[0]).identity
    return make_method(METHOD, resolved)


def training_spec(method: Method, dataset: str, seed: int) -> JobSpec:
    """The job that trains with this method on the data set of this digest. Raises BadInput."""
    return JobSpec(method, (), None, checked_seed(seed), dataset)


def read_parameters(path: Path) -> dict[str, Any]:
    """The parameters in a JSON file. Raises BadInput."""
    try:
        parameters = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"the parameter file {str(path)[:200]!r} cannot be read: {error}") from None
    if not isinstance(parameters, dict):
        raise BadInput(f"{path.name} must be a JSON object of parameters")
    return parameters


def train_queued(spec: JobSpec, store: Store, queue: JobQueue) -> Manifest:
    """Submit the job and wait for its result. Raises QueueUnavailable, ComputationFailed."""
    queue.submit(spec, store)
    outage = Outage(later_by_result([spec.key]))
    while (manifest := store.manifest(spec.key)) is None:
        job = outage.states(queue, [spec.key]).get(spec.key)
        if outage.is_over() and job is None:
            outage.submit(queue, [spec], store)
            continue
        if job is None or job.state in ("failed", "canceled"):
            if (manifest := store.manifest(spec.key)) is not None:
                break
            raise ComputationFailed(
                job.error or "the training was canceled" if job else "the job has expired: run it again"
            )
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in job.scalars.items())
        show_progress(f"{job.state}  {job.step}/{job.total}  {numbers}")
        time.sleep(POLL_S)
    show_progress("finished", last=True)
    return manifest


def train_inline(spec: JobSpec, store: Store) -> Manifest:
    """Train in this process. Raises GazegridError."""
    from workers.cli.inline import ConsoleContext, inline_pool  # noqa: PLC0415  torch takes seconds; only this needs it
    from workers.worker.task import compute, failure  # noqa: PLC0415

    if (manifest := store.manifest(spec.key)) is not None:
        return manifest
    try:
        return compute(spec, store, inline_pool(), ConsoleContext(spec.seed, METHOD))
    except GazegridError:
        raise
    except Exception as error:
        raise ComputationFailed(failure(error).sentence) from error


def checked_name(name: str) -> str:
    """`name` if it is a valid name for a local network. Raises BadInput."""
    if not PLAIN_NAME.fullmatch(name) or len(name) > 80:
        raise BadInput(f"a network's name must be letters, digits, '-', '_' and '.', got {name[:80]!r}")
    return name


def list_as_local(name: str, manifest: Manifest, store: Store) -> Path:
    """Install the trained network as `local/NAME`; returns its folder."""
    folder = local_folder() / name
    put_network(NetworkFiles.in_folder(folder), manifest, store, source=f"trained here, result {manifest.key[:12]}")
    return folder


def put_network(files: NetworkFiles, manifest: Manifest, store: Store, **extra: str) -> None:
    """Write weights, training record and configuration of a result's network; `extra` is added to the configuration."""
    network = cast(Weights, store.item(manifest, "network"))
    weights = network.files()["safetensors"]
    config = network.config | extra | {"weights_sha256": sha256_hex(weights)}
    for path, content in (
        (files.weights, weights),
        (files.record, readable_json(training_record(manifest, store))),
        (files.config, readable_json(config)),  # last: the network is found by this file
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)


def readable_json(value: Any) -> bytes:
    """Indented JSON, for people."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def training_record(manifest: Manifest, store: Store) -> dict[str, Any]:
    """How a network was trained and how accurate it is; see `NetworkFiles.record`."""
    items = {name: store.item(manifest, name) for name in ("accuracy", "loss", "confusions")}
    accuracy, loss, confusions = (cast(Any, item) for item in items.values())
    dataset = store.inputs.dataset(manifest.spec["dataset"])
    held_out = int(dataset.held_out.sum())
    return {
        "key": manifest.key,
        "parameters": manifest.spec["method"]["parameters"],
        "seed": manifest.spec["seed"],
        "dataset": {
            "digest": dataset.digest,
            "classes": len(dataset.class_names),
            "training": len(dataset) - held_out,
            "held_out": held_out,
        },
        "accuracy": [round(float(value), 4) for value in accuracy.y],
        "loss": [round(float(value), 4) for value in loss.y],
        "confusions": [list(row) for row in confusions.rows],
        "metrics": manifest.metrics,
        "seconds": manifest.provenance["training_seconds"],
        "device": manifest.provenance["device"],
        "versions": manifest.provenance["versions"],
    }


def _replace(path: Path, content: bytes) -> None:
    """Write the file atomically."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    scratch.replace(path)
