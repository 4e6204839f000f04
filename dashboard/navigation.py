"""The list of pages; Streamlit runs it for each session, and so does `AppTest`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import GazegridError
from dashboard.session import show_error

ICON = Path(__file__).with_name("icon.png")
"""A file of ours: Streamlit fetches a named icon from another host."""
PAGES = [
    st.Page(
        "app_pages/compare.py",
        title="Compare",
        icon=":material/grid_view:",
        default=True,
        help="Compare networks on the same pictures, or trained variants on the same data set.",
    ),
    st.Page(
        "app_pages/data.py",
        title="Data",
        icon=":material/database:",
        help="All data sets: classes, sample images, validation split. Add your own.",
    ),
    st.Page(
        "app_pages/findings.py",
        title="Findings",
        icon=":material/query_stats:",
        help="Statistics over many pictures: feature size, border weight, use of shape, attribution quality.",
    ),
    st.Page(
        "app_pages/queue.py",
        title="Queue",
        icon=":material/hourglass_top:",
        help="Running, queued and failed jobs, and the active workers.",
    ),
    st.Page(
        "app_pages/galleries.py",
        title="Galleries",
        icon=":material/collections_bookmark:",
        help="Saved comparisons with notes: open, share, export, import.",
    ),
    st.Page(
        "app_pages/networks.py",
        title="Networks",
        icon=":material/hub:",
        help="All networks: family, parameters, license, input size, training curves.",
    ),
    st.Page(
        "app_pages/methods.py",
        title="Methods",
        icon=":material/function:",
        help="All methods: the question each answers, its source, parameters and results. Glossary.",
    ),
]

st.set_page_config(page_title="Gazegrid", page_icon=str(ICON), layout="wide", initial_sidebar_state=360)
st.logo(str(ICON.with_name("logo.svg")), icon_image=str(ICON))
page = st.navigation(PAGES, position="top")
try:
    page.run()
except GazegridError as error:
    show_error(error)
