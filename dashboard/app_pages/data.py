"""All data sets, or one with its classes, sample images and source: `?dataset=DIGEST` opens one."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.datasets.digits import DIGITS
from core.datasets.record import MAX_NAME, DatasetRecord, default_name
from core.datasets.upload import FILE_ENDINGS, UPLOAD_MB, read_upload
from core.errors import GazegridError
from core.store.sources import known_dataset
from dashboard.figures.datasets import classes_figure
from dashboard.grid.items import PLOTLY
from dashboard.links import checked_address
from dashboard.panel.training import training_methods
from dashboard.routes.contact_sheets import MIXED, draw_sheet, is_cached, strip_of
from dashboard.session import attempt, get_store, plain, show_error, show_pending_error
from dashboard.views.dataset import CLASSES_A_PAGE, balance, contact_sheet, facts, mixed_strip, origin

COMPARE, DATA, DATASET = "app_pages/compare.py", "app_pages/data.py", "dataset"
CARD_PX = 380
MAX_PREVIEW_BYTES = 64 * 2**20
"""Larger data sets get their contact sheet when they are opened, not for the list."""


def page() -> None:
    """The data set that the address names, or all of them."""
    show_pending_error()
    digest = st.query_params.get(DATASET)
    if digest is None:
        st.query_params.clear()  # a link from this very page leaves the address as it was
        _all()
        return
    st.query_params[DATASET] = digest
    st.page_link(DATA, label="All data sets", icon=":material/arrow_back:", query_params={})
    try:
        with st.spinner("Reading the data set…", show_time=True):
            record = get_store().inputs.dataset_record(checked_address(digest, "data set"))
            strip_of(get_store(), record.digest, MIXED)
    except GazegridError as error:
        show_error(error)
        return
    _one(record)


def _all() -> None:
    st.title("Data", anchor=False)
    st.markdown(
        "Data sets for training and evaluation: the validation images measure what was learned. "
        "A data set is stored under the hash of its content, so none is stored twice."
    )
    try:
        known_dataset(DIGITS, get_store())  # the bundled one
    except GazegridError as error:
        show_error(error)
    cards = st.grid(min_column_width=CARD_PX)
    _add()  # before the cards, which then include the new data set
    for digest, record in get_store().inputs.datasets():
        with cards, st.container(border=True, key=f"dataset_{digest}", gap="xsmall"):
            _card(digest, record)


def _card(digest: str, record: DatasetRecord | None) -> None:
    title = record.title if record else f"{digest[:12]}…"
    st.page_link(DATA, label=f"**{plain(title)}**", icon=":material/database:", query_params={DATASET: digest})
    if record is None:
        st.caption("No summary is stored yet: open the data set to compute it.")
        return
    st.caption(plain(facts(record)))
    if record.size_bytes <= MAX_PREVIEW_BYTES or is_cached(get_store(), digest):
        st.html(mixed_strip(digest, record.title))
    else:
        st.caption("Open the data set to see sample images.")
    st.caption(plain(f"{origin(record)} · {digest[:12]}…"))


def _add() -> None:
    with st.form("add", border=True, clear_on_submit=True):
        st.markdown("**Add a data set**")
        file = st.file_uploader(
            "A zip or tar with class folders, metadata, unlabeled images or MNIST files; or a Parquet file",
            type=list(FILE_ENDINGS), max_upload_size=UPLOAD_MB,
        )  # fmt: skip
        name = st.text_input("Name", max_chars=MAX_NAME, placeholder="Default: the file name")
        label_column = st.text_input(
            "Label column", max_chars=MAX_NAME, placeholder="Default: found by its name",
            help="Column of the class in a table or in metadata, where several could be meant; `none`: no classes.",
        )  # fmt: skip
        st.caption(
            "Folders named `val` or `test` hold the validation images; without them it is a tenth of each class. "
            "One unreadable image rejects the whole file. For folders and larger files: `gazegrid data add PATH`."
        )
        if not st.form_submit_button("Add", icon=":material/upload:") or file is None:
            return
    try:
        with st.spinner("Checking every image…", show_time=True):
            dataset = read_upload(file.getvalue(), file.name, (label_column or "").strip())
            known = {digest for digest, _ in get_store().inputs.datasets()}
            source = f"uploaded: {file.name}"
            digest = get_store().inputs.put_dataset(dataset, name or default_name([file.name]), source)
            draw_sheet(get_store(), digest, dataset)
            record = get_store().inputs.dataset_record(digest)
    except GazegridError as error:
        st.error(f"Nothing was added: {plain(error)}", icon=":material/error:")
        return
    state = "is already stored" if digest in known else "was added"
    st.success(f"{plain(record.title)} {state}: {plain(facts(record))}.", icon=":material/check:")
    st.page_link(DATA, label="Open data set", icon=":material/arrow_forward:", query_params={DATASET: digest})


def _one(record: DatasetRecord) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(plain(record.title), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            _actions(record)
    st.caption(plain(origin(record)))
    _numbers(record)
    sheet, statistics = st.columns([3, 2], gap="large")
    with sheet:
        _contact_sheet(record)
    with statistics:
        _classes(record)
        _digest(record)


def _actions(record: DatasetRecord) -> None:
    """A link to train on it, and a form to rename it."""
    st.page_link(
        COMPARE, label="Train on this data set", icon=":material/model_training:",
        query_params={"method": training_methods()[0], "data": record.digest},
    )  # fmt: skip
    with st.popover("Rename", icon=":material/edit:"), st.form("rename", border=False):
        name = st.text_input("Name", record.name, max_chars=MAX_NAME)
        if st.form_submit_button("Save name", type="primary"):
            attempt(partial(get_store().inputs.rename_dataset, record.digest, name or ""))
            st.rerun()


def _numbers(record: DatasetRecord) -> None:
    numbers = {
        "Images": f"{record.pictures:,}",
        "Training images": f"{record.training:,}",
        "Validation images": f"{record.held_out:,}",
        "Classes": f"{len(record.classes):,}",
        "Size (width x height)": record.size,
    }
    if record.boxes:
        numbers["With bounding box"] = f"{record.boxes:,}"
    with st.container(horizontal=True, gap="medium"):
        for label, value in numbers.items():
            st.metric(label, value, width="content")


def _contact_sheet(record: DatasetRecord) -> None:
    """Sample images of each class, on several pages where there are many classes."""
    st.markdown("**Sample images by class**" if len(record.classes) > 1 else "**Sample images**")
    pages = -(-len(record.classes) // CLASSES_A_PAGE)
    page_number = st.pagination(pages, key="data:page") if pages > 1 else 1
    st.html(contact_sheet(record, page_number))


def _classes(record: DatasetRecord) -> None:
    st.markdown("**Images per class**" if len(record.classes) > 1 else "**Classes**")
    if len(record.classes) > 1:
        st.plotly_chart(classes_figure(record), key="data:classes", config=PLOTLY)
    st.caption(plain(balance(record.classes)))


def _digest(record: DatasetRecord) -> None:
    with st.expander(f"Digest {record.digest[:12]}… and usage", icon=":material/tag:"):
        st.caption("SHA-256 over every image with its class and split. The keys of jobs depend on it.")
        st.code(record.digest, language=None, wrap_lines=True)
        st.caption("On the command line, use its name or its digest:")
        st.code(f"gazegrid train NAME --data {record.digest}", language="bash", wrap_lines=True)


page()
