"""A real Redis for all tests that ask for it, and settings of a home of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from core.queue.connection import connect
from core.settings import Settings
from workers.services.redis_server import embedded_redis

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GAZEGRID_THREADS", "1")
"""Before torch is loaded, here and in every process of a test: threads that spin while they wait take the cores from
the workers beside them."""


TESTS = Path(__file__).parent
FIRST = {"browser": 0, "workers": 0}
"""By folder: what waits for other processes, then the long files of this folder; what only computes comes last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order in which they are handed out."""
    items.sort(key=lambda item: FIRST.get(item.path.relative_to(TESTS).parts[0], 1 if item.path.parent == TESTS else 2))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same weights, whichever tests ran before it."""
    import torch  # noqa: PLC0415 only once the number of threads is set

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unix socket of a server that lives as long as the tests."""
    settings = Settings(home=tmp_path_factory.mktemp("redis"))
    with embedded_redis(settings):
        yield settings.redis_socket


@pytest.fixture
def settings(redis_socket: Path, tmp_path: Path) -> Settings:
    """Short leases, an empty store, an empty Redis."""
    made = Settings(
        home=tmp_path / "home",
        redis_url=f"unix://{redis_socket}",
        lease_s=1.0,
        reaper_tick_s=0.1,
        threads=1,
        device="cpu",
    )
    with connect(made) as redis:
        redis.flushall()
    return made


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """The tests' own connection."""
    with connect(settings) as connection:
        yield connection
