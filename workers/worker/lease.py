"""The lease of a running job: it takes progress reports, and is confirmed before a result becomes visible."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from PIL import Image as PillowImage
from redis.exceptions import RedisError

from core.errors import Superseded
from core.items import Pixels, Series
from core.method_base.method import Context
from core.queue.ledger import Ledger

log = structlog.get_logger()

REPORT_EVERY_S = 0.25
PREVIEW_EVERY_S = 0.5
PREVIEW_SHARE = 0.02
"""Largest share of the run time that goes into previews."""
PREVIEW_PX = 160
RETRY_PAUSE_S = 0.2


@dataclass
class Lease:
    """The execution `token` of job `key`, seen from the process that computes it."""

    ledger: Ledger
    key: str
    token: str
    lease_s: float
    _confirmed_s: float = field(default_factory=time.monotonic)

    def confirm(self) -> None:
        """Return if this execution may publish. Raises Superseded if the job was canceled or has another lease.

        If Redis cannot be reached, the last confirmation is valid for the time of a lease, within which no other worker
        can take the job. After that, wait: the worker kills this process when the lease expires.
        """
        while True:
            try:
                return self._require(self.ledger.holds(self.key, self.token))
            except RedisError:
                if time.monotonic() - self._confirmed_s < self.lease_s:
                    return None
                time.sleep(RETRY_PAUSE_S)

    def report(self, fields: Mapping[str, str | int], preview: bytes = b"") -> None:
        """Store progress in Redis; skipped if Redis cannot be reached. Raises Superseded like `confirm`."""
        try:
            self._require(self.ledger.report(self.key, self.token, fields, preview))
        except RedisError as error:
            log.debug("progress was not stored", reason=str(error))

    def _require(self, held: bool) -> None:
        if not held:
            raise Superseded("this job was canceled or taken by another worker")
        self._confirmed_s = time.monotonic()


class LeasedContext(Context):
    """Reports progress at most four times a second, and previews at most twice."""

    def __init__(self, seed: int, lease: Lease) -> None:
        super().__init__(seed)
        self._lease = lease
        self._next_report_s = 0.0
        self._next_preview_s = 0.0

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        now = time.monotonic()
        if now < self._next_report_s and step < total:
            return
        self._next_report_s = now + REPORT_EVERY_S
        fields: dict[str, str | int] = {"step": step, "total": total, "scalars": _scalars_json(scalars or {})}
        self._lease.report(fields, self._preview(preview) if preview and now >= self._next_preview_s else b"")

    def draw(self, curves: Sequence[Series]) -> None:
        self._lease.report({"curves": curves_json(curves)})

    def _preview(self, preview: Callable[[], Pixels]) -> bytes:
        started = time.monotonic()
        content = preview_webp(preview())
        ended = time.monotonic()
        self._next_preview_s = ended + max(PREVIEW_EVERY_S, (ended - started) / PREVIEW_SHARE)
        return content


def _scalars_json(scalars: Mapping[str, float]) -> str:
    return json.dumps({name: float(value) for name, value in scalars.items()})


def curves_json(curves: Sequence[Series]) -> str:
    """The curves as JSON for `core.queue.queue`."""
    plain = [
        {"x": curve.x.tolist(), "y": curve.y.tolist(), "x_label": curve.x_label, "y_label": curve.y_label}
        for curve in curves
    ]
    return json.dumps(plain)


def preview_webp(pixels: Pixels) -> bytes:
    """`pixels` (H, W, 3) uint8 as a WebP file, scaled to at most 160 px."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75, method=0)
    return buffer.getvalue()
