from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from redis import Redis

from core import methods
from core.errors import BadInput, ComputationFailed, Superseded, Undefined
from core.items import Result, Scalar
from core.jobs.spec import JobSpec
from core.media.picture import Picture
from core.method_base.method import Context, Method, Output, parameter
from core.networks.catalog import get_card
from core.networks.pool import NetworkPool
from core.queue.ledger import Ledger
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store
from tests.workers.conftest import take
from workers.worker.lease import Lease
from workers.worker.task import SpecRunner, _JobContext, compute, failure

NETWORK = "random/test_resnet"


class Brightness(Method):
    """The mean of the logits, in a given number of steps."""

    title = "Brightness"
    summary = "One forward pass a step."
    source = "none"
    family = "inspection"
    version = 1
    outputs = (Output("mean", "scalar", "The mean."),)

    steps: int = parameter(3, "How many", unit="steps", ge=1, le=100)

    def run(self, pictures: Any, network: Any, context: Context) -> Result:
        if self.steps == 99:
            raise ZeroDivisionError("one line\nand another")
        for step in range(1, self.steps + 1):
            mean = network(network.prepare(pictures[0])).mean().item()
            context.report(step, self.steps, {"mean": mean}, lambda: pictures[0].pixels)
        return Result({"mean": Scalar(value=mean)})


class NotForCnns(Brightness):
    """Undefined for convolutional networks."""

    title = "NotForCnns"
    undefined = {"cnn": "there is no attention in a convolutional network"}  # noqa: RUF012  declared as methods are


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "METHODS", {Brightness.name: Brightness})


@pytest.fixture(scope="module")
def pool() -> NetworkPool:
    return NetworkPool(2**30, "cpu")


@pytest.fixture
def spec(store: Store) -> JobSpec:
    digest = store.inputs.put_picture(Picture.from_pixels(np.full((8, 8, 3), 128, np.uint8)))
    return JobSpec(Brightness(), (digest,), get_card(NETWORK).identity)


@pytest.fixture
def lease(queue: JobQueue, store: Store, spec: JobSpec) -> Lease:
    """The lease of the spec's job."""
    queue.submit(spec, store)
    taken = take(queue, lease_s=30)
    return Lease(queue.ledger, taken.key, taken.token, 30.0)


@pytest.fixture
def runner(settings: Settings, pool: NetworkPool) -> Iterator[SpecRunner]:
    threads = torch.get_num_threads()
    made = SpecRunner(settings)
    made.pool = pool
    yield made
    torch.set_num_threads(threads)


def test_the_manifest_has_the_provenance(spec: JobSpec, store: Store, pool: NetworkPool) -> None:
    manifest = compute(spec, store, pool, Context(0))
    provenance = manifest.provenance
    assert store.manifest(spec.key) == manifest
    assert re.fullmatch(r"[0-9a-f]{64}", provenance["weights_sha256"])
    assert provenance["device"] == "cpu"
    assert provenance["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert provenance["seconds"] > 0
    assert provenance["steps_per_second"] > 0
    assert provenance["peak_memory_mb"] > 10
    assert provenance["started"].endswith("+00:00")


def test_a_job_reports_its_steps_a_preview_and_its_result(runner: SpecRunner, spec: JobSpec, lease: Lease) -> None:
    queue = JobQueue(lease.ledger.redis, Settings())
    outcome = runner(spec.document(), lease)
    assert (outcome.state, outcome.networks) == ("finished", (NETWORK,))
    job = queue.states([spec.key])[spec.key]
    assert (job.step, job.total, job.preview) == (3, 3, 1)
    preview = queue.preview(spec.key)
    assert preview
    assert preview[8:12] == b"WEBP"
    assert runner.store.has(spec.key)


def test_a_job_that_was_stored_meanwhile_is_not_computed_again(
    runner: SpecRunner, spec: JobSpec, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.store.publish(spec, Result({"mean": Scalar(value=1.0)}), {})
    monkeypatch.setattr("workers.worker.task.compute", None)
    assert runner(spec.document(), lease).state == "finished"


def test_a_job_with_a_lost_lease_publishes_nothing(runner: SpecRunner, spec: JobSpec, lease: Lease) -> None:
    lease.ledger.cancel(lease.key, ttl_s=60)
    assert runner(spec.document(), lease).state == "superseded"
    assert not runner.store.has(spec.key)


def test_a_job_canceled_at_the_last_moment_publishes_nothing(
    spec: JobSpec, store: Store, pool: NetworkPool, lease: Lease
) -> None:
    lease.ledger.cancel(lease.key, ttl_s=60)
    with pytest.raises(Superseded):
        compute(spec, store, pool, Context(0), lease.confirm)
    assert not store.has(spec.key)


def test_a_lease_survives_an_outage_of_redis_that_is_shorter(lease: Lease, redis: Redis) -> None:
    lease.confirm()
    away = Lease(Ledger(Redis(unix_socket_path="/nowhere", retry=None), "gazegrid"), lease.key, lease.token, 30.0)
    away.confirm()
    away.report({"step": 1})
    assert redis.ping()


def test_a_document_under_another_key_is_refused(runner: SpecRunner, spec: JobSpec, lease: Lease) -> None:
    document = spec.document() | {"seed": 5}
    outcome = runner(document, lease)
    assert (outcome.state, outcome.code) == ("failed", "bad_input")


def test_an_unexpected_error_gives_a_sentence_and_a_separate_trace(
    runner: SpecRunner, spec: JobSpec, queue: JobQueue, store: Store
) -> None:
    bad = JobSpec(Brightness(steps=99), spec.pictures, spec.network)
    queue.submit(bad, store)
    taken = take(queue, lease_s=30)
    outcome = runner(bad.document(), Lease(queue.ledger, taken.key, taken.token, 30.0))
    assert (outcome.state, outcome.code) == ("failed", ComputationFailed.code)
    assert outcome.sentence == "the method raised an unexpected ZeroDivisionError: one line"
    assert "Traceback" in outcome.trace
    assert not outcome.spoiled


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_process_without_memory_is_replaced(error: Exception) -> None:
    outcome = failure(error)
    assert outcome.spoiled
    assert "not enough memory" in outcome.sentence


def test_a_cuda_error_spoils_the_process_and_a_bad_parameter_does_not() -> None:
    assert failure(RuntimeError("CUDA error: device-side assert triggered")).spoiled
    assert not failure(RuntimeError("sizes do not match")).spoiled
    assert not failure(BadInput("steps must be 1 to 100, got 0")).spoiled


def test_an_undefined_job_raises_the_reason(spec: JobSpec, store: Store, pool: NetworkPool) -> None:
    with pytest.raises(Undefined, match="no attention"):
        compute(JobSpec(NotForCnns(), spec.pictures, spec.network), store, pool, Context(0))


class Named(Brightness):
    """Reads a picture that a parameter names."""

    title = "Named"

    style: str = parameter("", "Style", choices="pictures")

    def run(self, pictures: Any, network: Any, context: Context) -> Result:  # noqa: ARG002  another is looked at
        return super().run([context.picture(self.style)], network, context)


def test_a_picture_of_a_parameter_is_read_from_the_store(spec: JobSpec, store: Store, pool: NetworkPool) -> None:
    plain = compute(spec, store, pool, Context(0)).metrics["mean"]
    named = compute(JobSpec(Named(style=spec.pictures[0]), spec.pictures, spec.network), store, pool, Context(0))
    assert named.metrics["mean"] == plain
    with pytest.raises(BadInput, match=r"there is no picture 0{12}… in this store: upload it again"):
        compute(JobSpec(Named(style="0" * 64), spec.pictures, spec.network), store, pool, Context(0))


def test_a_method_can_read_the_result_of_another_job(spec: JobSpec, store: Store, pool: NetworkPool) -> None:
    store.publish(spec, Result({"mean": Scalar(value=0.25)}), {})
    asking = _JobContext(Context(0), spec, store, pool)
    assert asking.result(spec.key).metrics == {"mean": 0.25}
    with pytest.raises(BadInput, match=r"^there is no result 222222222222… in this store: [^\n]+$"):
        asking.result("2" * 64)
    with pytest.raises(BadInput, match=r"^a key must be 64 hex digits, got '../x'$"):
        asking.result("../x")
