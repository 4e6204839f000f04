"""What one dashboard process holds: the store, the queue, the settings; and how text and errors are shown safely.

from dashboard.session import get_queue, get_store, plain, show_error
"""

from __future__ import annotations

import re

import streamlit as st

from core.errors import GazegridError
from core.queue.queue import JobQueue, open_queue
from core.settings import Settings, get_settings
from core.store.store import Store, open_store

__all__ = ["Settings", "get_queue", "get_settings", "get_store", "plain", "show_error"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^])")


@st.cache_resource
def get_store() -> Store:
    """This process' store, with this host's fast tier in front of it. Raises StoreUnreadable."""
    return open_store(get_settings())


@st.cache_resource
def get_queue() -> JobQueue:
    """This process' way to Redis; made without asking it anything."""
    return open_queue(get_settings())


def plain(text: object) -> str:
    """Text of a user or an error for Streamlit's markdown: shown letter by letter, nothing of it is markup."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def show_error(error: GazegridError) -> None:
    """One clear sentence: what is wrong and what is allowed."""
    sentence = plain(error)
    st.error(sentence[:1].upper() + sentence[1:], icon=":material/error:")
