"""Stored results are read within a second, and a job that is submitted a hundred times is queued once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.items import Image, Map, Result, Scalar
from core.jobs.comparison import Comparison, PictureRef
from core.media.picture import Picture
from core.methods import make_method
from core.queue.grid import read_grid
from workers.bench.row import Row, at_most
from workers.bench.sandbox import NETWORK, Sandbox, sandbox

CELLS = 100
SUBMITS = 100
HIT_TARGET_S = 1.0


def run(*, quick: bool = False) -> list[Row]:
    """The grid is read once, with a cold cache."""
    with sandbox() as here:
        return [_hit(here, 10 if quick else CELLS), _join(here)]


def _hit(here: Sandbox, cells: int) -> Row:
    comparison = _stored_grid(here, cells)
    started_s = time.perf_counter()
    grid = read_grid(comparison, here.store, here.queue)
    seconds = time.perf_counter() - started_s
    done = sum(cell.status == "done" for cell in grid.cells)
    row = at_most("hit", seconds / HIT_TARGET_S, 1.0, f"{done} of {cells} cells in {seconds * 1e3:.0f} ms")
    return row | {"holds": row["holds"] and done == cells}


def _stored_grid(here: Sandbox, cells: int) -> Comparison:
    """A grid of `cells` pictures, each with a result of ordinary size."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (cells, 224, 224, 3), dtype=np.uint8)
    digests = [here.store.inputs.put_picture(Picture.from_pixels(pixels)) for pixels in noise]
    references = tuple(PictureRef(digest, f"noise {number}") for number, digest in enumerate(digests))
    comparison = Comparison(references, (NETWORK,), (make_method("detail_search", {}),))
    for cell, pixels in zip(comparison.cells(), noise, strict=True):
        values = generator.random((224, 224), dtype=np.float32)
        items = {"remaining": Image(pixels=pixels), "destroyed": Map(values=values), "steps": Scalar(value=1.0)}
        here.store.publish(cell.spec, Result(items), {"seconds": 0.0})
    return comparison


def _join(here: Sandbox) -> Row:
    """Submissions without a worker, so that the job cannot end meanwhile."""
    spec = here.spec(steps=1, seed=12345)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: here.queue.submit(spec, here.store), range(SUBMITS)))
    jobs = here.queue.counts()["queued"]
    return at_most("join", jobs, 1.0, f"{SUBMITS} submits by 16 threads left {jobs} job") | {"holds": jobs == 1}
