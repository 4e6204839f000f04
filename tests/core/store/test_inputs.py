from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput, Damaged, StoreFull
from core.media.drawn_styles import STYLES
from core.media.picture import Picture
from core.media.video import Video
from core.store.inputs import picture_path, video_path
from core.store.store import Store
from tests.support.kept import a_picture


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_picture_is_kept_under_its_pixels(store: Store) -> None:
    picture = a_picture(1)
    assert (
        store.inputs.put_picture(picture)
        == store.inputs.put_picture(Picture.from_pixels(picture.pixels))
        == picture.digest
    )
    np.testing.assert_array_equal(store.inputs.picture(picture.digest).pixels, picture.pixels)


@pytest.mark.parametrize("content", [b"", b"no png", a_picture(2).png()])
def test_a_damaged_picture_is_reported_and_set_aside(store: Store, content: bytes) -> None:
    digest = store.inputs.put_picture(a_picture(1))
    (Path(store.shelf.root) / picture_path(digest)).write_bytes(content)
    with pytest.raises(Damaged, match="upload it again"):
        store.inputs.picture(digest)
    with pytest.raises(BadInput, match="there is no picture"):
        store.inputs.picture(digest)
    assert store.inputs.put_picture(a_picture(1)) == digest


def test_on_a_full_disk_a_damaged_picture_is_still_set_aside(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.inputs.put_picture(a_picture(1))
    (Path(store.shelf.root) / picture_path(digest)).write_bytes(b"no png")

    def full(*_: object) -> None:
        raise StoreFull("no space left")

    monkeypatch.setattr(store.shelf, "write", full)
    with pytest.raises(Damaged, match="upload it again"):
        store.inputs.picture(digest)
    assert not store.shelf.exists(picture_path(digest))


def test_a_damaged_picture_stays_in_place_on_request(store: Store) -> None:
    digest = store.inputs.put_picture(a_picture(1))
    (Path(store.shelf.root) / picture_path(digest)).write_bytes(b"no png")
    with pytest.raises(Damaged):
        store.inputs.picture(digest, keep_damaged=True)
    assert store.shelf.exists(picture_path(digest))


def test_a_drawn_style_picture_needs_no_file(store: Store) -> None:
    digest = STYLES["woodcut"].digest
    assert store.inputs.picture(digest).digest == digest
    assert not store.shelf.exists(picture_path(digest))


def let_the_clock_move_on(store: Store, path: str) -> None:
    """Wait until what is written next has a later time than the file at `path`."""
    now = store.shelf.written_at(path)
    while now <= store.shelf.written_at(path):
        store.shelf.write("clock", b"")
        now = store.shelf.written_at("clock")


@pytest.mark.parametrize("bucket", [False, True], ids=["folder", "bucket"])
def test_videos_are_listed_the_last_one_first(tmp_path: Path, bucket: bool) -> None:
    store = Store(f"memory://videos-{os.getpid()}/team" if bucket else tmp_path)
    digests = []
    for number in range(3):
        digests.append(store.inputs.put_video(Video(b"GIF8" + bytes([number]))))
        let_the_clock_move_on(store, video_path(digests[-1]))
    store.shelf.write("videos/ab/.DS_Store", b"")
    assert store.inputs.videos(2) == [digests[2], digests[1]]
    assert store.inputs.has_video(digests[0])
    assert not store.inputs.has_video("0" * 64)


def test_a_damaged_video_is_reported_and_set_aside(store: Store) -> None:
    digest = store.inputs.put_video(Video(b"GIF8 and more"))
    (Path(store.shelf.root) / video_path(digest)).write_bytes(b"GIF8 and less")
    with pytest.raises(Damaged, match="damaged on disk: upload it again"):
        store.inputs.video(digest)
    with pytest.raises(BadInput, match="there is no video"):
        store.inputs.video(digest)
