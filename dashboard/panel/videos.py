"""The video of a parameter: selected among the stored ones, or uploaded, with a player."""

from __future__ import annotations

import streamlit as st

from core.errors import GazegridError
from core.media.video import MAX_BYTES, read_video
from dashboard.components import picture_buttons
from dashboard.grid.videos import MISSING, play_stored
from dashboard.panel.uploads import Files, file_uploader
from dashboard.routes.blobs import blob_url
from dashboard.session import get_store

ENDINGS = ("mp4", "m4v", "mov", "webm", "mkv", "gif")
MAX_OFFERED = 12
"""Videos to select from: the latest ones."""
NAMES = "videos:names"
"""Digest -> file name of the videos of this session."""


def video_field(key: str) -> str:
    """Digest of the video in `st.session_state[key]`, or ''."""
    selected: str = st.session_state.setdefault(key, "")
    offered = get_store().inputs.videos(MAX_OFFERED)
    is_stored = bool(selected) and get_store().inputs.has_video(selected)
    buttons = [
        {
            "id": digest, "name": _name(digest), "title": _name(digest),
            "url": blob_url("still", digest, side=160), "selected": digest == selected,
        }
        for digest in dict.fromkeys((*offered, *([selected] if is_stored else [])))
    ]  # fmt: skip
    if buttons:
        picture_buttons(buttons, key=f"{key}:buttons", on_click=lambda: _clicked(key))
    _uploader(key)
    if is_stored:
        play_stored(selected, _name(selected))
    elif selected:
        st.warning(MISSING, icon=":material/movie_off:")
    return selected


def _name(digest: str) -> str:
    names: dict[str, str] = st.session_state.setdefault(NAMES, {})
    return names.get(digest, digest[:8])


def _clicked(key: str) -> None:
    clicked = st.session_state[f"{key}:buttons"].get("clicked")
    if isinstance(clicked, str):
        toggle_video(key, clicked)


def toggle_video(key: str, digest: str) -> None:
    """Select the video, or deselect it."""
    st.session_state[key] = "" if st.session_state.get(key) == digest else digest


def _uploader(key: str) -> None:
    """An uploader for a video, which is stored and selected; the selection stays if the file is no video."""

    def take(files: Files) -> list[str]:
        ((name, content),) = files
        try:
            digest = get_store().inputs.put_video(read_video(content, name))
        except GazegridError as error:
            return [str(error)]
        st.session_state.setdefault(NAMES, {})[digest] = name[:200]
        st.session_state[key] = digest
        return []

    file_uploader(key, "Upload video", ENDINGS, MAX_BYTES // 1_000_000, take, several=False)
