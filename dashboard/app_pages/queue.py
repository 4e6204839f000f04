"""What runs, waits and failed, why, and on which workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st

from core.display.wording import reported
from core.errors import GazegridError, QueueUnavailable
from core.queue.queue import JobRow, JobState
from dashboard.figures.charts import Curve, curve_figures
from dashboard.grid.items import PLOTLY
from dashboard.session import get_queue, get_store, plain, show_error
from dashboard.views.jobs import (
    MOST_ROWS,
    Pace,
    Place,
    QueueView,
    ago,
    in_words,
    look_at_queue,
    places,
    progress,
    time_left,
    worker_rows,
)

COMPARE = "app_pages/compare.py"
REFRESH_S = 2.0
HOW_TO_START = """\
gazegrid up               # Redis, a worker and the dashboard
python -m workers.worker.parent    # one more worker
"""
SAID, LIVE, PACES = "queue:said", "queue:live", "queue:paces"


def page() -> None:
    """The queue now; it keeps itself up to date while something runs or waits."""
    st.title("Queue", anchor=False)
    view = _look()
    st.session_state[LIVE] = view is not None and view.live
    st.fragment(_panel, run_every=REFRESH_S if st.session_state[LIVE] else None)()


def _look() -> QueueView | None:
    try:
        return look_at_queue(get_queue())
    except QueueUnavailable:
        return None


def _panel() -> None:
    if sentence := st.session_state.pop(SAID, None):
        st.warning(plain(sentence), icon=":material/error:")
    try:
        view = look_at_queue(get_queue())
    except QueueUnavailable as error:
        show_error(error)
        st.caption("What is stored can still be seen on the pages Compare, Galleries, Networks and Methods.")
        return
    if view.live != st.session_state[LIVE]:
        st.rerun()  # begin, or stop, to look every two seconds
    found = places(get_store(), (*view.running, *view.waiting, *view.failed))
    _counts(view)
    _no_worker(view)
    _running(view.running, found)
    _waiting(view.waiting, found)
    _failed(view.failed, found)
    if view.workers:
        st.subheader("Workers", anchor=False)
        st.dataframe(worker_rows(view, found), hide_index=True, alt="Workers that have been heard of lately")


def _counts(view: QueueView) -> None:
    shown = {
        "Running": view.counts["started"],
        "Waiting": view.counts["queued"],
        "Failed": view.counts["failed"],
        "Finished lately": view.counts["finished"],
        "Workers": len(view.workers),
    }
    with st.container(horizontal=True):
        for label, number in shown.items():
            st.metric(label, number, border=True, width="content")


def _no_worker(view: QueueView) -> None:
    if view.workers:
        return
    st.warning("No worker is running: what is asked for waits until one is started.", icon=":material/warning:")
    st.code(HOW_TO_START, language="bash")


def _running(rows: Sequence[JobRow], found: Mapping[str, Place]) -> None:
    if not rows:
        return
    st.subheader("Running", anchor=False)
    for row in rows[:MOST_ROWS]:
        with st.container(border=True, key=f"running_{row.job.key}"):
            _head(row, found, "Cancel", _cancel)
            share, step = progress(row)
            told = (step, plain(row.job.worker or "no worker"), f"for {ago(row.started_at)}", _time_left(row.job))
            st.progress(share, " · ".join(filter(None, told)))
            if row.job.scalars:
                st.markdown(plain(" · ".join(reported(name, value) for name, value in row.job.scalars.items())))
            _curves(row)
    _rest(rows)


def _time_left(job: JobState) -> str:
    """By how fast it has been since this visitor first saw it run."""
    seen: dict[str, Pace] = st.session_state.setdefault(PACES, {})
    first, now_s = seen.get(job.key), time.monotonic()
    if first is None or first.step > job.step:
        seen[job.key] = Pace(job.step, now_s)
        return ""
    return time_left(first, job, now_s)


def _curves(row: JobRow) -> None:
    """What a long job has drawn so far, such as its loss, side by side."""
    drawn = [curve for curve in row.job.curves if len(curve.x) > 1]
    if not drawn:
        return
    figures = curve_figures(Curve(row.job.key, curve.y_label, curve) for curve in drawn)
    for column, (index, figure) in zip(st.columns(len(figures)), enumerate(figures), strict=True):
        with column:
            st.caption(plain(figure.layout.yaxis.title.text))  # level, it is read more easily than beside the axis
            figure.update_layout(height=200, yaxis_title=None, margin_t=4)
            st.plotly_chart(figure, key=f"curve_{row.job.key}_{index}", config=PLOTLY)


def _title(title: str, label: str, icon: str, action: Callable[[str], object], rows: Sequence[JobRow]) -> None:
    """A heading, and beside it the button that does something with all rows below."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(title, anchor=False, width="content")
        st.button(label, on_click=_each, args=(action, _keys(rows)), icon=icon)


def _waiting(rows: Sequence[JobRow], found: Mapping[str, Place]) -> None:
    if not rows:
        return
    _title("Waiting", "Cancel all that wait", ":material/close:", _cancel, rows)
    for row in rows[:MOST_ROWS]:
        _head(row, found, "Cancel", _cancel, f"for {ago(row.queued_at)}")
    _rest(rows)


def _failed(rows: Sequence[JobRow], found: Mapping[str, Place]) -> None:
    if not rows:
        return
    _title("Failed", "Try all again", ":material/refresh:", _retry, rows)
    for row in rows[:MOST_ROWS]:
        with st.container(border=True, key=f"failed_{row.job.key}"):
            _head(row, found, "Try again", _retry, f"{ago(row.ended_at)} ago")
            reason = plain((row.job.error or "the reason was not kept").rstrip("."))
            st.markdown(f"{reason[:1].upper()}{reason[1:]}.")
            with st.expander("Details", key=f"details_{row.job.key}"):
                attempts = f"{row.job.attempts} attempt{'s' * (row.job.attempts != 1)}"
                st.caption(f"`{row.job.error_code or 'unknown'}` · {attempts} · job `{row.job.key}`")
                if row.trace:
                    st.code(row.trace, language=None, wrap_lines=True)
    _rest(rows)


def _head(row: JobRow, found: Mapping[str, Place], label: str, action: Callable[[str], object], when: str = "") -> None:
    """The job in words, a link to its comparison, and what can be done with it."""
    place = found.get(row.job.key)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        words = plain(in_words(row, place))
        if place:
            st.page_link(COMPARE, label=words, query_params={"grid": place.comparison})
        else:
            st.markdown(words, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            if when:
                st.caption(when, width="content")
            st.button(label, key=f"{label}:{row.job.key}", on_click=_each, args=(action, (row.job.key,)))


def _rest(rows: Sequence[JobRow]) -> None:
    if len(rows) > MOST_ROWS:
        st.caption(f"and {len(rows) - MOST_ROWS} more")


def _keys(rows: Iterable[JobRow]) -> tuple[str, ...]:
    return tuple(row.job.key for row in rows)


def _cancel(key: str) -> object:
    return get_queue().cancel(key)


def _retry(key: str) -> object:
    return get_queue().retry(key)


def _each(action: Callable[[str], object], keys: Sequence[str]) -> None:
    """Do it to each job; the first sentence of what went wrong is shown, and the others are done all the same."""
    for key in keys:
        try:
            action(key)
        except GazegridError as error:
            st.session_state.setdefault(SAID, str(error))


page()
