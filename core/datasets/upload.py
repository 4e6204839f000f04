"""Uploaded data sets, read in a child process with limits, so that no zip or picture can crash the server.

    python -I -m core.datasets.upload FILE TARGET MEMORY_BYTES LABEL_COLUMN

reads FILE, writes the data set to TARGET and its digest to standard output. For the exit statuses see
`core/media/process_limits.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.errors import BadInput
from core.media.process_limits import REFUSED, exit_status_of, failure_reason, limit_process

MAX_PICTURES_BYTES = 400 * 2**20
"""Size limit of all encoded pictures together."""
MEMORY_BYTES = 5 * 2**29
"""Memory limit of the child process."""
TIME_S = 600
"""Limit of processor time; twice that of wall-clock time."""
UPLOAD_MB = 300
"""Size limit of the uploaded file: the dashboard then stays below the 4 GB of its container."""
FILE_ENDINGS = ("zip", "tar", "gz", "tgz", "parquet")
"""Of uploaded files; a browser knows the end of `.tar.gz` only."""


def read_upload(content: bytes, file_name: str, label_column: str = "") -> Dataset:
    """The data set in an uploaded archive or table, with any number of classes or none. Raises BadInput.

    `label_column`: as for `read_dataset`.
    """
    with tempfile.TemporaryDirectory(prefix="gazegrid-upload-") as folder:
        file, target = Path(folder) / "uploaded" / _safe(file_name), Path(folder) / "target.parquet"
        file.parent.mkdir()
        file.write_bytes(content)
        digest = _read_in_child(file, target, label_column.replace("\0", ""))
        return Dataset.from_bytes(target.read_bytes(), digest)


def _safe(file_name: str) -> str:
    """A file name without folders, printable, at most 100 characters; its ending decides how it is read."""
    name = "".join(filter(str.isprintable, PurePosixPath(file_name.replace("\\", "/")).name)).lstrip(".")
    return name[-100:] or "upload"


def _read_in_child(file: Path, target: Path, label_column: str) -> str:
    """Write the data set in `file` to `target`, in a child process, and return its digest. Raises BadInput."""
    module = "core.datasets.upload"
    command = [sys.executable, "-I", "-m", module, str(file), str(target), str(MEMORY_BYTES), label_column]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    try:
        done = subprocess.run(  # noqa: S603  our own module; a user chooses the file's name and the column
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=one_thread,
            timeout=2 * TIME_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadInput(f"{file.name} takes longer than the limit of {2 * TIME_S} s to read") from None
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode == REFUSED:
        raise BadInput(output)
    if done.returncode != 0:
        limits = {"time_s": TIME_S, "memory_bytes": MEMORY_BYTES}
        raise BadInput(f"{file.name} {failure_reason(done.returncode, action='read', **limits)}")
    return output


def main(file: Path, target: Path, memory_bytes: int, label_column: str) -> int:
    """Write the data set in `file` to `target`, under the limits, and return the exit status."""
    limit_process(memory_bytes=memory_bytes, time_s=TIME_S)
    return exit_status_of(lambda: _read(file, target, label_column), BadInput)


def _read(file: Path, target: Path, label_column: str) -> None:
    dataset = read_dataset([file], labeled=False, label_column=label_column)
    if (size_bytes := sum(map(len, dataset.pictures))) > MAX_PICTURES_BYTES:
        size, limit = f"{size_bytes / 2**20:.0f} MiB", f"{MAX_PICTURES_BYTES / 2**20:.0f} MiB"
        raise BadInput(f"{file.name} holds {size} of pictures, the limit is {limit}: use gazegrid data add for more")
    target.write_bytes(dataset.to_bytes())
    sys.stdout.write(dataset.digest)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
