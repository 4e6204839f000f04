"""All settings, with their units and defaults; each is an environment variable `GAZEGRID_<NAME>`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent
MAX_SOCKET_PATH_BYTES = 100


class Settings(BaseSettings):
    """The settings of a process, read once at its start."""

    model_config = SettingsConfigDict(
        env_prefix="GAZEGRID_", frozen=True, extra="forbid", secrets_dir=None, use_attribute_docstrings=True
    )

    home: Path = REPOSITORY / ".gazegrid"
    """Folder of everything that Gazegrid stores on this machine."""
    store: str | None = None
    """Folder or URL (`s3://bucket/team`) of all stored data; hosts may share it. Default: `store` in the home."""
    redis_url: SecretStr | None = None
    """URL of the Redis server. Default: the embedded server, on a unix socket in the home."""
    redis_password_file: Path | None = None
    """File with the password of the Redis server."""
    redis_server: Path | None = None
    """Server binary of the embedded Redis. Default: the first that is found on the PATH or in a package."""

    host: str = "127.0.0.1"
    """Address that the dashboard listens on; a loopback address, since there is no login."""
    port: int = Field(8501, ge=1, le=65535)
    """Port that the dashboard listens on."""

    welcome: bool = True
    """Whether `gazegrid up` submits the welcome comparison."""

    queue: str = Field("gazegrid", pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    """Name of the queue; each worker serves one queue."""
    workers: int = Field(1, ge=1, le=64)
    """Worker processes that `gazegrid up` starts."""
    threads: int | None = Field(None, ge=1, le=256)
    """Threads of each worker. Default: cores / workers. More threads than cores in total halve the speed."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device that workers compute on; `auto`: a GPU if there is one."""
    network_memory_mb: int = Field(4096, ge=64)
    """Memory for networks that stay loaded in a worker; the least recently used are unloaded first."""

    job_timeout_s: int = Field(6 * 3600, ge=1)
    """Longest run time of a job; it then fails."""
    lease_s: float = Field(30.0, ge=1.0)
    """Time without a heartbeat after which a job is taken from its worker and queued again."""
    reaper_tick_s: float = Field(0.5, ge=0.05)
    """Time between two passes of the reaper over the queue."""
    max_attempts: int = Field(3, ge=1)
    """Crashed workers after which a job fails."""
    failure_ttl_s: int = Field(24 * 3600, ge=60)
    """Time for which Redis keeps the reason of a failed job."""

    cache_mb: int = Field(2048, ge=16)
    """Size of this host's cache of manifests and thumbnails."""
    store_limit_gb: float | None = Field(None, gt=0)
    """Size of the store above which results are evicted, oldest first, never one in a gallery. Default: no limit."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the messages that are logged."""

    @property
    def store_place(self) -> str:
        """Folder or URL of the store."""
        return self.store or str(self.home / "store")

    @property
    def worker_threads(self) -> int:
        """Threads of each worker."""
        return self.threads or max(1, (os.cpu_count() or 1) // self.workers)

    @property
    def redis_socket(self) -> Path:
        """Unix socket of the embedded Redis: in the home, or, where that path is too long, in the temporary folder."""
        socket = self.home.absolute() / "redis" / "redis.sock"
        if len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES:
            return socket
        name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"gazegrid-{os.getuid()}-{name}" / "redis.sock"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
