"""What goes into jobs: pictures, videos and data sets, each kept under the digest of its content.

    pictures/ab/abcd....png   videos/ab/abcd...   datasets/ab/abcd....parquet + .json, its record

What is damaged is set aside when it is read.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from core.datasets.dataset import Dataset
from core.datasets.record import DatasetRecord, checked_name, record_of
from core.errors import BadInput, Damaged
from core.items import decode_own
from core.jobs.spec import KEY_PATTERN, checked_key
from core.media.drawn_styles import drawn_style, style_of
from core.media.picture import Picture
from core.media.video import Video
from core.store.shelf import Shelf


class Inputs:
    """Pictures, videos and data sets on a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    # pictures

    def put_picture(self, picture: Picture) -> str:
        """Keep a picture; its digest."""
        path = picture_path(picture.digest)
        if not self.shelf.exists(path):
            self.shelf.write(path, picture.png())
        return picture.digest

    def picture_png(self, digest: str) -> bytes:
        """A kept picture's file, or one that our own code draws. Raises BadInput where there is none."""
        try:
            return self.shelf.read(picture_path(digest))
        except FileNotFoundError:
            if (name := style_of(digest)) is not None:
                return drawn_style(name).png()
            raise BadInput(f"there is no picture {digest}: upload it again") from None

    def picture(self, digest: str) -> Picture:
        """A kept picture, its pixels checked against the digest. Raises BadInput, Damaged (and it is set aside)."""
        try:
            return self.picture_pixels(digest)
        except Damaged:
            self.shelf.move(picture_path(digest), f"damaged/{time.time_ns()}-picture-{digest}.png")
            raise

    def picture_pixels(self, digest: str) -> Picture:
        """The same, but a damaged one stays where it is."""
        try:
            picture = Picture.from_pixels(decode_own(self.picture_png(digest)))
        except (OSError, ValueError, SyntaxError):
            picture = None
        if picture is None or picture.digest != digest:
            raise Damaged(f"picture {digest[:12]} was damaged on disk: upload it again")
        return picture

    # videos

    def put_video(self, video: Video) -> str:
        """Keep a video's file as it came; its digest."""
        path = video_path(video.digest)
        if not self.shelf.exists(path):
            self.shelf.write(path, video.content)
        return video.digest

    def has_video(self, digest: str) -> bool:
        """Whether a video is there; does not look whether it is sound."""
        return self.shelf.exists(video_path(digest))

    def videos(self, most: int) -> list[str]:
        """The digests of the videos that came last, newest first."""
        found = [name for prefix in self.shelf.names("videos") for name in self.shelf.names(f"videos/{prefix}")]
        digests = filter(KEY_PATTERN.fullmatch, found)
        times = {digest: self.shelf.written_at(video_path(digest)) for digest in digests}
        return sorted(times, key=lambda digest: times[digest], reverse=True)[:most]

    def video(self, digest: str) -> Video:
        """A kept video, checked against its digest. Raises BadInput, Damaged (and it is set aside)."""
        try:
            return self.kept_video(digest)
        except Damaged:
            self.shelf.move(video_path(digest), f"damaged/{time.time_ns()}-video-{digest}")
            raise

    def kept_video(self, digest: str) -> Video:
        """The same, but a damaged one stays where it is."""
        try:
            video = Video(self.shelf.read(video_path(digest)))
        except FileNotFoundError:
            raise BadInput(f"there is no video {digest[:12]}…: give it again") from None
        if video.digest != digest:
            raise Damaged(f"video {digest[:12]} was damaged on disk: give it again")
        return video

    # data sets

    def put_dataset(self, dataset: Dataset, name: str = "", source: str = "") -> str:
        """Keep a data set, and a record of it under this name; its digest. Raises BadInput for what is no name.

        `source` says in words where it came from. One that is there already keeps its record.
        """
        path = dataset_path(dataset.digest)
        checked_name(name)
        if not self.shelf.exists(path):
            self.shelf.write(path, dataset.to_bytes())
        if self._record(dataset.digest) is None:
            self._write_record(record_of(dataset, name, source, now()))
        return dataset.digest

    def dataset(self, digest: str) -> Dataset:
        """A kept data set, checked against its digest. Raises BadInput, Damaged (and it is set aside)."""
        try:
            return self.kept_dataset(digest)
        except Damaged:
            self.shelf.move(dataset_path(digest), f"damaged/{time.time_ns()}-dataset-{digest}.parquet")
            raise

    def kept_dataset(self, digest: str) -> Dataset:
        """The same, but a damaged one stays where it is."""
        try:
            content = self.shelf.read(dataset_path(digest))
        except FileNotFoundError:
            raise BadInput(f"there is no data set {digest[:12]}…: give it again") from None
        return Dataset.from_bytes(content, digest)

    def datasets(self) -> list[tuple[str, DatasetRecord | None]]:
        """The digests of all data sets with their records, newest first; those without a record last."""
        digests = [
            name.removesuffix(".parquet")
            for prefix in self.shelf.names("datasets")
            for name in self.shelf.names(f"datasets/{prefix}")
            if name.endswith(".parquet") and KEY_PATTERN.fullmatch(name.removesuffix(".parquet"))
        ]
        found = [(digest, self._record(digest)) for digest in digests]
        return sorted(found, key=lambda one: one[1].added if one[1] else "", reverse=True)

    def dataset_record(self, digest: str) -> DatasetRecord:
        """What is told of a kept data set; read from the data set itself where it has no record yet.

        Raises BadLink, BadInput (no such data set), Damaged (and it is set aside).
        """
        if self.shelf.exists(dataset_path(digest)) and (record := self._record(digest)):
            return record
        record = record_of(self.dataset(digest), "", "", "")
        self._write_record(record)
        return record

    def rename_dataset(self, digest: str, name: str) -> DatasetRecord:
        """Another name in the record, and nowhere else: no key holds it. Raises as `dataset_record` does."""
        record = self.dataset_record(digest).model_copy(update={"name": checked_name(name)})
        self._write_record(record)
        return record

    def _record(self, digest: str) -> DatasetRecord | None:
        try:
            return DatasetRecord.from_bytes(self.shelf.read(record_path(digest)), digest)
        except (FileNotFoundError, Damaged):
            return None

    def _write_record(self, record: DatasetRecord) -> None:
        self.shelf.write(record_path(record.digest), record.to_bytes())


def now() -> str:
    """The time, to the second, for a record."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def picture_path(digest: str) -> str:
    """Where a picture lies."""
    return f"pictures/{checked_key(digest)[:2]}/{digest}.png"


def video_path(digest: str) -> str:
    """Where a video lies."""
    return f"videos/{checked_key(digest)[:2]}/{digest}"


def dataset_path(digest: str) -> str:
    """Where a data set lies."""
    return f"datasets/{checked_key(digest)[:2]}/{digest}.parquet"


def record_path(digest: str) -> str:
    """Where the record of a data set lies."""
    return f"datasets/{checked_key(digest)[:2]}/{digest}.json"
