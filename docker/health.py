"""Health check of this container's service: exit status 0, or 1 and a sentence.

python docker/health.py dashboard|worker|reaper
"""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Callable

from redis.exceptions import RedisError

from core.queue.connection import connect
from core.settings import get_settings


def dashboard() -> str | None:
    """None if the dashboard responds, else what is wrong."""
    address = f"http://127.0.0.1:{get_settings().port}/_stcore/health"
    with urllib.request.urlopen(address, timeout=5) as response:
        return None if response.status == 200 else f"{address} responded with status {response.status}"


def worker() -> str | None:
    """None if this host's worker sends heartbeats, else what is wrong."""
    prefix = f"rq:worker:{socket.gethostname()}-".encode()
    with connect(get_settings()) as redis:
        alive = [name for name in redis.smembers("rq:workers") if name.startswith(prefix) and redis.exists(name)]
    return None if alive else "this host's worker sends no heartbeats"


def reaper() -> str | None:
    """None if Redis responds, which the reaper depends on. Raises RedisError."""
    with connect(get_settings()) as redis:
        redis.ping()
    return None


SERVICES: dict[str, Callable[[], str | None]] = {"dashboard": dashboard, "worker": worker, "reaper": reaper}


def main(service: str) -> int:
    """Check one service; the exit status for Docker."""
    try:
        fault = SERVICES[service]()
    except (OSError, RedisError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault is not None:
        sys.stderr.write(fault + "\n")
    return 0 if fault is None else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
