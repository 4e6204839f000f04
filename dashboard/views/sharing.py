"""Sharing of a comparison: its link, a gallery, an HTML page, a zip archive."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import streamlit as st

from core.errors import GazegridError
from core.export.page import export_html
from core.jobs.comparison import Comparison
from core.store.gallery import MAX_NAME, MAX_NOTE, Entry, Gallery, add_to_gallery, readable_galleries
from core.store.store import Store
from dashboard.links import GRID
from dashboard.session import get_store, plain, show_error
from dashboard.views.gallery import zip_bytes


def link_to(**query: str) -> str:
    """The address of this page with this query, as a colleague would type it."""
    here = urlsplit(st.context.url or "http://127.0.0.1:8501/")
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    path = here.path or "/"
    return f"{here.scheme}://{here.netloc}{path}?{parameters}"


def share_menu(comparison: Comparison) -> None:
    """Buttons for link, gallery and exports."""
    with st.popover("Link", icon=":material/link:"):
        st.caption("Opens this comparison for everyone who can reach this server.")
        st.code(link_to(**{GRID: comparison.key}), language=None, wrap_lines=True)
    with st.popover("Save", icon=":material/bookmark_add:"):
        _save_form(comparison)
    with st.popover("Export", icon=":material/download:"):
        _exports(comparison)


def _save_form(comparison: Comparison) -> None:
    store = get_store()
    names = _gallery_names(store)
    with st.form("save_to_gallery", border=False):
        name = st.selectbox(
            "Gallery", names, index=0 if names else None, accept_new_options=True,
            placeholder="Name of a new gallery",
            help=f"An existing gallery, or a new name of up to {MAX_NAME} characters.",
        )  # fmt: skip
        note = st.text_area("Note", max_chars=MAX_NOTE, placeholder="What does this comparison show?")
        saved = st.form_submit_button("Save to gallery", type="primary")
    if not saved:
        return
    try:
        gallery = add_to_gallery(store, name or "", comparison.key, note or "")
    except GazegridError as error:
        show_error(error)
        return
    st.success(f"Saved to {plain(gallery.name)}. Its results will not be evicted.", icon=":material/bookmark_added:")


def _gallery_names(store: Store) -> list[str]:
    try:
        return [gallery.name for gallery in readable_galleries(store)[0]]
    except GazegridError as error:
        show_error(error)
        return []


def single(comparison: Comparison) -> Gallery:
    """The comparison as a gallery of one entry that is not stored."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Gallery(f"Comparison {comparison.key[:12]}", (Entry(comparison.key, "", now),))


def _exports(comparison: Comparison) -> None:
    store, name = get_store(), f"gazegrid-{comparison.key[:12]}"
    gallery = single(comparison)
    st.caption("Contains all results computed so far.")
    st.download_button(
        "HTML page", partial(export_html, store, gallery), f"{name}.html", "text/html",
        icon=":material/html:", on_click="ignore", width="stretch",
        help="One file that opens in any browser, without Gazegrid and without a network connection.",
    )  # fmt: skip
    st.download_button(
        "Zip archive", partial(zip_bytes, store, gallery), f"{name}.zip", "application/zip",
        icon=":material/folder_zip:", on_click="ignore", width="stretch",
        help="For import into another Gazegrid on the page Galleries, with raw values and checksums.",
    )  # fmt: skip
