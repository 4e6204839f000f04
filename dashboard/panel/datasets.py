"""The data sets of a comparison: those in the store, and the digits, which are always there."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.datasets.digits import DIGITS
from core.jobs.comparison import DatasetRef
from core.store.sources import known_dataset
from dashboard.session import get_store, plain

DATASETS = "learning:datasets"
DATA = "app_pages/data.py"


def start_from_datasets(datasets: Sequence[DatasetRef]) -> None:
    """Let these be chosen."""
    st.session_state[DATASETS] = [dataset.digest for dataset in datasets]


def choose_datasets() -> list[DatasetRef]:
    """A list of all, and a link to the page where more are added."""
    store = get_store()
    shipped, _ = known_dataset(DIGITS, store)
    titles = {digest: record.title if record else digest[:12] for digest, record in store.datasets()}
    chosen = st.session_state.setdefault(DATASETS, [shipped])
    st.session_state[DATASETS] = [digest for digest in chosen if digest in titles]
    digests = st.multiselect(
        "Data sets", list(titles), key=DATASETS, format_func=lambda digest: plain(titles[digest]),
        label_visibility="collapsed", persist_state="session", placeholder="Choose a data set", select_all=False,
    )  # fmt: skip
    st.page_link(DATA, label="See all data sets, or add one", icon=":material/database:")
    return [DatasetRef(digest, titles[digest]) for digest in digests]
