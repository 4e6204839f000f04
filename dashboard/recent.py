"""The first page before anything is asked: what this is for, and what was compared lately."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.comparison import Comparison
from core.errors import GazegridError
from core.store import Store
from core.wording import network_name, picture_name
from dashboard.blobs import blob_url
from dashboard.links import GRID
from dashboard.session import get_store

RECENT_MAX = 12
PICTURES_MAX = 4


def show_recent() -> None:
    """A greeting, and a card for each of the latest comparisons."""
    st.subheader("What do image networks look at?", anchor=False)
    st.markdown(
        "Choose pictures, networks and a method on the left, then press **Run**: one row a picture, one column a "
        "network. "
        "Every cell is computed once and kept; the address of the grid is its link."
    )
    recent = recent_comparisons(get_store())
    if not recent:
        st.caption("Nothing was compared yet. Click a sample picture on the left to begin.")
        return
    st.markdown("**Compared lately**")
    st.html(cards(recent))


def recent_comparisons(store: Store) -> list[tuple[Comparison, str]]:
    """The latest comparisons that can be read, with the time of each; newest first."""
    found = []
    for key, created in store.comparisons()[: 2 * RECENT_MAX]:
        try:
            found.append((store.comparison(key), created))
        except GazegridError:  # of an older version, or damaged: fsck says so, this list is no place for it
            continue
    return found[:RECENT_MAX]


def cards(recent: Sequence[tuple[Comparison, str]]) -> str:
    """Safe HTML: each comparison as a link with its pictures, networks and method."""
    return f"<style>{_STYLE}</style><div class='recent'>{''.join(_card(*entry) for entry in recent)}</div>"


def _card(comparison: Comparison, created: str) -> str:
    pictures = "".join(
        f"<img loading='lazy' src='{escape(blob_url('picture', ref.digest, side=160))}' alt='{escape(ref.name)}' "
        f"title='{escape(picture_name(ref.name))}'>"
        for ref in comparison.pictures[:PICTURES_MAX]
    )
    networks = ", ".join(network_name(name) for name in comparison.networks)
    titles = ", ".join(method.title for method in comparison.methods)
    size = f"{len(comparison.pictures)} x {len(comparison.networks)}"
    return (
        f"<a href='?{GRID}={comparison.key}' target='_self'><div class='strip'>{pictures}</div>"
        f"<b>{escape(titles)} · {size}</b><span title='{escape(networks)}'>{escape(networks)}</span>"
        f"<time>{escape(created[:16].replace('T', ' '))} UTC</time></a>"
    )


_STYLE = """
.recent { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.9rem; }
.recent a {
  display: flex; flex-direction: column; gap: 0.15rem; padding: 0.7rem; min-width: 0;
  color: inherit; text-decoration: none; font-size: 0.8125rem;
  border: 1px solid rgb(128 128 128 / 28%); border-radius: 0.6rem;
}
.recent a:hover { border-color: rgb(128 128 128 / 80%); }
.recent .strip { display: flex; gap: 0.35rem; height: 4.5rem; margin-bottom: 0.35rem; }
.recent img { height: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 0.35rem; min-width: 0; }
.recent span, .recent time { opacity: 0.7; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.recent time { font-size: 0.72rem; }
"""
