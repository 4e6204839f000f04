"""The video that a parameter names: chosen among those that are kept, or uploaded, and played."""

from __future__ import annotations

import streamlit as st

from core.errors import GazegridError
from core.media.video import MAX_BYTES, read_video
from dashboard.components import picture_buttons
from dashboard.grid.videos import GONE, play_kept
from dashboard.routes.blobs import blob_url
from dashboard.session import get_store, plain

ENDINGS = ("mp4", "m4v", "gif")
OFFERED_MAX = 12
"""Videos to choose from: those that came last."""
NAMES = "videos:names"
"""What the files of this visit were called, by digest."""


def video_field(key: str) -> str:
    """Digest of the video that is chosen in `st.session_state[key]`, or ''."""
    chosen: str = st.session_state.setdefault(key, "")
    kept = get_store().videos(OFFERED_MAX)
    there = bool(chosen) and get_store().has_video(chosen)
    buttons = [
        {
            "id": digest, "name": _name(digest), "title": _name(digest),
            "url": blob_url("still", digest, side=160), "chosen": digest == chosen,
        }
        for digest in dict.fromkeys((*kept, *([chosen] if there else [])))
    ]  # fmt: skip
    if buttons:
        picture_buttons(buttons, key=f"{key}:buttons", on_click=lambda: _clicked(key))
    _uploader(key)
    if there:
        play_kept(chosen, _name(chosen))
    elif chosen:
        st.warning(GONE, icon=":material/movie_off:")
    return chosen


def _name(digest: str) -> str:
    names: dict[str, str] = st.session_state.setdefault(NAMES, {})
    return names.get(digest, digest[:8])


def _clicked(key: str) -> None:
    clicked = st.session_state[f"{key}:buttons"].get("clicked")
    if isinstance(clicked, str):
        toggle_video(key, clicked)


def toggle_video(key: str, digest: str) -> None:
    """Choose a video, or none where it was chosen."""
    st.session_state[key] = "" if st.session_state.get(key) == digest else digest


def _uploader(key: str) -> None:
    """A place for a file; why one is refused is said below it."""
    generation = st.session_state.setdefault(f"{key}:uploads", 0)
    st.file_uploader(
        "Upload a video", ENDINGS, key=f"{key}:upload:{generation}", on_change=_take_upload, args=(key,),
        max_upload_size=MAX_BYTES // 1_000_000, label_visibility="collapsed",
    )  # fmt: skip
    if refused := st.session_state.get(f"{key}:refused"):
        st.warning(plain(refused), icon=":material/movie_off:")


def _take_upload(key: str) -> None:
    """Read the file, once and at once; what was chosen stays where it is no video."""
    file = st.session_state.get(f"{key}:upload:{st.session_state[f'{key}:uploads']}")
    if file is None:
        return
    try:
        digest = get_store().put_video(read_video(file.getvalue(), file.name))
    except GazegridError as error:
        st.session_state[f"{key}:refused"] = str(error)
    else:
        st.session_state.pop(f"{key}:refused", None)
        st.session_state.setdefault(NAMES, {})[digest] = file.name[:200]
        st.session_state[key] = digest
    st.session_state[f"{key}:uploads"] += 1  # an uploader of another key is empty again
