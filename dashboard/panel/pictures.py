"""The pictures of a comparison and of parameters: samples, uploads, and those of a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from core.display.wording import picture_names
from core.errors import BadPicture, GazegridError
from core.jobs.comparison import PictureRef
from core.media.decoding import ENDINGS
from core.media.picture import MAX_BYTES, read_picture
from core.media.samples import SAMPLE_PREFIX, sample_names, sample_title, shipped_digest
from core.store.store import Store
from dashboard.components import picture_buttons
from dashboard.links import picture_ref
from dashboard.panel.uploads import Files, file_uploader
from dashboard.routes.blobs import blob_url
from dashboard.session import get_store

UPLOAD_MB = MAX_BYTES // 1_000_000
PICTURES, UPLOADED, ERRORS = "compare:pictures", "compare:uploaded", "compare:errors"


def start_from_pictures(pictures: Sequence[PictureRef]) -> None:
    """Select these pictures, and offer those that are no samples from now on."""
    st.session_state[PICTURES] = list(pictures)
    _add(UPLOADED, [ref for ref in pictures if not ref.name.startswith(SAMPLE_PREFIX)])


def choose_pictures() -> list[PictureRef]:
    """The selected ones of the samples and uploads; with an uploader."""
    selected: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    digests = {ref.digest for ref in selected}
    names = {ref.name for ref in selected}
    buttons = [
        {
            "id": f"{SAMPLE_PREFIX}{name}", "name": name, "title": sample_title(name),
            "url": blob_url("sample", name, side=160), "selected": f"{SAMPLE_PREFIX}{name}" in names,
        }
        for name in sample_names()
    ]  # fmt: skip
    uploaded: list[PictureRef] = st.session_state.setdefault(UPLOADED, [])
    titles = picture_names({ref.digest: ref.name for ref in uploaded} | {name: name for name in sample_names()})
    buttons += [_button(ref, titles[ref.digest], selected=ref.digest in digests) for ref in uploaded]
    picture_buttons(buttons, key="compare:picture_buttons", on_click=_picture_clicked)
    _uploader("compare", lambda refs: _add(PICTURES, refs))
    return selected


def picture_field(key: str, offered: Sequence[str], *, several: bool, also: Sequence[PictureRef] = ()) -> list[str]:
    """Digests of the pictures in `st.session_state[key]`: several of them, or at most one.

    `offered`: sources of bundled pictures; `also`: others. Uploads are offered, too.
    """
    selected: list[str] = st.session_state.setdefault(key, [])
    refs = [PictureRef(shipped_digest(source), source) for source in offered]
    addresses = {ref.digest: blob_url(*ref.name.split(":"), side=160) for ref in refs}
    for ref in refs:
        if ref.digest in selected:
            _stored(ref.name, get_store())  # where jobs find it
    uploaded = st.session_state.setdefault(UPLOADED, [])
    known = {ref.digest: ref for ref in (*refs, *also, *uploaded)}
    linked = [PictureRef(digest, digest[:8]) for digest in selected if digest not in known]
    shown = (*known.values(), *linked)
    names = picture_names({ref.digest: ref.name for ref in shown})
    buttons = [
        _button(ref, names[ref.digest], selected=ref.digest in selected, url=addresses.get(ref.digest)) for ref in shown
    ]
    picture_buttons(buttons, key=f"{key}:buttons", on_click=lambda: _toggle(key, several=several))
    _uploader(key, lambda refs: _select(key, [ref.digest for ref in refs], several=several))
    return selected


def _button(ref: PictureRef, name: str, *, selected: bool, url: str | None = None) -> dict[str, Any]:
    """The button of a picture that is stored, or that has another address."""
    return {
        "id": ref.digest, "name": name, "title": ref.name,
        "url": url or blob_url("picture", ref.digest, side=160), "selected": selected,
    }  # fmt: skip


@lru_cache(maxsize=256)
def _stored(source: str, store: Store) -> PictureRef:
    return picture_ref(source, store)


def _toggle(key: str, *, several: bool) -> None:
    clicked = st.session_state[f"{key}:buttons"].get("clicked")
    selected: list[str] = st.session_state[key]
    if clicked in selected:
        st.session_state[key] = [digest for digest in selected if digest != clicked]
    elif isinstance(clicked, str):
        _select(key, [clicked], several=several)


def _select(key: str, digests: Sequence[str], *, several: bool) -> None:
    selected = list(dict.fromkeys((*st.session_state[key], *digests)))
    st.session_state[key] = selected if several else selected[-1:]


def _uploader(key: str, select: Callable[[list[PictureRef]], None]) -> None:
    """An uploader for pictures, which are stored, offered and handed to `select`."""

    def take(files: Files) -> list[str]:
        refs, errors = read_uploads(files)
        _add(UPLOADED, refs)
        select(refs)
        return errors

    file_uploader(key, "Upload pictures", ENDINGS, UPLOAD_MB, take)


def _picture_clicked() -> None:
    clicked = st.session_state["compare:picture_buttons"].get("clicked")
    if isinstance(clicked, str):
        toggle_picture(clicked)


def toggle_picture(identifier: str) -> None:
    """Select or deselect a picture; `identifier` is `sample:NAME` or the digest of an upload."""
    selected: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    others = [ref for ref in selected if identifier not in (ref.name, ref.digest)]
    if len(others) == len(selected):
        uploaded = {ref.digest: ref for ref in st.session_state.get(UPLOADED, [])}
        try:
            others.append(uploaded.get(identifier) or picture_ref(identifier, get_store()))
        except GazegridError as error:
            st.session_state[ERRORS] = [str(error)]
    st.session_state[PICTURES] = others


def _add(key: str, refs: Sequence[PictureRef]) -> None:
    """Append pictures to the list in the session, each once."""
    present = st.session_state.get(key, [])
    st.session_state[key] = list({ref.digest: ref for ref in (*present, *refs)}.values())


def read_uploads(files: Files) -> tuple[list[PictureRef], list[str]]:
    """The pictures among the files, stored; and an error for each other file."""
    refs, errors = [], []
    for name, content in files:
        try:
            picture = read_picture(content, name)
            refs.append(PictureRef(get_store().inputs.put_picture(picture), name[:200]))
        except BadPicture as error:
            errors.append(str(error))
    return refs, errors
