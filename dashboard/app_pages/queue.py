"""Running, queued and failed jobs, and the active workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import streamlit as st

from core.display.wording import progress_text, quantity
from core.errors import QueueUnavailable
from core.queue.queue import JobRow, JobState
from dashboard.figures.charts import Curve, curve_figures
from dashboard.grid.items import PLOTLY
from dashboard.session import attempt, get_queue, get_store, plain, sentence, show_error, show_pending_error
from dashboard.views.jobs import (
    MAX_ROWS,
    Location,
    Pace,
    QueueView,
    elapsed,
    job_title,
    locations,
    progress,
    read_queue,
    time_left,
    worker_rows,
)

COMPARE = "app_pages/compare.py"
REFRESH_S = 2.0
HOW_TO_START = """\
gazegrid up               # Redis, one worker and the dashboard
python -m workers.worker.parent    # one more worker
"""
LIVE, PACES = "queue:live", "queue:paces"


def page() -> None:
    """The queue, refreshed while any job runs or is queued."""
    st.title("Queue", anchor=False)
    view = _read()
    st.session_state[LIVE] = view is not None and view.live
    st.fragment(_panel, run_every=REFRESH_S if st.session_state[LIVE] else None)()


def _read() -> QueueView | None:
    try:
        return read_queue(get_queue())
    except QueueUnavailable:
        return None


def _panel() -> None:
    show_pending_error()
    try:
        view = read_queue(get_queue())
    except QueueUnavailable as error:
        show_error(error)
        st.caption("Stored results stay available on the pages Compare, Galleries, Networks and Methods.")
        return
    if view.live != st.session_state[LIVE]:
        st.rerun()  # which starts or stops the refresh
    places = locations(get_store(), (*view.running, *view.queued, *view.failed))
    _counts(view)
    _no_worker(view)
    _running(view.running, places)
    _queued(view.queued, places)
    _failed(view.failed, places)
    if view.workers:
        st.subheader("Workers", anchor=False)
        st.dataframe(worker_rows(view, places), hide_index=True, alt="Active workers")


def _counts(view: QueueView) -> None:
    counts = {
        "Running": view.counts["started"],
        "Queued": view.counts["queued"],
        "Failed": view.counts["failed"],
        "Recently finished": view.counts["finished"],
        "Workers": len(view.workers),
    }
    with st.container(horizontal=True):
        for label, number in counts.items():
            st.metric(label, number, border=True, width="content")


def _no_worker(view: QueueView) -> None:
    if view.workers:
        return
    st.warning("No worker is running: jobs stay queued until one starts.", icon=":material/warning:")
    st.code(HOW_TO_START, language="bash")


def _running(rows: Sequence[JobRow], places: Mapping[str, Location]) -> None:
    if not rows:
        return
    st.subheader("Running", anchor=False)
    for row in rows[:MAX_ROWS]:
        with st.container(border=True, key=f"running_{row.job.key}"):
            _head(row, places, "Cancel", _cancel)
            share, step = progress(row)
            facts = (step, plain(row.job.worker or "no worker"), f"for {elapsed(row.started_at)}", _time_left(row.job))
            st.progress(share, " · ".join(filter(None, facts)))
            if row.job.scalars:
                st.markdown(plain(" · ".join(progress_text(name, value) for name, value in row.job.scalars.items())))
            _curves(row)
    _rest(rows)


def _time_left(job: JobState) -> str:
    """Estimated from the steps since this session first saw the job."""
    paces: dict[str, Pace] = st.session_state.setdefault(PACES, {})
    first, now_s = paces.get(job.key), time.monotonic()
    if first is None or first.step > job.step:
        paces[job.key] = Pace(job.step, now_s)
        return ""
    return time_left(first, job, now_s)


def _curves(row: JobRow) -> None:
    """The curves that a running job has reported, such as its loss, side by side."""
    curves = [curve for curve in row.job.curves if len(curve.x) > 1]
    if not curves:
        return
    figures = curve_figures(Curve(row.job.key, curve.y_label, curve) for curve in curves)
    for column, (index, figure) in zip(st.columns(len(figures)), enumerate(figures), strict=True):
        with column:
            st.caption(plain(figure.layout.yaxis.title.text))  # horizontal text is easier to read than an axis title
            figure.update_layout(height=200, yaxis_title=None, margin_t=4)
            st.plotly_chart(figure, key=f"curve_{row.job.key}_{index}", config=PLOTLY)


def _title(title: str, label: str, icon: str, action: Callable[[str], object], rows: Sequence[JobRow]) -> None:
    """A heading with a button that applies `action` to all rows below."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(title, anchor=False, width="content")
        st.button(label, on_click=_each, args=(action, _keys(rows)), icon=icon)


def _queued(rows: Sequence[JobRow], places: Mapping[str, Location]) -> None:
    if not rows:
        return
    _title("Queued", "Cancel all queued", ":material/close:", _cancel, rows)
    for row in rows[:MAX_ROWS]:
        _head(row, places, "Cancel", _cancel, f"for {elapsed(row.queued_at)}")
    _rest(rows)


def _failed(rows: Sequence[JobRow], places: Mapping[str, Location]) -> None:
    if not rows:
        return
    _title("Failed", "Retry all", ":material/refresh:", _retry, rows)
    for row in rows[:MAX_ROWS]:
        with st.container(border=True, key=f"failed_{row.job.key}"):
            _head(row, places, "Retry", _retry, f"{elapsed(row.ended_at)} ago")
            reason = sentence((row.job.error or "no reason was recorded").rstrip("."))
            st.markdown(f"{plain(reason)}.")
            with st.expander("Details", key=f"details_{row.job.key}"):
                attempts = quantity(row.job.attempts, "attempt")
                st.caption(f"`{row.job.error_code or 'unknown'}` · {attempts} · job `{row.job.key}`")
                if row.trace:
                    st.code(row.trace, language=None, wrap_lines=True)
    _rest(rows)


def _head(
    row: JobRow, places: Mapping[str, Location], label: str, action: Callable[[str], object], when: str = ""
) -> None:
    """The title of the job with a link to its comparison, and the button for `action`."""
    location = places.get(row.job.key)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        title = plain(job_title(row, location))
        if location:
            st.page_link(COMPARE, label=title, query_params={"grid": location.comparison})
        else:
            st.markdown(title, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            if when:
                st.caption(when, width="content")
            st.button(label, key=f"{label}:{row.job.key}", on_click=_each, args=(action, (row.job.key,)))


def _rest(rows: Sequence[JobRow]) -> None:
    if len(rows) > MAX_ROWS:
        st.caption(f"and {len(rows) - MAX_ROWS} more")


def _keys(rows: Iterable[JobRow]) -> tuple[str, ...]:
    return tuple(row.job.key for row in rows)


def _cancel(key: str) -> object:
    return get_queue().cancel(key)


def _retry(key: str) -> object:
    return get_queue().retry(key)


def _each(action: Callable[[str], object], keys: Sequence[str]) -> None:
    """Apply `action` to each job; the first error is shown by the next run and stops none of the others."""
    for key in keys:
        attempt(partial(action, key))


page()
