from __future__ import annotations

import numpy as np
import pytest

from core.items import Embedding, Result, Scalar
from core.store.store import Store
from tests.support.kept import PROVENANCE, a_comparison, fill
from tests.support.opened import opened, texts

VIEWS = ["Images", "Codes", "Animations", "Curves", "Numbers", "Raw values", "All items", "Provenance and files"]


def parts(page) -> list[str]:
    return list(page.segmented_control(key="view").options)


@pytest.mark.parametrize(("view", "kind", "count"), [("Codes", "plotly_chart", 1), ("Animations", "bidi_component", 2)])
def test_codes_and_animations_have_a_part_of_their_own(store: Store, view: str, kind: str, count: int) -> None:
    comparison = a_comparison(store)
    page = opened("compare", grid=comparison.key, cell=fill(store, comparison, full=True)[0], view=view)
    assert parts(page) == VIEWS
    assert len(page.main.get(kind)) == count, "the row's strip is a component, too"


def test_only_parts_with_items_are_offered(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    codes = Embedding(points=np.eye(3, 2, dtype=np.float32), labels=tuple("abc"))
    key = store.publish(next(comparison.cells()).spec, Result({"codes": codes}), PROVENANCE).key
    offered = parts(opened("compare", grid=comparison.key, cell=key))
    assert "Codes" in offered
    assert not {"Animations", "Numbers"} & set(offered)


def test_numbers_of_a_row_stand_side_by_side_with_descriptions(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    first, second = [cell.spec for cell in comparison.cells()][:2]
    lone = Scalar(value=3.0, unit="px", caption="Only here")
    store.publish(first, Result({"error": Scalar(value=0.25, caption="The mean"), "reach": lone}), PROVENANCE)
    store.publish(second, Result({"error": Scalar(value=0.5, caption="The mean")}), PROVENANCE)
    page = opened("compare", grid=comparison.key, cell=first.key, view="Numbers")
    table = page.main.dataframe[0].value
    assert table.to_numpy().tolist() == [["Error", "0.25", "0.5", "The mean"], ["Reach", "3 px", "", "Only here"]]


def test_a_damaged_link_to_a_cell_is_one_sentence(store: Store) -> None:
    page = opened("compare", grid=a_comparison(store).key, cell="zzz")
    assert "This link is incomplete: no cell of this comparison has this address" in texts(page)


def test_curves_and_numbers_explain_their_terms(store: Store) -> None:
    comparison = a_comparison(store)
    key = fill(store, comparison, full=True)[0]
    page = opened("compare", grid=comparison.key, cell=key, view="Curves")
    titles = {markdown.value.strip("*"): markdown.proto.help for markdown in page.main.markdown}
    assert titles["Loss"] == "Loss\\: The whole loss\\."
    (metric,) = [metric for metric in page.main.metric if metric.label == "Edge energy"]
    assert "Edge energy: The mean squared" in metric.proto.help.replace("\\", "")
