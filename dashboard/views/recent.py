"""The first page without a comparison: an introduction, and recent comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from core.display.headings import column_headings, method_titles, row_names
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.queue.grid import read_grid
from core.store.store import Store
from dashboard.grid.cells import progress_line, row_url, still_urls
from dashboard.links import GRID
from dashboard.session import get_queue, get_store, plain
from dashboard.views.gallery import SIDE_PX, thumbnail_grid, title

MAX_RECENT = 12
MAX_PICTURES = 4
REFRESH_S = 2.0
COMPARE = "app_pages/compare.py"


@dataclass(frozen=True)
class Recent:
    """The latest comparisons, each with its time, newest first; and the errors of those that cannot be displayed."""

    entries: tuple[tuple[Comparison, str], ...]
    faults: tuple[str, ...]


def show_recent() -> None:
    """An introduction, the latest comparison as it fills, and a card for each earlier one."""
    st.subheader("What do image networks look at?", anchor=False)
    st.markdown(
        "Choose what to compare on the left, then press **Run**. **Inspect** has one row per picture and one column "
        "per network; **Train** has one row per data set and one column per variant. "
        "Every cell is computed once and stored; the address of a grid is its link."
    )
    recent = recent_comparisons(get_store())
    if recent.entries:
        _latest(recent.entries[0][0])
    else:
        st.caption("No comparison yet. Click a sample picture on the left to begin.")
    if recent.entries[1:]:
        st.markdown("**Earlier comparisons**")
        st.html(cards(recent.entries[1:]))
    if recent.faults:
        with st.expander(f"{len(recent.faults)} cannot be displayed", icon=":material/history:"):
            st.caption(
                "They use methods or parameters that this version does not have. Their results stay in the store."
            )
            for fault in recent.faults:
                st.markdown(f"- {plain(fault)}")


def _latest(comparison: Comparison) -> None:
    with st.container(border=True):
        live = read_grid(comparison, get_store(), get_queue()).live
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**The latest comparison** · {plain(title(comparison))}", width="content")
            st.page_link(COMPARE, label="Open", icon=":material/open_in_full:", query_params={GRID: comparison.key})
        st.fragment(_draw, run_every=REFRESH_S if live else None)(comparison, live)


def _draw(comparison: Comparison, was_live: bool) -> None:
    grid = read_grid(comparison, get_store(), get_queue())
    if was_live and not grid.live:
        st.rerun()
    st.caption(progress_line(grid))
    st.html(thumbnail_grid(comparison, get_store(), "pending" if grid.live else "not computed"))


def recent_comparisons(store: Store) -> Recent:
    """The latest comparisons of the store."""
    entries, faults = [], []
    for key, created in store.comparisons()[: 2 * MAX_RECENT]:
        try:
            entries.append((store.comparison(key), created))
        except GazegridError as error:
            faults.append(f"{created[:10]}, {key[:12]}: {error}")
    return Recent(tuple(entries[:MAX_RECENT]), tuple(faults))


def cards(recent: Sequence[tuple[Comparison, str]]) -> str:
    """Safe HTML with a card for each comparison: a link with its pictures, columns and methods."""
    return f"<style>{_STYLE}</style><div class='recent'>{''.join(_card(*entry) for entry in recent)}</div>"


def _card(comparison: Comparison, created: str) -> str:
    names = row_names(comparison)
    pictures = "".join(
        f"<img loading='lazy' src='{escape(row_url(row, SIDE_PX) or '')}' alt='{escape(row.name)}' "
        f"title='{escape(names[row.digest])}'>"
        for row in comparison.rows[:MAX_PICTURES]
        if row
    )
    videos = still_urls(comparison.methods, SIDE_PX)[:MAX_PICTURES]
    pictures += "".join(f"<img loading='lazy' src='{escape(url)}' alt='Video'>" for url in videos)
    columns = ", ".join(heading.title for heading in column_headings(comparison))
    rows = ", ".join(names[dataset.digest] for dataset in comparison.datasets)
    summary = escape(": ".join(filter(None, [rows, columns])))
    return (
        f"<a href='?{GRID}={comparison.key}' target='_self'><div class='strip'>{pictures}</div>"
        f"<b>{escape(', '.join(method_titles(comparison)))} · {len(comparison.rows)} x {comparison.width}</b>"
        f"<span title='{summary}'>{summary}</span>"
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
