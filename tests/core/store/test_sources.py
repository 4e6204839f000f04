from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput, BadPicture
from core.media.drawn_styles import STYLES
from core.media.samples import sample
from core.methods import METHODS, make_method
from core.store.inputs import picture_path
from core.store.sources import with_digests
from core.store.store import Store
from tests.support.kept import a_picture
from tests.support.videos import a_video

STYLE_TRANSFER = METHODS["style_transfer"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "painting.png").write_bytes(a_picture(1).png())
    return str(tmp_path / "painting.png")


def test_sources_of_pictures_become_digests_of_stored_pictures(store: Store, file: str) -> None:
    kept = store.inputs.put_picture(a_picture(2))
    sources = f"sample:hubble_deep_field, style:waves,{file} , {kept}"
    found = with_digests(STYLE_TRANSFER, {"styles": sources, "mask": file, "steps": "3"}, store)
    digests = (sample("hubble").digest, STYLES["waves"].digest, a_picture(1).digest, kept)
    method = make_method("style_transfer", found)
    assert method.model_dump()["styles"] == digests
    assert method.model_dump()["mask"] == a_picture(1).digest
    assert found["steps"] == "3"
    assert all(store.shelf.exists(picture_path(digest)) for digest in digests)
    assert with_digests(STYLE_TRANSFER, {"styles": sources.split(",")}, store)["styles"] == ",".join(digests)


def test_a_video_is_a_file_or_one_that_is_kept(store: Store, tmp_path: Path) -> None:
    path, video = tmp_path / "clip.gif", a_video()
    path.write_bytes(video.content)
    method = METHODS["style_video"]
    assert with_digests(method, {"video": str(path), "kind": "gif"}, store) == {"video": video.digest, "kind": "gif"}
    assert store.inputs.video(video.digest).content == video.content
    assert with_digests(method, {"video": video.digest}, store) == {"video": video.digest}
    assert with_digests(method, {"video": ""}, store) == {"video": ""}


def test_a_missing_or_invalid_video_is_refused_in_one_sentence(store: Store, file: str) -> None:
    method = METHODS["style_video"]
    for source, sentence in (
        ("/no/clip.mp4", r"^there is no file '/no/clip\.mp4'$"),
        ("0" * 64, r"^there is no video 000000000000… in this store: upload it again$"),
        (file, r"^painting\.png begins with .*, it must be an MP4 or GIF file$"),
    ):
        with pytest.raises(BadInput, match=sentence):
            with_digests(method, {"video": source}, store)


def test_other_parameters_and_other_methods_are_left_alone(store: Store) -> None:
    given = {"target": "set", "wanted": "sample:cat"}
    assert with_digests(METHODS["detail_search"], given, store) == given
    assert with_digests(STYLE_TRANSFER, {"styles": 3, "mask": ""}, store) == {"styles": 3, "mask": ""}


def test_a_missing_picture_is_refused_in_one_sentence(store: Store) -> None:
    with pytest.raises(BadInput, match=r"there is no picture 0{12}… in this store: upload it again"):
        with_digests(STYLE_TRANSFER, {"styles": "0" * 64}, store)
    with pytest.raises(BadPicture, match=r"no picture file '/no/such.png'"):
        with_digests(STYLE_TRANSFER, {"mask": "/no/such.png"}, store)
