"""Connections to Redis with time limits, and its errors as QueueUnavailable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import AbstractBackoff, ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from core.errors import QueueUnavailable
from core.settings import Settings

CONNECT_TIMEOUT_S = 1.0
REPLY_TIMEOUT_S = 2.5
"""With the pauses between retries, a caller is told within 3 s that Redis is away."""

_Reply = TypeVar("_Reply")


def connect(settings: Settings, timeout_s: float = REPLY_TIMEOUT_S) -> Redis:
    """A client that soon raises an error while Redis is away. Sends no command yet.

    Raises QueueUnavailable where the password file cannot be read.
    """
    quick = Retry(ExponentialBackoff(cap=0.1, base=0.01), 2, supported_errors=(RedisConnectionError,))
    return _redis(settings, quick, timeout_s)


def connect_patiently(settings: Settings, give_up: Callable[[], bool]) -> Redis:
    """A client for a worker: it repeats every command until Redis replies, or until `give_up()` is true.

    A Redis without space to write counts as away. Raises QueueUnavailable where the password file cannot be read.
    """
    errors = (RedisConnectionError, RedisTimeoutError, TimeoutError, ResponseError)
    return _redis(settings, _PatientRetry(_Patience(give_up), -1, errors), REPLY_TIMEOUT_S)


class _PatientRetry(Retry):
    """Repeats after errors that may pass; raises all others at once."""

    def call_with_retry(
        self,
        do: Callable[[], _Reply],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> _Reply:
        def may_pass(error: Exception) -> bool:
            return _may_pass(error) and (is_retryable is None or is_retryable(error))

        return super().call_with_retry(do, fail, may_pass, with_failure_count)


def _may_pass(error: Exception) -> bool:
    """Whether Redis is away, or cannot write for now: no space on its disk or in its memory."""
    if not isinstance(error, ResponseError) or isinstance(error, (OutOfMemoryError, ReadOnlyError, MasterDownError)):
        return True
    return any(word in str(error) for word in ("MISCONF", "NOREPLICAS"))  # an error within a pipeline


class _Patience(AbstractBackoff):
    """Pauses of up to 1 s between retries, without end; raises a connection error once `give_up()` is true."""

    def __init__(self, give_up: Callable[[], bool]) -> None:
        self._give_up = give_up

    def __deepcopy__(self, memo: dict[int, object]) -> _Patience:
        return self  # redis-py copies its retries; all connections share `give_up`

    def compute(self, failures: int) -> float:
        if self._give_up():
            raise RedisConnectionError("Redis is away, and this process is stopping")
        return min(1.0, 0.05 * 2.0 ** min(failures, 10))


def _redis(settings: Settings, retry: Retry, timeout_s: float) -> Redis:
    if settings.redis_url is None:
        return Redis(
            unix_socket_path=str(settings.redis_socket),
            socket_timeout=timeout_s,
            socket_connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s),
            retry=retry,
        )
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        password=_password(settings.redis_password_file),
        socket_timeout=timeout_s,
        socket_connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s),
        retry=retry,
    )


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise QueueUnavailable(f"the Redis password file {file} cannot be read: {error.strerror}") from None


@contextmanager
def redis_errors() -> Iterator[None]:
    """Context manager that raises redis-py's errors as QueueUnavailable."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise QueueUnavailable(f"Redis cannot be reached: {_in_short(error)}") from error
    except RedisError as error:
        raise QueueUnavailable(f"Redis refused a command: {_in_short(error)}") from error


def _in_short(error: RedisError) -> str:
    """The error in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
