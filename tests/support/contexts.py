"""What a running method is given in tests: checkpoints in memory, other jobs' results, networks, a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.datasets.dataset import Dataset
from core.errors import Canceled
from core.items import Item, Pixels, Result, Series
from core.media.picture import Picture
from core.media.video import Video
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


class StoredContext(Context):
    """Holds results by key, pictures and videos by digest, and loads networks."""

    def __init__(
        self,
        results: Mapping[str, Mapping[str, Item]] | None = None,
        *,
        pictures: Sequence[Picture] = (),
        videos: Sequence[Video] = (),
        dataset: Dataset | None = None,
        seed: int = 0,
    ) -> None:
        """`results`: key -> items."""
        super().__init__(seed)
        self.dataset = dataset
        self._results = dict(results or {})
        self._pictures = {picture.digest: picture for picture in pictures}
        self._videos = {video.digest: video for video in videos}

    def result(self, key: str) -> Result:
        return Result(dict(self._results[key])) if key in self._results else super().result(key)

    def picture(self, digest: str) -> Picture:
        return self._pictures.get(digest) or super().picture(digest)

    def video(self, digest: str) -> Video:
        return self._videos.get(digest) or super().video(digest)

    def network(self, identity: str) -> Network:
        return load(get_card(identity.partition("#")[0]))


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
