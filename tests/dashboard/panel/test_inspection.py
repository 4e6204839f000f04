"""The panel Inspect: its initial state, what is selected in it, and its presets."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from streamlit.testing.v1 import AppTest

from core.jobs.comparison import Comparison
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.networks.layers import layers_of
from core.presets import DEFAULT_NETWORKS, PRESETS
from core.settings import Settings
from core.store.store import Store
from dashboard.panel import networks as panel_networks
from tests.support.kept import NETWORKS, a_comparison
from tests.support.opened import ENTRY, PATIENCE_S, run_button, shown
from tests.support.trained import put_local


@pytest.fixture
def page(store: Store) -> AppTest:  # noqa: ARG001  the page asks for the same store
    return AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S)


def test_the_bundled_networks_are_selected_at_first(store: Store) -> None:  # noqa: ARG001
    page = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S).run()
    assert not page.exception
    assert tuple(page.session_state["compare:networks"]) == DEFAULT_NETWORKS
    assert all(name.startswith("bundled/") for name in DEFAULT_NETWORKS)
    assert all(get_card(name).class_names for name in DEFAULT_NETWORKS)


@pytest.mark.parametrize("networks", ["", "lite/efficientnet_lite0"])
def test_networks_of_a_link_are_selected_instead_of_the_bundled_ones(store: Store, networks: str) -> None:  # noqa: ARG001
    page = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S)
    page.query_params["pictures"] = "sample:cat"
    page.query_params["networks"] = networks
    page.run()
    count = 1 if networks else len(DEFAULT_NETWORKS)
    label = f"Run {count} cell" + ("s" if count > 1 else "")
    assert [button.label for button in page.button if button.label.startswith("Run")] == [label]


def test_only_methods_with_a_place_in_a_grid_are_offered(page: AppTest) -> None:
    (offered,) = [box for box in shown(page, {}).selectbox if box.label == "Method"]
    assert offered.options == [method.title for method in METHODS.values() if method.needs.grid]
    assert METHODS["train"].title not in offered.options


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(np.full((side, side, 3), side, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_of_several_uploads_the_good_ones_are_stored_and_the_others_explained(page: AppTest) -> None:
    shown(page, {"networks": NETWORKS[0]})
    upload = page.file_uploader[0]
    upload.upload("good <b>.png", png(16)).upload("bad.png", b"no picture at all").upload("also good.png", png(17))
    page.run()
    assert not page.exception
    assert run_button(page).label == "Run 2 cells"
    assert [warning.value.startswith("bad") for warning in page.warning] == [True]


CLICKS = """
import streamlit as st
from dashboard.panel import pictures as panel_pictures

for name in ("sample:cat", "sample:coffee", "sample:cat"):
    panel_pictures.toggle_picture(name)
st.text(",".join(ref.name for ref in st.session_state[panel_pictures.PICTURES]))
"""


@pytest.mark.usefixtures("store")
def test_clicking_a_picture_toggles_it() -> None:
    assert AppTest.from_string(CLICKS, default_timeout=PATIENCE_S).run().text[0].value == "sample:coffee"


def test_a_preset_sets_method_and_parameters_in_the_form_and_leaves_the_rest(page: AppTest, store: Store) -> None:
    shown(page, {"pictures": "sample:cat,sample:coffee", "networks": ",".join(NETWORKS)})
    preset = next(preset for preset in PRESETS if preset.method == "class_image")
    page.menu_button[0].click(preset).run()
    assert not page.exception
    boxes = {box.label: box.value for box in page.selectbox}
    assert (boxes["Method"], boxes["Class name"]) == ("class_image", "tabby")
    assert [box.value for box in page.multiselect if box.label == "Judges"] == [list(NETWORKS)]
    next(field for field in page.number_input if field.label == "Steps").set_value(11)
    run_button(page).click().run()
    comparison = store.comparison(page.query_params["grid"])
    assert comparison.methods[0] == preset.build(NETWORKS).model_copy(update={"steps": 11})
    assert len(comparison.pictures) == 2


def test_a_preset_of_style_fills_an_empty_panel_with_pictures_and_networks(page: AppTest, store: Store) -> None:
    shown(page, {})
    preset = next(preset for preset in PRESETS if preset.method == "style_transfer")
    page.menu_button[0].click(preset).run()
    assert run_button(page).label == "Run 8 cells"
    run_button(page).click().run()
    assert not page.exception
    comparison = store.comparison(page.query_params["grid"])
    assert tuple(ref.name for ref in comparison.pictures) == preset.pictures
    assert set(comparison.networks) == set(preset.networks)


def test_a_preset_of_style_keeps_the_selection(page: AppTest) -> None:
    shown(page, {"pictures": "sample:coffee", "networks": NETWORKS[0]})
    preset = next(preset for preset in PRESETS if preset.method == "photo_style")
    page.menu_button[0].click(preset).run()
    assert not page.exception
    assert run_button(page).label == "Run 1 cell"


def test_a_preset_of_several_methods_gives_all_the_same_target(page: AppTest, store: Store) -> None:
    shown(page, {"pictures": "sample:cat", "networks": ",".join(NETWORKS)})
    preset = next(preset for preset in PRESETS if preset.method == "fixation")
    page.menu_button[0].click(preset).run()
    (also,) = [box for box in page.multiselect if box.label == "Also compare"]
    assert (also.value, "fixation" in also.options) == (list(preset.also_compare), False)
    next(box for box in page.selectbox if box.label == "Class name").select("tabby").run()
    assert run_button(page).label == "Run 8 cells"
    run_button(page).click().run()
    assert not page.exception
    comparison = store.comparison(page.query_params["grid"])
    assert [method.name for method in comparison.methods] == ["fixation", *preset.also_compare]
    assert {method.model_dump()["class_name"] for method in comparison.methods} == {"tabby"}
    assert [heading.value for heading in page.subheader if "Grad" in heading.value] != []
    assert not any(caption.value.startswith("Settings changed") for caption in page.caption)


def test_a_grid_of_several_methods_starts_the_panel_with_all_of_them(page: AppTest, store: Store) -> None:
    base = a_comparison(store, pictures=1)
    methods = (make_method("fixation", {}), make_method("occlusion", {"window": 30}), make_method("cam", {}))
    comparison = Comparison(base.pictures, base.networks, methods)
    store.put_comparison(comparison)
    shown(page, {"grid": comparison.key})
    assert run_button(page).label == "Run 6 cells"
    assert not any(caption.value.startswith("Settings changed") for caption in page.caption)
    run_button(page).click().run()
    assert page.query_params["grid"] == comparison.key


def test_a_link_names_further_methods(page: AppTest, store: Store) -> None:
    query = {"method": "fixation", "beside": "grad_cam", "contrast_class": "lynx"}
    shown(page, query | {"pictures": "sample:cat", "networks": NETWORKS[0]})
    run_button(page).click().run()
    fixation, grad_cam = store.comparison(page.query_params["grid"]).methods
    assert (fixation.name, grad_cam.name, grad_cam.model_dump()["contrast_class"]) == ("fixation", "grad_cam", "lynx")


def test_a_selected_method_leaves_the_further_methods(page: AppTest) -> None:
    shown(page, {"method": "fixation", "beside": "grad_cam,saliency"})
    next(box for box in page.selectbox if box.label == "Method").select("grad_cam").run()
    assert not page.exception
    assert next(box for box in page.multiselect if box.label == "Also compare").value == ["saliency"]


def test_class_names_of_several_networks_are_unique() -> None:
    names = panel_networks.class_names(NETWORKS)
    assert len(names) == len(set(names))


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        (("random/vit_tiny_patch16_224", "random/mixer_s16_224"), ""),
        (("random/resnet18", "timm/resnet50.a1_in1k"), ""),
        (("random/resnet18", "random/vit_tiny_patch16_224"), "share no layer name: choose the layer by depth"),
        ((), "Select networks first"),
    ],
)
def test_common_layers_or_the_reason_for_none(networks: tuple[str, ...], sentence: str) -> None:
    layers, reason = panel_networks.common_layers(networks)
    assert bool(layers) == (not sentence)
    assert sentence in reason
    assert all(layer.name in layers_of(get_card(name)) for layer in layers for name in networks)


def test_a_network_that_was_never_loaded_has_no_layers_yet(settings: Settings, store: Store) -> None:  # noqa: ARG001
    put_local(settings.home, "mine", model_args={"drop_rate": 0.1})
    layers, reason = panel_networks.common_layers(["local/mine"])
    assert not layers
    assert reason == "The layers of mine are listed here once a first cell is computed."
