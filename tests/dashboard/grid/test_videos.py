from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.items import Animation, Item, Scalar, png_bytes
from core.jobs.comparison import Comparison
from core.media import video as core_video
from core.methods import METHODS, make_method
from core.queue.grid import read_grid
from core.store.store import Store
from dashboard.grid.cells import View, grid_data
from dashboard.grid.videos import facts_line
from dashboard.session import get_queue
from dashboard.views.gallery import thumbnail_grid, title
from dashboard.views.recent import cards
from tests.support.odd_videos import Encoding, a_gif, timed
from tests.support.opened import PATIENCE_S, opened, press, run_button, texts
from tests.support.videos import MODEL, a_painted_cell, a_video, painted, pan

DOOR = {"method": "style_video", "model": MODEL}


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    page.file_uploader[0].upload(name, content)
    page.run()
    assert not page.exception
    return page


def tags(page: AppTest) -> list[str]:
    """The players, and the pictures beside them."""
    return [element.value for element in page.html if element.value.startswith(("<video", "<img"))]


def test_an_uploaded_video_is_played_described_and_run_and_its_link_has_it(store: Store) -> None:
    page = opened("compare", **DOOR)
    assert run_button(page).disabled
    assert "a video" in run_button(page).help
    video = a_video(pan(7), "mp4")
    upload(page, "clip.mp4", video.content)
    (player,) = tags(page)
    assert f'src="/api/video/{video.digest}"' in player
    assert "0.7 s · 64 x 48 px · 10 frames a second · 7 frames · " in texts(page)
    press(page, run_button(page).label)
    (method,) = store.comparison("".join(page.query_params["grid"])).methods
    assert method.model_dump()["video"] == video.digest
    again = opened("compare", grid="".join(page.query_params["grid"]))
    assert [f'src="/api/video/{video.digest}"' in tag for tag in tags(again)] == [True]


def test_a_gif_plays_as_a_picture(store: Store) -> None:
    digest = store.inputs.put_video(a_video())
    (player,) = tags(opened("compare", **DOOR, video=digest))
    assert player.startswith(f'<img src="/api/video/{digest}"')


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no video at all", "bad.mp4 begins with b'no video', it must be an MP4, MOV, WebM, Matroska or GIF file"),
        (png_bytes(pan(1)[0]), "bad.mp4 begins with "),
        (a_video().content[:40], "bad.mp4 "),
        (b"", "bad.mp4 is empty: 0 bytes"),
    ],
    ids=["text", "picture", "cut", "empty"],
)
def test_a_file_that_is_no_video_is_one_sentence_and_the_selection_stays(
    store: Store, content: bytes, sentence: str
) -> None:
    digest = store.inputs.put_video(a_video())
    page = upload(opened("compare", **DOOR, video=digest), "bad.mp4", content)
    (warning,) = [element.value.replace("\\", "") for element in page.warning]
    assert warning.startswith(sentence)
    assert [digest in player for player in tags(page)] == [True]
    assert not run_button(page).disabled
    upload(page, "good.gif", a_video(pan(2)).content)
    assert not page.warning


@pytest.mark.usefixtures("store")
def test_too_large_a_video_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    video = a_video(pan(4), "mp4")
    monkeypatch.setattr(core_video, "MAX_BYTES", len(video.content) - 1)
    page = upload(opened("compare", **DOOR), "large.mp4", video.content)
    assert page.warning[0].value.replace("\\", "").startswith("large.mp4 has 0.0")
    assert not tags(page)
    assert run_button(page).disabled


@pytest.mark.usefixtures("store")
def test_a_link_to_a_missing_video_says_so() -> None:
    page = opened("compare", **DOOR, video="0" * 64)
    assert page.warning[0].value == "This video is no longer stored: upload it again."


@pytest.mark.usefixtures("store")
def test_a_link_names_a_video_of_the_store_and_never_a_file() -> None:
    page = opened("compare", method="style_video", video="/etc/passwd")
    assert "a video is named by its digest, 64 hex digits, got '/etc/passwd'" in page.error[0].value.replace("\\", "")


CHOOSING = """
import streamlit as st
from dashboard.panel.videos import video_field, toggle_video

for digest in st.session_state.get("clicks", []):
    toggle_video("video", digest)
st.text(video_field("video"))
"""


def test_stored_videos_are_offered_with_a_still_and_a_click_toggles_one(store: Store) -> None:
    first, second = (store.inputs.put_video(a_video(pan(count))) for count in (2, 3))
    page = AppTest.from_string(CHOOSING, default_timeout=PATIENCE_S).run()
    assert page.text[0].value == ""
    offered = str(page.get("bidi_component")[0].proto)
    assert all(f"/api/still/{digest}?side=160" in offered for digest in (first, second))
    for clicks, selected in (([first], first), ([second], second), ([second], "")):
        page.session_state["clicks"] = clicks
        assert page.run().text[0].value == selected


def in_details(store: Store, items: Mapping[str, Item], video: str) -> AppTest:
    """The details of a result of `style_video`, as a link opens them."""
    grid, cell = a_painted_cell(store, items, video)
    return opened("compare", grid=grid, cell=cell)


def test_details_play_the_stylized_video_beside_its_source_with_downloads(store: Store) -> None:
    digest = store.inputs.put_video(a_video(pan(5), "mp4"))
    items = {"stylized": painted(), "original": Animation(frames=np.stack(pan(3))), "flicker": Scalar(value=0.2)}
    page = in_details(store, items, digest)
    key = "".join(page.query_params["cell"])
    whole, source = f"/api/result/{key}/stylized.mp4", f"/api/video/{digest}"
    assert all(any(f'src="{url}"' in tag for tag in tags(page)) for url in (whole, source))
    assert {f"{whole}?download=1", f"{source}?download=1"} <= {link.proto.url for link in page.get("link_button")}
    assert "It flickers by 0.2." in texts(page)
    (pair,) = [
        str(component.proto)
        for component in page.main.get("bidi_component")
        if "/api/animation/" in str(component.proto)
    ]
    assert pair.index(f"/api/animation/{key}/original") < pair.index(f"/api/animation/{key}/stylized")


def test_videos_of_different_lengths_are_not_overlaid(store: Store) -> None:
    items = {"stylized": painted(3, "gif"), "original": Animation(frames=np.stack(pan(2)))}
    page = in_details(store, items, store.inputs.put_video(a_video()))
    assert not [component for component in page.main.get("bidi_component") if "/api/animation/" in str(component.proto)]
    assert any(tag.startswith("<img") and "stylized.gif" in tag for tag in tags(page))


def test_details_without_the_source_say_so_and_play_the_rest(store: Store) -> None:
    page = in_details(store, {"stylized": painted()}, "0" * 64)
    assert "This video is no longer stored" in texts(page)
    assert any("stylized.mp4" in tag for tag in tags(page))


def test_a_grid_and_a_card_of_a_video_show_its_still(store: Store) -> None:
    one, other = (make_method("style_video", {"model": MODEL, "video": digit * 64}) for digit in "12")
    comparison = Comparison((), (), (one,))
    still = f"/api/still/{'1' * 64}?side="
    (row,) = grid_data(read_grid(comparison, store, get_queue()), View("stylized"), store)["rows"]
    assert row["url"] == f"{still}320"
    assert f"{still}160" in thumbnail_grid(comparison, store)
    assert title(comparison) == METHODS["style_video"].title
    assert f"{still}160" in cards([(comparison, "2026-11-21T10:00:00+00:00")])
    (mixed,) = grid_data(read_grid(Comparison((), (), (one, other)), store, get_queue()), View("stylized"), store)[
        "rows"
    ]
    assert mixed["url"] is None


def test_videos_whose_equal_frames_were_merged_are_overlaid_moment_by_moment(store: Store) -> None:
    """WebP merges equal frames: three of the one and two of the other, of the same duration."""
    first, other, last = pan(3)
    stylized = Animation(frames=np.stack([first, other, last]), durations_ms=(20, 30, 500), whole=painted().whole)
    original = Animation(frames=np.stack([first, first, last]), durations_ms=(20, 30, 500))
    page = in_details(store, {"stylized": stylized, "original": original}, store.inputs.put_video(a_video()))
    (pair,) = [
        json.loads(component.proto.json)
        for component in page.main.get("bidi_component")
        if "/api/animation/" in str(component.proto)
    ]
    assert (pair["left"]["durations_ms"], pair["right"]["durations_ms"]) == ([50, 500], [20, 30, 500])


def test_the_facts_of_a_video_of_uneven_times_say_so(store: Store) -> None:
    video = timed([0, 40, 80, 1000], Fraction(1, 1000), Encoding(options={"bf": "0"}), last=1000)
    line = facts_line(store.inputs.put_video(video))
    assert line.startswith("2 s · 64 x 48 px · 2 frames a second on average · 4 frames · ")
    gif = facts_line(store.inputs.put_video(a_gif([0, 0])))
    assert gif.startswith("0.2 s · 32 x 32 px · 10 frames a second · 2 frames · ")
    assert gif.endswith(" · delays of 0 and 10 ms count as 100 ms, as in browsers")
