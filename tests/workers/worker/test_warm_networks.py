"""A worker with its real runner: a real method on a real network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.jobs.spec import JobSpec
from core.media.picture import Picture
from core.methods import make_method
from core.networks.catalog import get_card
from core.queue.queue import JobQueue
from core.settings import REPOSITORY, Settings
from core.store.store import Store
from tests.workers.conftest import environment, only_worker, state_of, wait_for

NETWORK = "random/test_resnet"


@pytest.fixture
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process `python -m workers.worker.parent`."""
    surroundings = os.environ | environment(settings) | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "workers.worker.parent"], cwd=REPOSITORY, env=surroundings)
    yield process
    process.kill()
    process.wait()


def spec(store: Store, steps: int, seed: int = 0) -> JobSpec:
    shades = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    picture = store.inputs.put_picture(Picture.from_pixels(shades))
    return JobSpec(make_method("detail_search", {"steps": steps}), (picture,), get_card(NETWORK).identity, seed)


def test_a_network_stays_loaded_and_previews_change(
    worker: subprocess.Popen[bytes], queue: JobQueue, store: Store
) -> None:
    short, long = spec(store, steps=2), spec(store, steps=2000)
    queue.submit(short, store)
    wait_for(lambda: state_of(queue, short.key) in ("finished", "failed"))
    assert queue.states([short.key])[short.key].error is None
    manifest = store.manifest(short.key)
    assert manifest
    assert manifest.provenance["device"] == "cpu"
    wait_for(lambda: only_worker(queue).networks == (NETWORK,))
    queue.submit(long, store)
    wait_for(lambda: (queue.states([long.key])[long.key].preview or 0) > 1, what="a second preview")
    assert (queue.preview(long.key) or b"")[8:12] == b"WEBP"
    assert queue.cancel(long.key) == "started"
    wait_for(lambda: only_worker(queue).job is None)
    assert not store.has(long.key)
    assert b"libtorch" not in Path(f"/proc/{worker.pid}/maps").read_bytes()
