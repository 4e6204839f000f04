"""A file uploader that hands over each upload once, and shows why files were rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.session import plain, sentence

Files = Sequence[tuple[str, bytes]]
"""(name, content) of each uploaded file."""
Take = Callable[[Files], list[str]]
"""Stores what can be used of some files; gives an error for each that cannot."""


def file_uploader(
    key: str, label: str, endings: Sequence[str], max_mb: int, take: Take, *, several: bool = True
) -> None:
    """An uploader that hands its files to `take` and is empty again; with the errors of the last upload."""
    generation = st.session_state.setdefault(f"{key}:generation", 0)
    st.file_uploader(
        label, endings, accept_multiple_files=several, key=f"{key}:upload:{generation}", on_change=_hand_over,
        args=(key, take), max_upload_size=max_mb, label_visibility="collapsed",
    )  # fmt: skip
    for error in st.session_state.get(f"{key}:errors", []):
        st.warning(plain(sentence(error)), icon=":material/error:")


def _hand_over(key: str, take: Take) -> None:
    uploaded = st.session_state.get(f"{key}:upload:{st.session_state[f'{key}:generation']}")
    if not uploaded:
        return
    files = uploaded if isinstance(uploaded, list) else [uploaded]
    st.session_state[f"{key}:errors"] = take([(file.name, file.getvalue()) for file in files])
    st.session_state[f"{key}:generation"] += 1  # an uploader of another key is empty
