"""The pages, and nothing else; run by Streamlit for each session, and by `AppTest`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import GazegridError
from dashboard.session import show_error

ICON = Path(__file__).with_name("icon.png")
"""Our own file: an icon by name would be fetched from elsewhere."""
PAGES = [
    st.Page(
        "app_pages/compare.py",
        title="Compare",
        icon=":material/grid_view:",
        default=True,
        help="Set pictures and networks side by side, watch the cells fill, look into each.",
    ),
    st.Page(
        "app_pages/data.py",
        title="Data",
        icon=":material/database:",
        help="Every data set: its classes, some of its pictures, what is held out; add your own.",
    ),
    st.Page(
        "app_pages/findings.py",
        title="Findings",
        icon=":material/query_stats:",
        help="What many pictures say of the networks: size of features, border and center, use of shape.",
    ),
    st.Page(
        "app_pages/queue.py",
        title="Queue",
        icon=":material/hourglass_top:",
        help="What runs, waits and failed, why, and on which workers.",
    ),
    st.Page(
        "app_pages/galleries.py",
        title="Galleries",
        icon=":material/collections_bookmark:",
        help="Comparisons that were kept under a name, with notes: open, share, export, import.",
    ),
    st.Page(
        "app_pages/networks.py",
        title="Networks",
        icon=":material/hub:",
        help="Every network that can be asked: family, parameters, license, input size.",
    ),
    st.Page(
        "app_pages/methods.py",
        title="Methods",
        icon=":material/function:",
        help="Which question each method answers, its source and its parameters.",
    ),
]

st.set_page_config(page_title="Gazegrid", page_icon=str(ICON), layout="wide", initial_sidebar_state=360)
st.logo(str(ICON.with_name("logo.svg")), icon_image=str(ICON))
page = st.navigation(PAGES, position="top")
try:
    page.run()
except GazegridError as error:
    show_error(error)
