"""The dashboard's server: Streamlit's pages, and the routes that serve files of the store.

python -m streamlit run dashboard/app.py --server.port 8501        (from the repository's root)
uvicorn dashboard.app:app --port 8501
"""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st

from core.errors import GazegridError
from dashboard.routes.blobs import blob_routes
from dashboard.session import show_error


def handle_script_error(error: BaseException) -> bool:
    """Show one sentence on the page; an unexpected error goes to the log with its traceback. Always True: handled."""
    if isinstance(error, GazegridError):
        show_error(error)
        return True
    logging.getLogger("gazegrid.dashboard").error("a page failed", exc_info=error)
    st.error("This part of the page failed; the server's log has the details. Reload the page to continue.")
    return True


app = st.App(Path(__file__).with_name("navigation.py"), routes=blob_routes(), on_script_error=handle_script_error)
