"""The data sets of a comparison: those in the store, among them the bundled digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.datasets.digits import DIGITS
from core.jobs.comparison import DatasetRef
from core.store.sources import known_dataset
from dashboard.session import get_store, plain

DATASETS = "train:datasets"
DATA = "app_pages/data.py"


def start_from_datasets(datasets: Sequence[DatasetRef]) -> None:
    """Select these data sets."""
    st.session_state[DATASETS] = [dataset.digest for dataset in datasets]


def choose_datasets() -> list[DatasetRef]:
    """The selected ones of all data sets; with a link to the page where more are added."""
    store = get_store()
    bundled, _ = known_dataset(DIGITS, store)
    names = {digest: record.title if record else digest[:12] for digest, record in store.inputs.datasets()}
    times = Counter(names.values())
    titles = {digest: f"{name} ({digest[:8]})" if times[name] > 1 else name for digest, name in names.items()}
    selected = st.session_state.setdefault(DATASETS, [bundled])
    st.session_state[DATASETS] = [digest for digest in selected if digest in titles]
    digests = st.multiselect(
        "Data sets", list(titles), key=DATASETS, format_func=lambda digest: plain(titles[digest]),
        label_visibility="collapsed", persist_state="session", placeholder="Select a data set", select_all=False,
    )  # fmt: skip
    st.page_link(DATA, label="Browse or add data sets", icon=":material/database:")
    return [DatasetRef(digest, titles[digest]) for digest in digests]
