"""Checkpoints in memory, and jobs that are canceled and continue from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.datasets.dataset import Dataset
from core.errors import Canceled
from core.items import Pixels, Series
from core.method_base.method import Checkpoint, Context
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network


class MemoryCheckpoint(Checkpoint):
    """A checkpoint in memory."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content = content

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


class RecordingContext(Context):
    """Records reports, previews and curves, and cancels the job at step `stop_at`; it can continue after that."""

    def __init__(
        self, dataset: Dataset | None = None, stop_at: int | None = None, seed: int = 0, **networks: Network
    ) -> None:
        """`networks`: identity -> network; all others are loaded."""
        super().__init__(seed)
        self.dataset, self.stop_at, self.networks = dataset, stop_at, networks
        self.checkpoint: MemoryCheckpoint = MemoryCheckpoint()
        self.shared_checkpoints: dict[str, MemoryCheckpoint] = {}
        self.steps: list[int] = []
        self.totals: list[int] = []
        self.scalars: list[dict[str, float]] = []
        self.previews: list[Pixels] = []
        self.curves: list[list[Series]] = []

    def network(self, identity: str) -> Network:
        return self.networks.get(identity) or load(get_card(identity.partition("#")[0]))

    def shared(self, digest: str) -> Checkpoint:
        return self.shared_checkpoints.setdefault(digest, MemoryCheckpoint())

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        assert 0 <= step <= total
        self.steps.append(step)
        self.totals.append(total)
        self.scalars.append(dict(scalars or {}))
        if preview is not None:
            self.previews.append(preview())
        if step == self.stop_at:
            raise Canceled("asked to stop")

    def draw(self, curves: Sequence[Series]) -> None:
        self.curves.append(list(curves))
