"""Named collections of comparisons: `?gallery=ID` opens one."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.display.wording import quantity
from core.errors import BadLink, GazegridError
from core.export.archive import import_zip
from core.export.page import export_html
from core.store.gallery import (
    MAX_NOTE,
    Entry,
    Gallery,
    add_to_gallery,
    delete_gallery,
    load_gallery,
    readable_galleries,
    remove_from_gallery,
)
from dashboard.links import incomplete_link
from dashboard.session import attempt, get_store, plain, show_error, show_pending_error
from dashboard.views.gallery import ARCHIVE_MB, file_name, thumbnail_grid, title, zip_bytes

COMPARE, GALLERIES = "app_pages/compare.py", "app_pages/galleries.py"
GALLERY = "gallery"


def page() -> None:
    """The gallery that the address names, or all of them."""
    show_pending_error()
    identifier = st.query_params.get(GALLERY)
    if identifier is None:
        _all()
        return
    st.page_link(GALLERIES, label="All galleries", icon=":material/arrow_back:", query_params={})
    try:
        _one(load_gallery(get_store(), identifier))
    except BadLink:
        show_error(incomplete_link("gallery"))
    except GazegridError as error:
        show_error(error)


def _all() -> None:
    st.title("Galleries", anchor=False)
    galleries, faults = readable_galleries(get_store())
    for name, fault in faults.items():
        st.error(
            f"{plain(name)}: {plain(fault)}. Run `gazegrid fsck --repair` to set it aside.", icon=":material/error:"
        )
    if not galleries:
        st.caption("No galleries yet: open a comparison and press Save.")
    for gallery in galleries:
        with st.container(border=True, key=f"gallery_{gallery.id}"):
            st.page_link(
                GALLERIES, label=f"**{plain(gallery.name)}**", query_params={GALLERY: gallery.id},
                icon=":material/collections_bookmark:",
            )  # fmt: skip
            latest = max((entry.added[:10] for entry in gallery.entries), default="")
            st.caption(_comparisons(gallery) + (f", last added {plain(latest)}" if latest else ""))
    _import()


def _comparisons(gallery: Gallery) -> str:
    return quantity(len(gallery.entries), "comparison")


def _import() -> None:
    with st.form("import", border=True, clear_on_submit=True):
        st.markdown("**Import a gallery**")
        label = "Zip archive of a gallery"
        file = st.file_uploader(label, type=["zip"], max_upload_size=ARCHIVE_MB)
        if not st.form_submit_button("Import", icon=":material/upload:") or file is None:
            return
    try:
        gallery = import_zip(get_store(), file)
    except GazegridError as error:
        st.error(f"Nothing was imported: {plain(error)}", icon=":material/error:")
        return
    st.success(f"{plain(gallery.name)} was imported with {_comparisons(gallery)}.", icon=":material/check:")
    st.page_link(GALLERIES, label="Open gallery", icon=":material/arrow_forward:", query_params={GALLERY: gallery.id})


def _one(gallery: Gallery) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(plain(gallery.name), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            _exports(gallery)
            _delete(gallery)
    st.caption(_comparisons(gallery))
    for entry in gallery.entries:
        with st.container(border=True, key=f"entry_{entry.comparison}"):
            _entry(gallery, entry)


def _exports(gallery: Gallery) -> None:
    store = get_store()
    st.download_button(
        "HTML page", partial(export_html, store, gallery), file_name(gallery, "html"), "text/html",
        icon=":material/html:", on_click="ignore",
        help="One file that opens in any browser, without a network connection.",
    )  # fmt: skip
    st.download_button(
        "Zip archive", partial(zip_bytes, store, gallery), file_name(gallery, "zip"), "application/zip",
        icon=":material/folder_zip:", on_click="ignore",
        help="For import into another Gazegrid, with raw values and checksums.",
    )  # fmt: skip


def _delete(gallery: Gallery) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete **{plain(gallery.name)}**? Its comparisons stay, but their results may be evicted.")
        if st.button("Delete gallery", type="primary", key="delete"):
            attempt(partial(delete_gallery, get_store(), gallery.id))
            st.switch_page(GALLERIES)


def _entry(gallery: Gallery, entry: Entry) -> None:
    store = get_store()
    try:
        comparison = store.comparison(entry.comparison)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.page_link(
                COMPARE, label=f"**{plain(title(comparison))}**", icon=":material/grid_view:",
                query_params={"grid": comparison.key},
            )  # fmt: skip
            _entry_menu(gallery, entry)
        if entry.note:
            st.text(entry.note)
        st.html(thumbnail_grid(comparison, store))
    except GazegridError as error:
        show_error(error)
        _entry_menu(gallery, entry)


def _entry_menu(gallery: Gallery, entry: Entry) -> None:
    store, key = get_store(), entry.comparison
    with st.container(horizontal=True, width="content"):
        with st.popover("Note", icon=":material/edit:"), st.form(f"note_{key}", border=False):
            note = st.text_area("Note", entry.note, max_chars=MAX_NOTE, key=f"text_{key}")
            if st.form_submit_button("Save note", type="primary"):
                attempt(partial(add_to_gallery, store, gallery.name, key, note or ""))
                st.rerun()
        with st.popover("Remove", icon=":material/remove_circle:"):
            st.markdown("Remove this comparison from the gallery? It stays in the store.")
            if st.button("Remove comparison", key=f"remove_{key}", type="primary"):
                attempt(partial(remove_from_gallery, store, gallery.id, key))
                st.rerun()


page()
