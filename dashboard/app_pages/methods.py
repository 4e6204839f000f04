"""Every method, told by its class."""

from __future__ import annotations

import streamlit as st

from core.display.wording import question
from core.docgen.method_docs import parameter_lines, undefined_lines
from core.jobs.comparison import has_place
from core.method_base.method import Method
from core.methods import METHODS
from dashboard.session import plain

COMPARE = "app_pages/compare.py"


def page() -> None:
    """A section for each method."""
    st.title("Methods", anchor=False)
    for method in METHODS.values():
        with st.container(border=True, key=f"method_{method.name}"):
            _method(method)


def _method(method: type[Method]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(plain(method.title), anchor=method.name, width="content")
        if has_place(method):
            st.page_link(
                COMPARE, label="Compare with it", icon=":material/grid_view:", query_params={"method": method.name}
            )
        else:
            st.caption(f"`gazegrid {method.name}`", width="content")
    asked, told = question(method.summary)
    st.markdown(f"**{plain(asked)}** {plain(told)}" if asked else plain(told))
    st.caption(f"{plain(method.source)} · {plain(method.family)} · version {method.version}")
    for family, reason in undefined_lines(method):
        st.markdown(f":orange-badge[Not defined for {family}] {plain(reason)}")
    with st.expander(f"{len(method.model_fields)} parameters", icon=":material/tune:"):
        lines = [vars(line) for line in parameter_lines(method)]
        st.dataframe(lines, hide_index=True, row_height=40, alt=f"Parameters of {method.title}")
    with st.expander(f"{len(method.outputs)} items in a result", icon=":material/category:"):
        items = [
            {"item": output.name, "kind": output.kind, "what is seen": output.caption} for output in method.outputs
        ]
        st.dataframe(items, hide_index=True, alt=f"What {method.title} yields")


page()
