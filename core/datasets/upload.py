"""A stranger's data set, read in a process of its own with limits: no zip and no picture takes the server with it.

    python -I -m core.datasets.upload FILE KEPT MEMORY

reads FILE with so many bytes of memory, writes the data set to KEPT and its digest to standard output; exit statuses
are told in `core/media/process_limits.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.errors import BadInput
from core.media.process_limits import OUT_OF_MEMORY, REFUSED, answered, limit_process

KEPT_BYTES = 400 * 2**20
"""Of all pictures as they are encoded."""
MEMORY_BYTES = 5 * 2**29
TIME_S = 600
"""Of the processor; on the wall twice as long."""
UPLOAD_MB = 300
"""Of the file as it is sent: with all that is made of it, the dashboard stays below the 4 GB that its container has."""
FILE_ENDINGS = ("zip", "parquet")


def read_upload(content: bytes, file_name: str) -> Dataset:
    """The data set in a zip or parquet file; one class or none will do. Raises BadInput, BadPicture: all or nothing."""
    with tempfile.TemporaryDirectory(prefix="gazegrid-upload-") as folder:
        file, kept = Path(folder) / _safe(file_name), Path(folder) / "kept.parquet"
        file.write_bytes(content)
        digest = _read_apart(file, kept)
        return Dataset.from_bytes(kept.read_bytes(), digest)


def _safe(file_name: str) -> str:
    """A file's name without folders, short, that can be shown and written; its ending says how it is read."""
    name = "".join(filter(str.isprintable, PurePosixPath(file_name.replace("\\", "/")).name)).lstrip(".")
    return name[-100:] or "upload"


def _read_apart(file: Path, kept: Path) -> str:
    """The digest of the data set that was written to `kept`. Raises BadInput."""
    command = [sys.executable, "-I", "-m", "core.datasets.upload", str(file), str(kept), str(MEMORY_BYTES)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    try:
        done = subprocess.run(  # noqa: S603  our own module, the stranger's word is a file's name
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=one_thread,
            timeout=2 * TIME_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadInput(f"{file.name} takes longer than {2 * TIME_S} s to read, which is the limit") from None
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode == REFUSED:
        raise BadInput(said)
    if done.returncode != 0:
        raise BadInput(f"{file.name} {_reason_of_death(done.returncode)}")
    return said


def _reason_of_death(status: int) -> str:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"takes longer than {TIME_S} s to read, which is the limit"
    if status == OUT_OF_MEMORY:
        return f"takes more than {MEMORY_BYTES / 2**30:g} GiB of memory to read, which is the limit"
    return "is damaged: only whole files are taken"


def main(file: Path, kept: Path, memory_bytes: int) -> int:
    """Read `file` under the limits; the exit status."""
    limit_process(memory_bytes=memory_bytes, time_s=TIME_S)
    return answered(lambda: _read(file, kept), BadInput)


def _read(file: Path, kept: Path) -> None:
    dataset = read_dataset([file], labeled=False)
    if sum(map(len, dataset.pictures)) > KEPT_BYTES:
        limit = f"{KEPT_BYTES / 2**20:.0f} MiB"
        raise BadInput(f"{file.name} holds more than {limit} of pictures; gazegrid data add takes more")
    kept.write_bytes(dataset.to_bytes())
    sys.stdout.write(dataset.digest)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
