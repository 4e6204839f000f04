"""Train a network from the command line, on the queue or in this process, and list it as `local/NAME`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from core.canonical import sha256_hex
from core.errors import BadInput, ComputationFailed, GazegridError
from core.items import Weights
from core.jobs.spec import JobSpec, checked_seed
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.folders import PLAIN_NAME, NetworkFiles, local_folder
from core.queue.queue import JobQueue
from core.store.manifest import Manifest
from core.store.store import Store
from workers.worker.memory import keep_freed_memory

METHOD = "train"
POLL_S = 0.5
NETWORK_PARAMETERS = ("pretrained", "teacher")
"""Parameters that name a network; a job holds its identity."""


def training_spec(parameters: Mapping[str, Any], dataset: str, seed: int) -> JobSpec:
    """The job that trains with these parameters on the data set of this digest. Raises BadInput."""
    named = dict(parameters)
    for name in NETWORK_PARAMETERS:
        if named.get(name):
            named[name] = get_card(str(named[name]).partition("#")[0]).identity
    return JobSpec(make_method(METHOD, named), (), None, checked_seed(seed), dataset)


def read_parameters(path: Path) -> dict[str, Any]:
    """Parameters in a JSON file. Raises BadInput."""
    try:
        parameters = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"the parameters in {str(path)[:200]!r} cannot be read: {error}") from None
    if not isinstance(parameters, dict):
        raise BadInput(f"{path.name} must hold a table of parameters and values")
    return parameters


def train_queued(spec: JobSpec, store: Store, queue: JobQueue) -> Manifest:
    """Ask for it, and wait for its end. Raises QueueUnavailable, ComputationFailed."""
    queue.submit(spec, store)
    while (manifest := store.manifest(spec.key)) is None:
        job = queue.states([spec.key]).get(spec.key)
        if job is None or job.state in ("failed", "canceled"):
            if (manifest := store.manifest(spec.key)) is not None:
                break
            raise ComputationFailed(job.error or "the training was canceled" if job else "the job is gone: ask again")
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in job.scalars.items())
        sys.stderr.write(f"\r\033[K{job.state}  {job.step}/{job.total}  {numbers}")
        sys.stderr.flush()
        time.sleep(POLL_S)
    sys.stderr.write("\n")
    return manifest


def train_inline(spec: JobSpec, store: Store, device: str) -> Manifest:
    """Train in this process. Raises what the method raises, in a sentence."""
    import torch  # noqa: PLC0415  takes seconds; training on the queue needs none of it

    from core.networks.pool import NetworkPool, default_device  # noqa: PLC0415
    from core.settings import get_settings  # noqa: PLC0415
    from workers.cli.inline import MEMORY_BYTES, ConsoleContext  # noqa: PLC0415
    from workers.worker.task import compute, failure  # noqa: PLC0415

    if (manifest := store.manifest(spec.key)) is not None:
        return manifest
    torch.set_num_threads(get_settings().worker_threads)
    keep_freed_memory()
    pool = NetworkPool(MEMORY_BYTES, default_device(device))
    try:
        return compute(spec, store, pool, ConsoleContext(spec.seed, METHOD))
    except GazegridError:
        raise
    except Exception as error:
        raise ComputationFailed(failure(error).sentence) from error


def checked_name(name: str) -> str:
    """`name` if a network can be called so; BadInput otherwise."""
    if not PLAIN_NAME.fullmatch(name) or len(name) > 80:
        raise BadInput(f"a network's name is letters, digits, '-', '_' and '.', got {name[:80]!r}")
    return name


def list_as_local(name: str, manifest: Manifest, store: Store) -> Path:
    """Put the trained network where `local/NAME` is looked for; the folder."""
    folder = local_folder() / name
    put_network(NetworkFiles.in_folder(folder), manifest, store, source=f"trained here, result {manifest.key[:12]}")
    return folder


def put_network(files: NetworkFiles, manifest: Manifest, store: Store, **said: str) -> None:
    """Write the trained network of a result with the record of its training; `said` goes into the configuration."""
    network = cast(Weights, store.item(manifest, "network"))
    weights = network.files()["safetensors"]
    config = network.config | said | {"weights_sha256": sha256_hex(weights)}
    for path, content in (
        (files.weights, weights),
        (files.record, readable_json(training_record(manifest, store))),
        (files.config, readable_json(config)),  # the last: it is by this one that the network is found
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)


def readable_json(value: Any) -> bytes:
    """JSON for a person to read."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def training_record(manifest: Manifest, store: Store) -> dict[str, Any]:
    """How a network was trained and what it is worth, for its card; see `NetworkFiles.record`."""
    items = {name: store.item(manifest, name) for name in ("accuracy", "loss", "confusions")}
    accuracy, loss, confusions = (cast(Any, item) for item in items.values())
    dataset = store.dataset(manifest.spec["dataset"])
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
    """Write the file whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    scratch.replace(path)
