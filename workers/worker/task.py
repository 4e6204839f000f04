"""Computes one job, from its JSON document to its result in the store."""

from __future__ import annotations

import platform
import resource
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import torch

from core.display.wording import phrase
from core.errors import BadInput, ComputationFailed, GazegridError, Superseded, Undefined
from core.items import Pixels, Result, Series
from core.jobs.spec import JobSpec, checked_key
from core.media.picture import Picture
from core.media.video import Video
from core.method_base.method import Checkpoint, Context
from core.networks.catalog import get_card
from core.networks.finite import finite_outputs
from core.networks.network import Network
from core.networks.pool import NetworkPool, default_device
from core.settings import Settings, get_settings
from core.store.manifest import Manifest
from core.store.store import Store, open_store
from workers.worker.child import Outcome
from workers.worker.lease import Lease, LeasedContext
from workers.worker.memory import keep_freed_memory
from workers.worker.timed_checkpoint import TimedCheckpoint


class SpecRunner:
    """Computes jobs in turn, on networks that stay loaded between jobs."""

    def __init__(self, settings: Settings) -> None:
        torch.set_num_threads(settings.worker_threads)
        keep_freed_memory()
        self.store = open_store(settings)
        self.device = default_device(settings.device)
        self.pool = NetworkPool(settings.network_memory_mb * 2**20, self.device)

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:
        try:
            spec = JobSpec.from_document(document)
            if spec.key != lease.key:
                raise BadInput(f"the job's document has the key {spec.key[:12]}, not {lease.key[:12]}")
            if self.store.manifest(spec.key) is None:
                context = LeasedContext(spec.seed, lease)
                compute(spec, self.store, self.pool, context, lease.confirm)
        except Superseded:
            outcome = Outcome("superseded")
        except Exception as error:  # noqa: BLE001  whatever a method raises fails its job, with the trace
            outcome = failure(error)
        else:
            outcome = Outcome("finished")
        return self._with_networks(outcome)

    def _with_networks(self, outcome: Outcome) -> Outcome:
        names = tuple(identity.partition("#")[0] for identity in self.pool.identities)
        return replace(outcome, networks=names)


def failure(error: Exception) -> Outcome:
    """The outcome of an error: its sentence if it is a GazegridError, else a sentence and the trace."""
    if isinstance(error, GazegridError):
        return Outcome("failed", error.code, str(error), "")
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        sentence = "there was not enough memory for this job: use a smaller network or a smaller batch"
        return Outcome("failed", ComputationFailed.code, sentence, trace, spoiled=True)
    first_line = next(iter(str(error).splitlines()), "")[:200]
    sentence = f"the method raised an unexpected {type(error).__name__}: {first_line}"
    spoiled = isinstance(error, torch.AcceleratorError) or "CUDA error" in first_line
    return Outcome("failed", ComputationFailed.code, sentence, trace, spoiled=spoiled)


def compute(
    spec: JobSpec,
    store: Store,
    pool: NetworkPool,
    context: Context,
    allowed: Callable[[], None] = lambda: None,
) -> Manifest:
    """Compute the job in this process and publish its result; `allowed` may raise just before it becomes visible.

    Raises Undefined, NetworkUnavailable, ComputationFailed, StoreError, and whatever the method raises.
    """
    started_at = datetime.now(UTC)
    job = _JobContext(context, spec, store, pool)
    pictures = [store.inputs.picture(digest) for digest in spec.pictures]
    network = _network(spec, pool)
    _forget_peak_memory()
    preparing_s = job.checkpoint.seconds
    result = _result(spec, pictures, network, job)
    _require_finite_items(result)
    seconds = job.checkpoint.seconds
    provenance = {
        **_origin(pool.device, network),
        "started": started_at.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "steps_per_second": round(job.steps / (seconds - preparing_s), 2) if job.steps else None,
        "peak_memory_mb": _peak_memory_mb(),
        **job.noted,
    }
    manifest = store.publish(spec, result, provenance, allowed)
    store.checkpoint(spec.key).clear()
    return manifest


def _result(spec: JobSpec, pictures: list[Picture], network: Network | None, job: Context) -> Result:
    """What the method gives. Raises ComputationFailed where the network's output is not finite."""
    if network is None:
        return spec.method.run_without_network(pictures, job)
    if not pictures:
        return spec.method.run(pictures, network, job)
    with finite_outputs(network, pictures):
        return spec.method.run(pictures, network, job)


def _require_finite_items(result: Result) -> None:
    """Raise ComputationFailed where an item holds a number that is not finite."""
    for name, item in result.items.items():
        if not item.is_finite:
            raise ComputationFailed(f"the {phrase(name)} of this result is not finite: it holds NaN or infinity")


def _network(spec: JobSpec, pool: NetworkPool) -> Network | None:
    """The job's network; None where its method needs none. Raises Undefined, NetworkUnavailable."""
    if spec.network is None or spec.network_name is None:
        return None
    reason = spec.method.undefined_for(get_card(spec.network_name))
    if reason is not None:
        raise Undefined(reason)
    return pool.get(spec.network)


class _JobContext(Context):
    """The method's context: passes reports on, counts steps, and gives access to inputs and other results."""

    def __init__(self, context: Context, spec: JobSpec, store: Store, pool: NetworkPool) -> None:
        super().__init__(context.seed)
        self.device = str(pool.device)
        self.dataset = None if spec.dataset is None else store.inputs.dataset(spec.dataset)
        self.checkpoint: TimedCheckpoint = TimedCheckpoint(store.checkpoint(spec.key))
        self.steps = 0
        self._context, self._store, self._pool = context, store, pool

    def network(self, identity: str) -> Network:
        return self._pool.get(identity)

    def picture(self, digest: str) -> Picture:
        return self._store.inputs.picture(digest)

    def video(self, digest: str) -> Video:
        return self._store.inputs.video(digest)

    def result(self, key: str) -> Result:
        result = self._store.result(checked_key(key))
        if result is None:
            raise BadInput(f"there is no result {key[:12]}… in this store: it may have been evicted, run its job again")
        return result

    def shared(self, digest: str) -> Checkpoint:
        return self._store.shared(digest)

    def draw(self, curves: Sequence[Series]) -> None:
        self._context.draw(curves)

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        self.steps = step
        self._context.report(step, total, scalars, preview)


def _origin(device: torch.device, network: Network | None) -> dict[str, Any]:
    """Host, device, versions and weights behind a result."""
    libraries = ("torch", "timm", "numpy", "pillow")
    return {
        "host": socket.gethostname(),
        "device": str(device),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in libraries},
        "weights_sha256": network.weights_sha256 if network is not None else None,
    }


def _forget_peak_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_memory_mb() -> int:
    """Peak memory in MiB: of the device, or on a CPU of the whole process since its start."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated() // 2**20)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


@lru_cache(maxsize=1)
def _own_runner() -> SpecRunner:
    return SpecRunner(get_settings())


def run_spec(document: Mapping[str, Any]) -> dict[str, str]:
    """Compute one job without a lease, as RQ's own workers would; `{key, state}`."""
    spec = JobSpec.from_document(document)
    runner = _own_runner()
    state = "cached" if runner.store.manifest(spec.key) else "computed"
    if state == "computed":
        compute(spec, runner.store, runner.pool, Context(spec.seed))
    return {"key": spec.key, "state": state}
