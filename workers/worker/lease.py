"""What a running job has of its lease: it reports through it, and asks it before anything becomes visible."""

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
"""Of the time, at most so much goes into previews."""
PREVIEW_PX = 160
RETRY_PAUSE_S = 0.2


@dataclass
class Lease:
    """The execution `token` of job `key`, as the process that computes it sees it."""

    ledger: Ledger
    key: str
    token: str
    lease_s: float
    _confirmed_s: float = field(default_factory=time.monotonic)

    def confirm(self) -> None:
        """Return if this execution may publish; raise Superseded where the job is another's, or canceled.

        Where Redis is away, the answer of a moment ago holds for the time of a lease: nobody else can have taken the
        job meanwhile. After that, wait; the worker ends this process when the lease is gone.
        """
        while True:
            try:
                return self._heed(self.ledger.holds(self.key, self.token))
            except RedisError:
                if time.monotonic() - self._confirmed_s < self.lease_s:
                    return None
                time.sleep(RETRY_PAUSE_S)

    def report(self, fields: Mapping[str, str | int], preview: bytes = b"") -> None:
        """Note progress; raise Superseded as above. Where Redis is away nothing is noted, and the job goes on."""
        try:
            self._heed(self.ledger.report(self.key, self.token, fields, preview))
        except RedisError as error:
            log.debug("progress was not noted", reason=str(error))

    def _heed(self, ours: bool) -> None:
        if not ours:
            raise Superseded("this job was canceled, or another worker has it")
        self._confirmed_s = time.monotonic()


class LeasedContext(Context):
    """Reports a few times a second, whatever the number of steps."""

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
    """What `core.queue.queue` reads again."""
    plain = [
        {"x": curve.x.tolist(), "y": curve.y.tolist(), "x_label": curve.x_label, "y_label": curve.y_label}
        for curve in curves
    ]
    return json.dumps(plain)


def preview_webp(pixels: Pixels) -> bytes:
    """`pixels` (H, W, 3) uint8 as a WebP of at most 160 px."""
    image = PillowImage.fromarray(pixels)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75, method=0)
    return buffer.getvalue()
