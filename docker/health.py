"""Whether the service of this container does its work: exit status 0, or 1 and a sentence.

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
    """None where the page's server answers; else what is wrong."""
    address = f"http://127.0.0.1:{get_settings().port}/_stcore/health"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return None if answer.status == 200 else f"{address} answered {answer.status}"


def worker() -> str | None:
    """None where this host's worker has let Redis hear of it lately; else what is wrong."""
    mine = f"rq:worker:{socket.gethostname()}-".encode()
    with connect(get_settings()) as redis:
        heard = [name for name in redis.smembers("rq:workers") if name.startswith(mine) and redis.exists(name)]
    return None if heard else "Redis has not heard of this host's worker"


def reaper() -> str | None:
    """None where Redis answers, without which the reaper can do nothing."""
    with connect(get_settings()) as redis:
        redis.ping()
    return None


SERVICES: dict[str, Callable[[], str | None]] = {"dashboard": dashboard, "worker": worker, "reaper": reaper}


def main(service: str) -> int:
    """Exit status for Docker."""
    try:
        fault = SERVICES[service]()
    except (OSError, RedisError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault is not None:
        sys.stderr.write(fault + "\n")
    return 0 if fault is None else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
