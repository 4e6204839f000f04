"""The dashboard's server: Streamlit's pages, and beside them the routes that hand out files of the store.

python -m streamlit run dashboard/app.py --server.port 8501        (from the repository's root)
uvicorn dashboard.app:app --port 8501
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.blobs import blob_routes

app = st.App(Path(__file__).with_name("navigation.py"), routes=blob_routes())
