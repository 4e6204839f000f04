"""All methods with their parameters and results, and the glossary."""

from __future__ import annotations

import streamlit as st

from core.display.glossary import GLOSSARY
from core.display.wording import quantity, question
from core.docgen.method_docs import parameter_lines, undefined_lines
from core.jobs.comparison import has_visual_output
from core.method_base.method import Method
from core.methods import METHODS
from dashboard.session import plain

COMPARE = "app_pages/compare.py"


def page() -> None:
    """The glossary, and a section for each method."""
    st.title("Methods", anchor=False)
    _glossary()
    for method in METHODS.values():
        with st.container(border=True, key=f"method_{method.name}"):
            _method(method)


def _glossary() -> None:
    with st.expander("Glossary", icon=":material/menu_book:"):
        st.caption("The terms of pages and help texts, also in `docs/glossary.md`.")
        rows = [{"Term": term, "Meaning": meaning} for term, meaning in sorted(GLOSSARY.items(), key=_alphabetical)]
        st.dataframe(rows, hide_index=True, row_height=40, alt="Glossary")


def _alphabetical(entry: tuple[str, str]) -> str:
    return entry[0].casefold()


def _method(method: type[Method]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(plain(method.title), anchor=method.name, width="content")
        if has_visual_output(method):
            st.page_link(
                COMPARE, label="Open in Compare", icon=":material/grid_view:", query_params={"method": method.name}
            )
        else:
            st.caption(f"`gazegrid {method.name}`", width="content")
    headline, description = question(method.summary)
    st.markdown(f"**{plain(headline)}** {plain(description)}" if headline else plain(description))
    st.caption(f"{plain(method.source)} · {plain(method.family)} · version {method.version}")
    for family, reason in undefined_lines(method):
        st.markdown(f":orange-badge[Not defined for {family}] {plain(reason)}")
    with st.expander(quantity(len(method.model_fields), "parameter"), icon=":material/tune:"):
        lines = [vars(line) for line in parameter_lines(method)]
        st.dataframe(lines, hide_index=True, row_height=40, alt=f"Parameters of {method.title}")
    with st.expander(quantity(len(method.outputs), "result item"), icon=":material/category:"):
        items = [{"item": output.name, "kind": output.kind, "description": output.caption} for output in method.outputs]
        st.dataframe(items, hide_index=True, alt=f"Result items of {method.title}")


page()
