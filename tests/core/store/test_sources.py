from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput, BadPicture
from core.media.drawn_styles import STYLES
from core.media.samples import sample
from core.methods import METHODS, make_method
from core.store.inputs import picture_path
from core.store.sources import datasets_from, pictures_from, with_digests
from core.store.store import Store
from tests.support.kept import a_picture
from tests.support.squares import squares
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
        (file, r"^painting\.png begins with .*, it must be an MP4, MOV, WebM, Matroska or GIF file$"),
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


def saved(path: Path, seed: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(a_picture(seed).png())
    return str(path)


@pytest.mark.parametrize("name", ["a, b.png", '"quoted".png', "👨‍👩‍👧,2.png", "two\nlines.png", "it's.png"])
def test_a_picture_may_have_any_name(store: Store, tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, 1)
    ((picture, _),) = pictures_from(path, store)
    assert picture.digest == a_picture(1).digest
    assert with_digests(STYLE_TRANSFER, {"styles": path}, store) == {"styles": picture.digest}
    quoted = path.replace('"', '""')
    listed = f'"{quoted}",sample:cat'
    assert [picture.digest for picture, _ in pictures_from(listed, store)] == [picture.digest, sample("cat").digest]
    assert with_digests(STYLE_TRANSFER, {"styles": listed}, store)["styles"].split(",")[0] == picture.digest


def test_a_list_with_a_comma_in_a_name_says_how_to_give_it(store: Store, tmp_path: Path) -> None:
    path = saved(tmp_path / "a,b.png", 1)
    with pytest.raises(
        BadPicture, match=r"^there is no picture file .*; a name with a comma must be in double quotes$"
    ):
        pictures_from(f"sample:cat,{path}", store)
    with pytest.raises(BadPicture, match=r"; a name with a comma must be in double quotes$"):
        with_digests(STYLE_TRANSFER, {"styles": f"sample:cat,{path}"}, store)


def test_pictures_of_one_name_have_their_folders_in_their_rows(store: Store, tmp_path: Path) -> None:
    folders = ("x/a", "x/b", "y/a")
    paths = [saved(tmp_path / folder / "cat.png", seed) for seed, folder in enumerate(folders)]
    other = saved(tmp_path / "x" / "dog.png", 9)
    names = [name for _, name in pictures_from(",".join([*paths, other, "sample:cat"]), store)]
    assert names == ["x/a/cat.png", "b/cat.png", "y/a/cat.png", "dog.png", "sample:cat"]


def test_data_sets_of_one_name_have_their_digests_in_their_rows(store: Store) -> None:
    digests = [store.inputs.put_dataset(squares(seed=seed), "Squares, 2026") for seed in (0, 1)]
    found = datasets_from(",".join(digests), store)
    assert found == [(digest, f"Squares, 2026 ({digest[:8]})") for digest in digests]
    assert datasets_from(digests[0], store) == [(digests[0], "Squares, 2026")]


def test_a_data_set_may_have_a_comma_in_its_name(store: Store) -> None:
    digest = store.inputs.put_dataset(squares(), "Squares, 2026")
    assert datasets_from("Squares, 2026", store) == [(digest, "Squares, 2026")]
    assert datasets_from('"Squares, 2026", digits', store)[0] == (digest, "Squares, 2026")
    with pytest.raises(
        BadInput, match=r"^there is no data set 'Squares' in this store; a name with a comma must be in"
    ):
        datasets_from("Squares, 2026, digits", store)
