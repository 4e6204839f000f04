"""The dashboard's server: Streamlit's pages, and beside them the routes that hand out files of the store.

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


def say(error: BaseException) -> bool:
    """One sentence on the page, wherever it was raised; what we did not foresee goes to the log with its traceback."""
    if isinstance(error, GazegridError):
        show_error(error)
        return True
    logging.getLogger("gazegrid.dashboard").error("a page failed", exc_info=error)
    st.error("This part of the page failed; the server's log says why. Reload the page to go on.")
    return True


app = st.App(Path(__file__).with_name("navigation.py"), routes=blob_routes(), on_script_error=say)
