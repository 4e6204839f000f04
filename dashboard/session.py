"""What one dashboard process holds (store, queue, settings), and the safe display of user text, help and errors.

from dashboard.session import get_queue, get_store, plain, show_error
"""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from core.display.glossary import help_text
from core.errors import GazegridError
from core.queue.queue import JobQueue, open_queue
from core.settings import Settings, get_settings
from core.store.store import Store, open_store

__all__ = [
    "Settings",
    "attempt",
    "get_queue",
    "get_settings",
    "get_store",
    "help_bubble",
    "plain",
    "sentence",
    "show_error",
    "show_pending_error",
]

_PENDING_ERROR = "pending_error"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^])")
_OPENERS = frozenset(
    {"a", "an", "the", "this", "that", "these", "there", "no", "not", "each", "all", "it", "its", "only", "either"}
)
"""Words that begin a sentence and can be no name: any other first word keeps its case, as `timm/resnet18` must."""


@st.cache_resource
def get_store() -> Store:
    """The store of this process, with this host's cache in front of it. Raises StoreUnreadable."""
    return open_store(get_settings())


@st.cache_resource
def get_queue() -> JobQueue:
    """The job queue of this process; Redis is contacted at the first use, not here."""
    return open_queue(get_settings())


def plain(text: object) -> str:
    """User text or an error for Streamlit's markdown: on one line, with all markup escaped."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def sentence(text: object) -> str:
    """The text with a capital first letter, except where it may begin with a name."""
    words = str(text)
    return words[:1].upper() + words[1:] if words.partition(" ")[0] in _OPENERS else words


def help_bubble(label: str, caption: str = "") -> str | None:
    """Streamlit's help for a label: its caption and the glossary's terms in it; None where there is neither."""
    return "\n\n".join(map(plain, help_text(label, caption).split("\n\n"))) or None


def show_error(error: GazegridError | str) -> None:
    """An error box with the error's sentence."""
    st.error(plain(sentence(error)), icon=":material/error:")


def attempt(action: Callable[[], object]) -> None:
    """Run the action of a button; `show_pending_error` shows its error, if any, in the next run of the page."""
    try:
        action()
    except GazegridError as error:
        st.session_state.setdefault(_PENDING_ERROR, str(error))


def show_pending_error() -> None:
    """The first error of the actions since the last run of the page."""
    if error := st.session_state.pop(_PENDING_ERROR, None):
        show_error(error)
