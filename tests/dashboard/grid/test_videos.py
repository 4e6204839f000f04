from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.items import Animation, Item, Scalar, png_bytes
from core.jobs.comparison import Comparison
from core.media import video as core_video
from core.methods import make_method
from core.queue.grid import look
from core.store.store import Store
from dashboard.grid.cells import View, grid_data
from dashboard.session import get_queue
from dashboard.views.gallery import thumbnail_grid, title
from dashboard.views.recent import cards
from tests.support.films import MODEL, a_film, a_painted_cell, painted, pan
from tests.support.opened import PATIENCE_S, opened, press, run_button, texts

DOOR = {"method": "style_video", "model": MODEL}


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    page.file_uploader[0].upload(name, content)
    page.run()
    assert not page.exception
    return page


def tags(page: AppTest) -> list[str]:
    """The players, and the pictures beside them."""
    return [shown.value for shown in page.html if shown.value.startswith(("<video", "<img"))]


def test_an_uploaded_film_is_played_told_and_run_and_its_link_has_it(store: Store) -> None:
    page = opened("compare", **DOOR)
    assert run_button(page).disabled
    assert "a film" in run_button(page).help
    film = a_film(pan(7), "mp4")
    upload(page, "clip.mp4", film.content)
    (player,) = tags(page)
    assert f'src="/api/video/{film.digest}"' in player
    assert "0.7 s · 64 x 48 px · 10 frames a second · 7 frames · " in texts(page)
    press(page, run_button(page).label)
    (method,) = store.comparison("".join(page.query_params["grid"])).methods
    assert method.model_dump()["video"] == film.digest
    again = opened("compare", grid="".join(page.query_params["grid"]))
    assert [f'src="/api/video/{film.digest}"' in one for one in tags(again)] == [True]


def test_a_gif_plays_as_a_picture(store: Store) -> None:
    digest = store.put_video(a_film())
    (player,) = tags(opened("compare", **DOOR, video=digest))
    assert player.startswith(f'<img src="/api/video/{digest}"')


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no film at all", "bad.mp4 begins with b'no film ', allowed are films of MP4 and GIF"),
        (png_bytes(pan(1)[0]), "bad.mp4 begins with "),
        (a_film().content[:40], "bad.mp4 "),
        (b"", "bad.mp4 has 0.00 MB, allowed are films up to 100 MB"),
    ],
    ids=["text", "picture", "cut", "empty"],
)
def test_what_is_no_film_is_one_sentence_and_the_chosen_one_stays(store: Store, content: bytes, sentence: str) -> None:
    digest = store.put_video(a_film())
    page = upload(opened("compare", **DOOR, video=digest), "bad.mp4", content)
    (warning,) = [one.value.replace("\\", "") for one in page.warning]
    assert warning.startswith(sentence)
    assert [digest in player for player in tags(page)] == [True]
    assert not run_button(page).disabled
    upload(page, "good.gif", a_film(pan(2)).content)
    assert not page.warning


@pytest.mark.usefixtures("store")
def test_too_large_a_film_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    film = a_film(pan(4), "mp4")
    monkeypatch.setattr(core_video, "MAX_BYTES", len(film.content) - 1)
    page = upload(opened("compare", **DOOR), "large.mp4", film.content)
    assert page.warning[0].value.replace("\\", "").startswith("large.mp4 has 0.0")
    assert not tags(page)
    assert run_button(page).disabled


@pytest.mark.usefixtures("store")
def test_a_link_to_a_film_that_is_not_kept_says_so() -> None:
    page = opened("compare", **DOOR, video="0" * 64)
    assert page.warning[0].value == "This film is not kept here any more: upload it again."


@pytest.mark.usefixtures("store")
def test_a_link_names_a_film_of_the_store_and_never_a_file() -> None:
    page = opened("compare", method="style_video", video="/etc/passwd")
    assert "a film is named by its digest, 64 hex digits, got '/etc/passwd'" in page.error[0].value.replace("\\", "")


CHOOSING = """
import streamlit as st
from dashboard.panel.films import film_field, toggle_film

for digest in st.session_state.get("clicks", []):
    toggle_film("film", digest)
st.text(film_field("film"))
"""


def test_kept_films_are_offered_with_a_still_and_a_click_takes_one_or_leaves_it(store: Store) -> None:
    first, second = (store.put_video(a_film(pan(count))) for count in (2, 3))
    page = AppTest.from_string(CHOOSING, default_timeout=PATIENCE_S).run()
    assert page.text[0].value == ""
    offered = str(page.get("bidi_component")[0].proto)
    assert all(f"/api/still/{digest}?side=160" in offered for digest in (first, second))
    for clicks, chosen in (([first], first), ([second], second), ([second], "")):
        page.session_state["clicks"] = clicks
        assert page.run().text[0].value == chosen


def in_details(store: Store, items: Mapping[str, Item], video: str) -> AppTest:
    """The details of a result of `style_video`, as a link opens them."""
    grid, cell = a_painted_cell(store, items, video)
    return opened("compare", grid=grid, cell=cell)


def test_details_play_the_painted_film_beside_its_source_and_save_both(store: Store) -> None:
    digest = store.put_video(a_film(pan(5), "mp4"))
    items = {"stylized": painted(), "original": Animation(frames=np.stack(pan(3))), "flicker": Scalar(value=0.2)}
    page = in_details(store, items, digest)
    key = "".join(page.query_params["cell"])
    whole, source = f"/api/result/{key}/stylized.mp4", f"/api/video/{digest}"
    assert all(any(f'src="{url}"' in tag for tag in tags(page)) for url in (whole, source))
    assert {f"{whole}?download=1", f"{source}?download=1"} <= {link.proto.url for link in page.get("link_button")}
    assert "It flickers by 0.2." in texts(page)
    (pair,) = [str(one.proto) for one in page.main.get("bidi_component") if "/api/film/" in str(one.proto)]
    assert pair.index(f"/api/film/{key}/original") < pair.index(f"/api/film/{key}/stylized")


def test_films_of_other_lengths_are_not_laid_over_each_other(store: Store) -> None:
    items = {"stylized": painted(3, "gif"), "original": Animation(frames=np.stack(pan(2)))}
    page = in_details(store, items, store.put_video(a_film()))
    assert not [one for one in page.main.get("bidi_component") if "/api/film/" in str(one.proto)]
    assert any(tag.startswith("<img") and "stylized.gif" in tag for tag in tags(page))


def test_details_without_the_source_say_so_and_play_the_rest(store: Store) -> None:
    page = in_details(store, {"stylized": painted()}, "0" * 64)
    assert "This film is not kept here any more" in texts(page)
    assert any("stylized.mp4" in tag for tag in tags(page))


def test_a_grid_and_a_card_of_a_film_show_its_still(store: Store) -> None:
    one, other = (make_method("style_video", {"model": MODEL, "video": digit * 64}) for digit in "12")
    comparison = Comparison((), (), (one,))
    still = f"/api/still/{'1' * 64}?side="
    (row,) = grid_data(look(comparison, store, get_queue()), View("stylized"), store)["rows"]
    assert row["url"] == f"{still}320"
    assert f"{still}160" in thumbnail_grid(comparison, store)
    assert title(comparison) == "Stylize a film"
    assert f"{still}160" in cards([(comparison, "2026-11-21T10:00:00+00:00")])
    (mixed,) = grid_data(look(Comparison((), (), (one, other)), store, get_queue()), View("stylized"), store)["rows"]
    assert mixed["url"] is None
