"""Create the Redis password, once, in the folder that only Redis and its clients mount.

    python docker/password.py /run/gazegrid

Two files: `redis_password` for the clients (GAZEGRID_REDIS_PASSWORD_FILE) and `redis.conf` for the server, so that the
password is in no command line, no environment variable and no committed file.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path


def make_password(folder: Path) -> bool:
    """Create the password unless there is one, which Redis and its clients may be using; whether one was created."""
    if (folder / "redis.conf").exists():
        return False
    password = secrets.token_urlsafe(32)
    _write(folder / "redis_password", password)
    _write(folder / "redis.conf", f"requirepass {password}\n")
    return True


def _write(path: Path, text: str) -> None:
    # Readable by all users: Redis runs as another user, and only containers that mount the folder can read it.
    scratch = path.with_suffix(".new")
    scratch.write_text(text, "utf-8")
    scratch.chmod(0o444)
    scratch.replace(path)


if __name__ == "__main__":
    make_password(Path(sys.argv[1]))
