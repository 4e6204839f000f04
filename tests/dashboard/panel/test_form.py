from __future__ import annotations

import textwrap
from typing import Literal

import pytest
from streamlit.testing.v1 import AppTest

from core.method_base.method import Method, Output, parameter
from core.method_base.parameters import matters
from core.networks.catalog import get_card
from dashboard.panel.form import NO_CLASS, field_label
from tests.support.opened import PATIENCE_S

TOY = """
from typing import Literal
from core.method_base.method import Method, Output, parameter

class Toy(Method):
    title, summary, source, family, version = "Toy", "Toy.", "none", "inspection", 1
    outputs = (Output("n", "scalar", "n"),)
    edges: Literal["mse", "mae"] = parameter("mse", "How an edge is measured")
    start: Literal["photo", "blank", "noise", "gray", "white"] = parameter("photo", "Where it starts")
    noise_share: float = parameter(0.1, "How much noise", unit="share", ge=0, le=1, when={"start": ["noise"]})
    steps: int = parameter(500, "How often", unit="steps", ge=1, le=20000)
    rate: float = parameter(0.01, "Step size", unit="per step", gt=0, le=10)
    clamp: bool = parameter(False, "Clamp", advanced=True)
    every: int | None = parameter(None, "Every n steps", unit="steps", ge=1, le=100, advanced=True)
"""
PAGE = """
import streamlit as st
from core.errors import BadParameter
from dashboard.panel.form import method_form, prefill
from dashboard.session import show_error

if "start_from" in st.session_state:
    prefill(Toy(**st.session_state.pop("start_from")))
try:
    st.session_state.made = method_form(Toy).model_dump()
except BadParameter as error:
    st.session_state.made = None
    show_error(error)
"""
DEFAULTS = {
    "edges": "mse", "start": "photo", "noise_share": 0.1, "steps": 500, "rate": 0.01, "clamp": False, "every": None,
}  # fmt: skip


class Sized(Method):
    title, summary, source, family, version = "Sized", "Sized.", "none", "inspection", 1
    outputs = (Output("n", "scalar", "n"),)
    mode: Literal["a", "b"] = parameter("a", "Mode")
    tile_px: int = parameter(4, "Tile", unit="px", ge=1, le=9, when={"mode": ["b"]})
    k1: float = parameter(1, "Weight", unit="", ge=0, le=9)
    steps: int = parameter(5, "Steps", unit="steps", ge=1, le=9)
    at: Literal["a", "b"] = parameter("a", "Where")


NAMED = """
from core.errors import BadParameter
from core.method_base.judges import Judges
from core.method_base.method import Method, Output, parameter
from dashboard.panel.form import FormOptions, method_form, prefill
from dashboard.session import show_error
import streamlit as st

class Named(Method):
    title, summary, source, family, version = "Named", "Named.", "none", "inspection", 1
    outputs = (Output("n", "scalar", "n"),)
    class_name: str = parameter("", "Class", choices="class")
    judges: Judges = parameter((), "Judges", choices="networks")
    layer: str = parameter("", "Layer", choices="layers")

if "start_from" in st.session_state:
    prefill(Named(**st.session_state.pop("start_from")))
try:
    options = FormOptions(classes=["tench", "tabby"], networks=["random/resnet18", "random/resnet34"])
    st.session_state.made = method_form(Named, options=options).model_dump()
except BadParameter as error:
    st.session_state.made = None
    show_error(error)
"""


@pytest.fixture
def named() -> AppTest:
    return AppTest.from_string(NAMED).run()


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_string(textwrap.dedent(TOY + PAGE)).run()


def key(page: AppTest, field: str) -> str:
    return next(name for name in page.session_state.to_dict() if name.endswith(f":{field}"))


def test_untouched_the_form_gives_the_defaults(page: AppTest) -> None:
    assert not page.exception
    assert page.session_state["made"] == DEFAULTS


def test_each_type_has_its_widget_with_unit_and_bounds(page: AppTest) -> None:
    assert page.get("segmented_control")[0].options == ["mse", "mae"]
    assert page.selectbox[0].options == ["photo", "blank", "noise", "gray", "white"]
    assert [widget.label for widget in page.number_input] == ["Steps", "Rate (per step)", "Every (steps)"]
    assert (page.number_input[0].min, page.number_input[0].max) == (1, 20000)
    assert page.number_input[0].help == "How often \\(1 to 20000 steps; default 500\\)\\."
    assert page.expander[0].toggle[0].label == "Clamp"


def test_changed_values_arrive_validated(page: AppTest) -> None:
    page.number_input(key=key(page, "steps")).set_value(70)
    page.number_input(key=key(page, "rate")).set_value(0.5)
    page.toggle(key=key(page, "clamp")).set_value(True)
    page.run()
    assert page.session_state["made"] == DEFAULTS | {"steps": 70, "rate": 0.5, "clamp": True}


def test_a_field_without_effect_is_hidden_and_has_its_default(page: AppTest) -> None:
    start = key(page, "start")
    page.selectbox(key=start).select("noise").run()
    page.number_input(key=key(page, "noise_share")).set_value(0.7).run()
    assert page.session_state["made"]["noise_share"] == 0.7
    page.selectbox(key=start).select("photo").run()
    assert page.session_state["made"] == DEFAULTS
    page.selectbox(key=start).select("noise").run()
    assert page.session_state["made"]["noise_share"] == 0.7


def test_the_form_starts_from_a_method(page: AppTest) -> None:
    given = {"edges": "mae", "start": "noise", "noise_share": 1, "steps": 9, "every": 3}
    page.session_state["start_from"] = given
    assert page.run().session_state["made"] == DEFAULTS | given


def test_a_value_that_a_widget_accepts_may_be_rejected_like_on_the_command_line(page: AppTest) -> None:
    page.number_input(key=key(page, "rate")).set_value(0.0).run()
    assert page.session_state["made"] is None
    assert page.error[0].value.replace("\\", "").startswith("rate must be")


def test_labels_name_the_unit_once() -> None:
    labels = [field_label(name, field) for name, field in Sized.model_fields.items()]
    assert labels == ["Mode", "Tile size (px)", "k1", "Steps", "At"]
    assert matters(Sized, "tile_px", {"mode": "b"})
    assert not matters(Sized, "tile_px", {})


EVERY = """
from core.methods import METHODS
from core.method_base.parameters import validated
from dashboard.panel.form import method_form

for cls in METHODS.values():
    if cls.needs.grid:
        assert method_form(cls) == validated(cls, {}), cls
"""


def test_the_form_of_every_method_of_a_grid_is_drawn_and_gives_its_defaults() -> None:
    page = AppTest.from_string(EVERY, default_timeout=PATIENCE_S).run()
    assert not page.exception


def test_the_predicted_class_is_the_first_option_and_the_class_of_a_link_stays(named: AppTest) -> None:
    assert named.selectbox[0].options == [NO_CLASS["class"], "tench", "tabby"]
    named.session_state["start_from"] = {"class_name": "unicorn"}
    assert named.run().selectbox[0].options == [NO_CLASS["class"], "unicorn", "tench", "tabby"]
    assert named.run().session_state["made"]["class_name"] == "unicorn"
    assert named.selectbox[0].select("tabby").run().session_state["made"]["class_name"] == "tabby"
    assert named.selectbox[0].select("").run().session_state["made"]["class_name"] == ""


def test_networks_are_selected_by_name_and_identified_with_their_weights(named: AppTest) -> None:
    named.multiselect[0].select("random/resnet34").run()
    identity = get_card("random/resnet34").identity
    assert "#" in identity
    assert named.session_state["made"]["judges"] == (identity,)
    named.session_state["start_from"] = {"judges": "random/resnet50,random/resnet18"}
    named.run()
    assert named.multiselect[0].value == ["random/resnet50", "random/resnet18"]
    assert named.multiselect[0].options == ["random/resnet50", "random/resnet18", "random/resnet34"]
    assert named.session_state["made"]["judges"] == tuple(
        get_card(name).identity for name in ("random/resnet50", "random/resnet18")
    )


def test_an_empty_number_is_automatic_and_can_be_emptied_again(page: AppTest) -> None:
    every = page.number_input(key=key(page, "every"))
    assert every.placeholder == "automatic"
    assert every.help == "Every n steps \\(1 to 100 steps; default automatic\\)\\."
    assert not every.proto.HasField("default")  # for the browser: may be left empty
    every.set_value(7).run()
    assert page.session_state["made"]["every"] == 7
    page.number_input(key=key(page, "every")).set_value(None).run()
    assert page.session_state["made"]["every"] is None
    assert page.number_input(key=key(page, "steps")).proto.HasField("default")


LAYERED = """
import streamlit as st
from core.errors import BadParameter
from core.method_base.layer_choice import LayerChoice
from core.method_base.method import Output
from core.networks.layers import SharedLayer
from dashboard.panel.form import FormOptions, method_form, prefill

class Layered(LayerChoice):
    title, summary, source, family, version = "Layered", "Layered.", "none", "inspection", 1
    outputs = (Output("n", "scalar", "n"),)

if "start_from" in st.session_state:
    prefill(Layered(**st.session_state.pop("start_from")))
names = st.session_state.get("layers", [("stem", 0, 0), ("blocks.0", 33, 50), ("blocks.1", 66, 66), ("head", 100, 100)])
options = FormOptions(layers=[SharedLayer(*layer) for layer in names], no_layers="" if names else "None in common.")
try:
    st.session_state.made = method_form(Layered, options=options).model_dump()
except BadParameter as error:
    st.session_state.made = str(error)
"""


@pytest.fixture
def layered() -> AppTest:
    return AppTest.from_string(LAYERED).run()


def test_layers_are_a_list_with_their_depths_that_begins_in_the_middle(layered: AppTest) -> None:
    assert not layered.selectbox
    layered.get("segmented_control")[0].set_value("layer").run()
    assert layered.selectbox[0].options == ["stem · 0 %", "blocks.0 · 33 to 50 %", "blocks.1 · 66 %", "head · 100 %"]
    assert layered.session_state["made"] == {"layer_by": "layer", "depth": 50, "layer": "blocks.1"}
    layered.selectbox[0].select("stem").run()
    assert layered.session_state["made"] == {"layer_by": "layer", "depth": 50, "layer": "stem"}


def test_a_layer_is_automatic_unless_required() -> None:
    program = NAMED.replace("FormOptions(", "FormOptions(layers=[SharedLayer('stem', 0, 0)], ")
    page = AppTest.from_string("from core.networks.layers import SharedLayer\n" + program).run()
    (layer,) = [box for box in page.selectbox if box.label == "Layer"]
    assert (layer.value, layer.placeholder) == (None, "automatic")
    assert page.session_state["made"]["layer"] == ""


def test_a_module_of_a_link_that_is_no_shared_layer_stays_and_is_marked(layered: AppTest) -> None:
    layered.session_state["start_from"] = {"layer_by": "layer", "depth": 50, "layer": "blocks.1.attn"}
    layered.run()
    assert layered.selectbox[0].options[-1] == "blocks.1.attn · not in the list"
    assert layered.session_state["made"] == {"layer_by": "layer", "depth": 50, "layer": "blocks.1.attn"}


def test_without_shared_layers_the_name_is_typed_and_the_reason_given(layered: AppTest) -> None:
    layered.session_state["layers"] = []
    layered.session_state["start_from"] = {"layer_by": "layer", "depth": 50, "layer": "x"}
    layered.run()
    assert [caption.value for caption in layered.caption] == ["None in common\\."]
    assert layered.text_input[0].value == "x"
    layered.text_input[0].set_value("").run()
    assert layered.session_state["made"] == "layer must be named where layer_by is 'layer', got none"
    layered.session_state["layers"] = [("stem", 0, 0), ("head", 100, 100)]
    assert layered.run().session_state["made"] == {"layer_by": "layer", "depth": 50, "layer": "head"}


def test_a_label_with_a_term_explains_it() -> None:
    page = AppTest.from_string(textwrap.dedent(TOY.replace("edges", "k1") + PAGE)).run()
    assert "k1: The weight of the class loss" in page.get("segmented_control")[0].help.replace("\\", "")
