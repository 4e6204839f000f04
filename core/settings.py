"""Every setting, with its unit and default; each can be given as an environment variable `GAZEGRID_<NAME>`."""

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
    """Read once at start by each process."""

    model_config = SettingsConfigDict(env_prefix="GAZEGRID_", frozen=True, extra="forbid", secrets_dir=None)

    home: Path = REPOSITORY / ".gazegrid"
    """Folder of everything that Gazegrid keeps on this machine."""
    store: str | None = None
    """Folder, or URL such as `s3://bucket/team`, of all that is kept; shared between hosts. Default: `home`/store."""
    redis_url: SecretStr | None = None
    """Redis to use; default: the embedded one's unix socket in `home`."""
    redis_password_file: Path | None = None
    """File that holds the password of `redis_url`'s server."""
    redis_server: Path | None = None
    """The server binary of the embedded Redis; default: the first that is found."""

    host: str = "127.0.0.1"
    """Address that the dashboard listens on."""
    port: int = Field(8501, ge=1, le=65535)

    welcome: bool = True
    """Whether the start submits the welcome comparison."""

    queue: str = Field("gazegrid", pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    """Name of the queue; a worker serves one."""
    workers: int = Field(1, ge=1, le=64)
    """Worker processes of the embedded start."""
    threads: int | None = Field(None, ge=1, le=256)
    """Threads a worker computes with; default: cores // workers. Workers x threads above the cores halves the speed."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    network_memory_mb: int = Field(4096, ge=64)
    """Memory for networks that stay loaded in a worker, in MiB; the least recently used go first."""

    job_timeout_s: int = Field(6 * 3600, ge=1)
    """The longest a job may run, in seconds."""
    lease_s: float = Field(30.0, ge=1.0)
    """A job whose worker has not been heard of for so long is given to another, in seconds."""
    reaper_tick_s: float = Field(0.5, ge=0.05)
    max_attempts: int = Field(3, ge=1)
    """Workers that a job may take down before it is given up."""
    failure_ttl_s: int = Field(24 * 3600, ge=60)
    """How long a failed job's reason is kept in Redis, in seconds."""

    cache_mb: int = Field(2048, ge=16)
    """Size of this host's fast tier of manifests and thumbnails, in MiB."""
    store_limit_gb: float | None = Field(None, gt=0)
    """Results beyond this are evicted, oldest first, never one that a gallery refers to; default: none are."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

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
        """Unix socket of the embedded Redis; where the system's limit is too short for it, in the temporary folder."""
        wished = self.home.absolute() / "redis" / "redis.sock"
        if len(os.fsencode(wished)) <= MAX_SOCKET_PATH_BYTES:
            return wished
        name = hashlib.sha256(os.fsencode(wished)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"gazegrid-{os.getuid()}-{name}" / "redis.sock"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """This process' settings."""
    return Settings()
