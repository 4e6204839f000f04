"""Every data set: what is in it, how it looks, where it came from. `?dataset=DIGEST` opens one."""

from __future__ import annotations

import streamlit as st

from core.datasets.digits import DIGITS
from core.datasets.record import MAX_NAME, DatasetRecord, default_name
from core.datasets.upload import FILE_ENDINGS, UPLOAD_MB, read_upload
from core.errors import GazegridError
from core.jobs.spec import checked_key
from core.store.sources import known_dataset
from dashboard.figures.datasets import classes_figure
from dashboard.grid.items import PLOTLY
from dashboard.panel.learning import learning_methods
from dashboard.routes.contact_sheets import MIXED, draw_sheet, is_drawn, strip_of
from dashboard.session import get_store, plain, show_error
from dashboard.views.dataset import CLASSES_A_PAGE, contact_sheet, facts, mixed_strip, origin, spread

COMPARE, DATA, DATASET = "app_pages/compare.py", "app_pages/data.py", "dataset"
SAID = "data:said"
CARD_PX = 380
DRAWN_UNASKED_BYTES = 64 * 2**20
"""Up to so large, a data set is drawn for the list; a larger one when it is opened."""


def page() -> None:
    """The data set that the address names, or all of them."""
    if sentence := st.session_state.pop(SAID, None):
        st.error(plain(sentence), icon=":material/error:")
    digest = st.query_params.get(DATASET)
    if digest is None:
        st.query_params.clear()  # a link from this very page leaves the address as it was
        _all()
        return
    st.query_params[DATASET] = digest
    st.page_link(DATA, label="All data sets", icon=":material/arrow_back:", query_params={})
    try:
        with st.spinner("Reading the data set…", show_time=True):
            record = get_store().dataset_record(checked_key(digest))
            strip_of(get_store(), record.digest, MIXED)
    except GazegridError as error:
        show_error(error)
        return
    _one(record)


def _all() -> None:
    st.title("Data", anchor=False)
    st.markdown(
        "Pictures that networks learn from. Those that are held out measure what was learned. "
        "A data set is kept under the hash of all that is in it, so that the same one is never kept twice."
    )
    try:
        known_dataset(DIGITS, get_store())  # there from the start
    except GazegridError as error:
        show_error(error)
    cards = st.grid(min_column_width=CARD_PX)
    _add()  # first, so that the cards show what was added
    for digest, record in get_store().datasets():
        with cards, st.container(border=True, key=f"dataset_{digest}", gap="xsmall"):
            _card(digest, record)


def _card(digest: str, record: DatasetRecord | None) -> None:
    title = record.title if record else f"{digest[:12]}…"
    st.page_link(DATA, label=f"**{plain(title)}**", icon=":material/database:", query_params={DATASET: digest})
    if record is None:
        st.caption("Put here before there were records: open it, and it is read once.")
        return
    st.caption(plain(facts(record)))
    if record.size_bytes <= DRAWN_UNASKED_BYTES or is_drawn(get_store(), digest):
        st.html(mixed_strip(digest, record.title))
    else:
        st.caption("Open it to see some of its pictures.")
    st.caption(plain(f"{origin(record)} · {digest[:12]}…"))


def _add() -> None:
    with st.form("add", border=True, clear_on_submit=True):
        st.markdown("**Add a data set**")
        file = st.file_uploader(
            "A zip of class folders, of pictures alone, or of MNIST's files; or a parquet file with image and label",
            type=list(FILE_ENDINGS), max_upload_size=UPLOAD_MB,
        )  # fmt: skip
        name = st.text_input("Name", max_chars=MAX_NAME, placeholder="That of the file")
        st.caption(
            "What lies in folders `val` or `test` is held out, else a tenth of each class. One picture that cannot be "
            "read refuses all. Larger ones, and folders, are taken by `gazegrid data add PATH`."
        )
        if not st.form_submit_button("Add", icon=":material/upload:") or file is None:
            return
    try:
        with st.spinner("Looking at every picture…", show_time=True):
            dataset = read_upload(file.getvalue(), file.name)
            known = {digest for digest, _ in get_store().datasets()}
            source = f"uploaded: {file.name}"
            digest = get_store().put_dataset(dataset, name or default_name([file.name]), source)
            draw_sheet(get_store(), digest, dataset)
            record = get_store().dataset_record(digest)
    except GazegridError as error:
        st.error(f"Nothing was added: {plain(error)}", icon=":material/error:")
        return
    here = "was here already" if digest in known else "is here"
    st.success(f"{plain(record.title)} {here}: {plain(facts(record))}.", icon=":material/check:")
    st.page_link(DATA, label="Open it", icon=":material/arrow_forward:", query_params={DATASET: digest})


def _one(record: DatasetRecord) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(plain(record.title), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            _actions(record)
    st.caption(plain(origin(record)))
    _numbers(record)
    sheet, told = st.columns([3, 2], gap="large")
    with sheet:
        _contact_sheet(record)
    with told:
        _classes(record)
        _digest(record)


def _actions(record: DatasetRecord) -> None:
    """What can be done with it."""
    st.page_link(
        COMPARE, label="Learn from it", icon=":material/model_training:",
        query_params={"method": learning_methods()[0], "data": record.digest},
    )  # fmt: skip
    with st.popover("Rename", icon=":material/edit:"), st.form("rename", border=False):
        name = st.text_input("Name", record.name, max_chars=MAX_NAME)
        if st.form_submit_button("Rename it", type="primary"):
            try:
                get_store().rename_dataset(record.digest, name or "")
            except GazegridError as error:
                st.session_state[SAID] = str(error)
            st.rerun()


def _numbers(record: DatasetRecord) -> None:
    numbers = {
        "Pictures": f"{record.pictures:,}",
        "To learn from": f"{record.training:,}",
        "Held out": f"{record.held_out:,}",
        "Classes": f"{len(record.classes):,}",
        "Width x height": record.size,
    }
    if record.boxes:
        numbers["With a box"] = f"{record.boxes:,}"
    with st.container(horizontal=True, gap="medium"):
        for label, value in numbers.items():
            st.metric(label, value, width="content")


def _contact_sheet(record: DatasetRecord) -> None:
    """A few pictures of each class, page by page where there are many."""
    st.markdown("**A few pictures of each class**" if len(record.classes) > 1 else "**A few pictures**")
    pages = -(-len(record.classes) // CLASSES_A_PAGE)
    shown = st.pagination(pages, key="data:page") if pages > 1 else 1
    st.html(contact_sheet(record, shown))


def _classes(record: DatasetRecord) -> None:
    st.markdown("**How many of each class**" if len(record.classes) > 1 else "**Classes**")
    if len(record.classes) > 1:
        st.plotly_chart(classes_figure(record), key="data:classes", config=PLOTLY)
    st.caption(plain(spread(record.classes)))


def _digest(record: DatasetRecord) -> None:
    with st.expander(f"Digest {record.digest[:12]}…, and how to use it", icon=":material/tag:"):
        st.caption("SHA-256 of every picture, its class and its part. It is what a job's key holds.")
        st.code(record.digest, language=None, wrap_lines=True)
        st.caption("On the command line, its name or its digest stand for it:")
        st.code(f"gazegrid train NAME --data {record.digest}", language="bash", wrap_lines=True)


page()
