"""Inputs of jobs: pictures, videos and data sets, each stored under the digest of its content.

    pictures/ab/abcd....png   videos/ab/abcd...   datasets/ab/abcd....parquet + .json (its record)

Every read is checked against the digest; a damaged file is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from core.datasets.dataset import Dataset
from core.datasets.record import DatasetRecord, checked_name, record_of
from core.errors import BadInput, Damaged
from core.items import decode_own
from core.jobs.spec import KEY_PATTERN, checked_key
from core.media.drawn_styles import drawn_style, style_of
from core.media.picture import Picture
from core.media.video import Video
from core.store.shelf import Shelf, set_aside


class Inputs:
    """The pictures, videos and data sets of a store."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    # pictures

    def put_picture(self, picture: Picture) -> str:
        """Store a picture and return its digest. Raises StoreFull, StoreUnreadable."""
        path = picture_path(picture.digest)
        if not self.shelf.exists(path):
            self.shelf.write(path, picture.png())
        return picture.digest

    def picture_png(self, digest: str) -> bytes:
        """The PNG of a stored picture, unchecked, or of a bundled style picture. Raises BadLink, BadInput (none)."""
        try:
            return self.shelf.read(picture_path(digest))
        except FileNotFoundError:
            if (name := style_of(digest)) is not None:
                return drawn_style(name).png()
            raise BadInput(f"there is no picture {digest[:12]}… in this store: upload it again") from None

    def picture(self, digest: str, *, keep_damaged: bool = False) -> Picture:
        """A stored picture whose pixels match its digest.

        A damaged file is moved to `damaged/`, unless `keep_damaged`. Raises BadLink, BadInput (none), Damaged.
        """
        with self._setting_aside(picture_path(digest), "picture", keep=keep_damaged):
            png = self.picture_png(digest)
            try:
                picture = Picture.from_pixels(decode_own(png))
            except (OSError, ValueError, SyntaxError):
                picture = None
            if picture is None or picture.digest != digest:
                raise Damaged(f"picture {digest[:12]}… was damaged on disk: upload it again")
            return picture

    # videos

    def put_video(self, video: Video) -> str:
        """Store a video's file unchanged and return its digest. Raises StoreFull, StoreUnreadable."""
        path = video_path(video.digest)
        if not self.shelf.exists(path):
            self.shelf.write(path, video.content)
        return video.digest

    def has_video(self, digest: str) -> bool:
        """Whether a video is stored; its content is not checked. Raises BadLink."""
        return self.shelf.exists(video_path(digest))

    def videos(self, limit: int) -> list[str]:
        """Digests of the latest videos, at most `limit`, newest first."""
        names = [name for prefix in self.shelf.names("videos") for name in self.shelf.names(f"videos/{prefix}")]
        digests = filter(KEY_PATTERN.fullmatch, names)
        times = {digest: self.shelf.written_at(video_path(digest)) for digest in digests}
        return sorted(times, key=lambda digest: times[digest], reverse=True)[:limit]

    def video(self, digest: str, *, keep_damaged: bool = False) -> Video:
        """A stored video whose file matches its digest.

        A damaged file is moved to `damaged/`, unless `keep_damaged`. Raises BadLink, BadInput (none), Damaged.
        """
        with self._setting_aside(video_path(digest), "video", keep=keep_damaged):
            try:
                video = Video(self.shelf.read(video_path(digest)))
            except FileNotFoundError:
                raise BadInput(f"there is no video {digest[:12]}… in this store: upload it again") from None
            if video.digest != digest:
                raise Damaged(f"video {digest[:12]}… was damaged on disk: upload it again")
            return video

    # data sets

    def put_dataset(self, dataset: Dataset, name: str = "", source: str = "") -> str:
        """Store a data set with a record, and return its digest; a record that is there already stays.

        `name`: up to 80 printable characters; `source`: where it came from, for a reader.
        Raises BadInput (name), StoreFull, StoreUnreadable.
        """
        path = dataset_path(dataset.digest)
        checked_name(name)
        if not self.shelf.exists(path):
            self.shelf.write(path, dataset.to_bytes())
        if self._record(dataset.digest) is None:
            self._write_record(record_of(dataset, name, source, now()))
        return dataset.digest

    def dataset(self, digest: str, *, keep_damaged: bool = False) -> Dataset:
        """A stored data set that matches its digest.

        A damaged file is moved to `damaged/`, unless `keep_damaged`. Raises BadLink, BadInput (none), Damaged.
        """
        with self._setting_aside(dataset_path(digest), "dataset", keep=keep_damaged):
            try:
                content = self.shelf.read(dataset_path(digest))
            except FileNotFoundError:
                raise BadInput(f"there is no data set {digest[:12]}… in this store: add it again") from None
            return Dataset.from_bytes(content, digest)

    def datasets(self) -> list[tuple[str, DatasetRecord | None]]:
        """(digest, record) of every data set, newest first; those without a readable record last."""
        digests = [
            name.removesuffix(".parquet")
            for prefix in self.shelf.names("datasets")
            for name in self.shelf.names(f"datasets/{prefix}")
            if name.endswith(".parquet") and KEY_PATTERN.fullmatch(name.removesuffix(".parquet"))
        ]
        records = [(digest, self._record(digest)) for digest in digests]
        return sorted(records, key=lambda entry: entry[1].added if entry[1] else "", reverse=True)

    def dataset_record(self, digest: str) -> DatasetRecord:
        """The record of a stored data set; a missing or damaged one is made again from the data set.

        Raises BadLink, BadInput (no such data set), Damaged (the data set, which is set aside).
        """
        if self.shelf.exists(dataset_path(digest)) and (record := self._record(digest)):
            return record
        record = record_of(self.dataset(digest), "", "", "")
        self._write_record(record)
        return record

    def rename_dataset(self, digest: str, name: str) -> DatasetRecord:
        """Write another name into the record, and return it; no key depends on the name.

        Raises BadInput (name), and as `dataset_record` does.
        """
        record = self.dataset_record(digest).model_copy(update={"name": checked_name(name)})
        self._write_record(record)
        return record

    def _record(self, digest: str) -> DatasetRecord | None:
        """The record; None where it is missing or damaged, since it can be made again."""
        try:
            return DatasetRecord.from_bytes(self.shelf.read(record_path(digest)), digest)
        except (FileNotFoundError, Damaged):
            return None

    def _write_record(self, record: DatasetRecord) -> None:
        self.shelf.write(record_path(record.digest), record.to_bytes())

    @contextmanager
    def _setting_aside(self, path: str, kind: str, *, keep: bool) -> Iterator[None]:
        """Move the file at `path` to `damaged/` when the body raises Damaged, unless `keep`."""
        try:
            yield
        except Damaged as error:
            if not keep:
                set_aside(self.shelf, path, kind, str(error))
            raise


def now() -> str:
    """The current time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def picture_path(digest: str) -> str:
    """Path of a picture in the store. Raises BadLink."""
    return f"pictures/{checked_key(digest)[:2]}/{digest}.png"


def video_path(digest: str) -> str:
    """Path of a video in the store. Raises BadLink."""
    return f"videos/{checked_key(digest)[:2]}/{digest}"


def dataset_path(digest: str) -> str:
    """Path of a data set in the store. Raises BadLink."""
    return f"datasets/{checked_key(digest)[:2]}/{digest}.parquet"


def record_path(digest: str) -> str:
    """Path of a data set's record in the store. Raises BadLink."""
    return f"datasets/{checked_key(digest)[:2]}/{digest}.json"
