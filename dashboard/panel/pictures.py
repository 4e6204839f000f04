"""The pictures of a comparison: samples, uploaded ones, those of a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import streamlit as st

from core.display.wording import picture_name
from core.errors import BadPicture, GazegridError
from core.jobs.comparison import PictureRef
from core.media.picture import MAX_BYTES, read_picture
from core.media.samples import SAMPLE_PREFIX, sample_names, sample_title, shipped_digest
from core.store.store import Store
from dashboard.components import picture_buttons
from dashboard.links import picture_ref
from dashboard.routes.blobs import blob_url
from dashboard.session import get_store, plain

ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "tif", "tiff")
UPLOAD_MB = MAX_BYTES // 1_000_000
PICTURES, UPLOADED, REFUSED = "compare:pictures", "compare:uploaded", "compare:refused"


def start_from_pictures(pictures: Sequence[PictureRef]) -> None:
    """Let these be chosen; those that are no samples are offered from now on."""
    st.session_state[PICTURES] = list(pictures)
    known = [ref for ref in pictures if not ref.name.startswith(SAMPLE_PREFIX)]
    uploaded = st.session_state.get(UPLOADED, [])
    st.session_state[UPLOADED] = list({ref.digest: ref for ref in (*uploaded, *known)}.values())


def choose_pictures() -> list[PictureRef]:
    """Samples and uploaded pictures to click, and a place for more."""
    chosen: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    digests = {ref.digest for ref in chosen}
    by_name = {ref.name for ref in chosen}
    buttons = [
        {
            "id": f"{SAMPLE_PREFIX}{name}", "name": name, "title": sample_title(name),
            "url": blob_url("sample", name, side=160), "chosen": f"{SAMPLE_PREFIX}{name}" in by_name,
        }
        for name in sample_names()
    ]  # fmt: skip
    buttons += [
        {
            "id": ref.digest, "name": picture_name(ref.name), "title": ref.name,
            "url": blob_url("picture", ref.digest, side=160), "chosen": ref.digest in digests,
        }
        for ref in st.session_state.setdefault(UPLOADED, [])
    ]  # fmt: skip
    picture_buttons(buttons, key="compare:picture_buttons", on_click=_picture_clicked)
    _uploader("compare", _choose_uploaded)
    return chosen


def picture_field(key: str, offered: Sequence[str], *, several: bool, also: Sequence[PictureRef] = ()) -> list[str]:
    """Digests of the pictures that are chosen in `st.session_state[key]`; of several, or of one at most.

    `offered`: sources of pictures that come with Gazegrid; `also`: others. What was uploaded is offered too.
    """
    chosen: list[str] = st.session_state.setdefault(key, [])
    refs = [PictureRef(shipped_digest(source), source) for source in offered]
    addresses = {ref.digest: blob_url(*ref.name.split(":"), side=160) for ref in refs}
    for ref in refs:
        if ref.digest in chosen:
            _shipped(ref.name, get_store())  # a job finds in the store what is chosen
    uploaded = st.session_state.setdefault(UPLOADED, [])
    known = {ref.digest: ref for ref in (*refs, *also, *uploaded)}
    linked = [PictureRef(digest, digest[:8]) for digest in chosen if digest not in known]
    buttons = [
        {
            "id": ref.digest, "name": picture_name(ref.name), "title": ref.name,
            "url": addresses.get(ref.digest) or blob_url("picture", ref.digest, side=160),
            "chosen": ref.digest in chosen,
        }
        for ref in (*known.values(), *linked)
    ]  # fmt: skip
    picture_buttons(buttons, key=f"{key}:buttons", on_click=lambda: _toggle(key, several=several))
    _uploader(key, lambda taken: _choose(key, [ref.digest for ref in taken], several=several))
    return chosen


@lru_cache(maxsize=256)
def _shipped(source: str, store: Store) -> PictureRef:
    return picture_ref(source, store)


def _toggle(key: str, *, several: bool) -> None:
    clicked = st.session_state[f"{key}:buttons"].get("clicked")
    chosen: list[str] = st.session_state[key]
    if clicked in chosen:
        st.session_state[key] = [digest for digest in chosen if digest != clicked]
    elif isinstance(clicked, str):
        _choose(key, [clicked], several=several)


def _choose(key: str, digests: Sequence[str], *, several: bool) -> None:
    wanted = list(dict.fromkeys((*st.session_state[key], *digests)))
    st.session_state[key] = wanted if several else wanted[-1:]


def _uploader(name: str, taken: Callable[[list[PictureRef]], None]) -> None:
    """A place for files; what is refused is said below it. `taken` is told of the good ones."""
    generation = st.session_state.setdefault(f"{name}:uploads", 0)
    st.file_uploader(
        "Upload pictures", ENDINGS, accept_multiple_files=True, key=f"{name}:upload:{generation}",
        on_change=_take_uploads, args=(name, taken), max_upload_size=UPLOAD_MB, label_visibility="collapsed",
    )  # fmt: skip
    for sentence in st.session_state.get(f"{name}:refused", []):
        st.warning(plain(sentence), icon=":material/broken_image:")


def _picture_clicked() -> None:
    clicked = st.session_state["compare:picture_buttons"].get("clicked")
    if isinstance(clicked, str):
        toggle_picture(clicked)


def toggle_picture(identifier: str) -> None:
    """Take a picture into the comparison or out of it; `identifier` is `sample:NAME` or an uploaded one's digest."""
    chosen: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    rest = [ref for ref in chosen if identifier not in (ref.name, ref.digest)]
    if len(rest) == len(chosen):
        uploaded = {ref.digest: ref for ref in st.session_state.get(UPLOADED, [])}
        try:
            rest.append(uploaded.get(identifier) or picture_ref(identifier, get_store()))
        except GazegridError as error:
            st.session_state[REFUSED] = [str(error)]
    st.session_state[PICTURES] = rest


def _take_uploads(name: str, taken: Callable[[list[PictureRef]], None]) -> None:
    """Every file is read once, at once; what is refused is said, what is good stays."""
    files = st.session_state.get(f"{name}:upload:{st.session_state[f'{name}:uploads']}") or []
    good, st.session_state[f"{name}:refused"] = read_uploads([(file.name, file.getvalue()) for file in files])
    _add(UPLOADED, good)
    taken(good)
    st.session_state[f"{name}:uploads"] += 1  # an uploader of another key is empty again


def _choose_uploaded(taken: list[PictureRef]) -> None:
    _add(PICTURES, taken)


def _add(name: str, refs: Sequence[PictureRef]) -> None:
    kept = st.session_state.setdefault(name, [])
    st.session_state[name] = list({ref.digest: ref for ref in (*kept, *refs)}.values())


def read_uploads(files: Sequence[tuple[str, bytes]]) -> tuple[list[PictureRef], list[str]]:
    """The pictures of (name, content), kept in the store; and a sentence for each that is none."""
    taken, refused = [], []
    for name, content in files:
        try:
            picture = read_picture(content, name)
            taken.append(PictureRef(get_store().put_picture(picture), name[:200]))
        except BadPicture as error:
            refused.append(str(error))
    return taken, refused
