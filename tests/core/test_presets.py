from __future__ import annotations

import pytest

from core.errors import BadParameter
from core.jobs.comparison import with_shared_parameters
from core.media.samples import open_picture
from core.method_base.method import Method
from core.methods import METHODS
from core.networks.catalog import get_card
from core.presets import PRESETS, Preset

NETWORKS = ("random/resnet18", "random/vit_tiny_patch16_224", "random/mixer_s16_224")


def made(method: str, networks: tuple[str, ...]) -> Method:
    return next(preset for preset in PRESETS if preset.method == method).build(networks)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.question)
def test_every_preset_is_a_method_of_a_grid_that_a_network_of_a_thousand_classes_can_answer(preset: Preset) -> None:
    method = preset.build(NETWORKS)
    assert method.needs.grid
    assert method.undefined_for(get_card(NETWORKS[0])) is None


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.question)
def test_methods_beside_a_preset_can_answer_the_same_question(preset: Preset) -> None:
    beside = with_shared_parameters(preset.build(NETWORKS), [METHODS[name]() for name in preset.also_compare])
    cards = [get_card(name) for name in NETWORKS]
    assert all(any(method.undefined_for(card) is None for card in cards) for method in beside)
    assert preset.method not in preset.also_compare


def test_presets_ask_different_questions() -> None:
    assert len({preset.question for preset in PRESETS}) == len(PRESETS)
    assert {preset.method for preset in PRESETS} <= METHODS.keys()


def test_compared_networks_judge_each_other_and_one_alone_is_judged_by_itself() -> None:
    identities = tuple(get_card(name).identity for name in NETWORKS)
    assert made("class_image", NETWORKS).model_dump()["judges"] == identities[:2]
    other_classes = "timm/caformer_s18.sail_in22k"
    assert made("class_image", (other_classes, *NETWORKS)).model_dump()["judges"] == identities[:2]
    assert made("class_image", NETWORKS[:1]).model_dump()["judges"] == ()
    assert made("inversion", NETWORKS) == METHODS["inversion"]()


def test_presets_of_one_method_say_in_what_they_differ() -> None:
    notes = [(preset.method, preset.note) for preset in PRESETS]
    assert len(set(notes)) == len(notes)


def test_without_its_rival_the_class_is_secured_before_details_go() -> None:
    (preset,) = [preset for preset in PRESETS if preset.question == "Which details does it need without the runner-up?"]
    method = preset.build(NETWORKS).model_dump()
    assert method["target"] == "without runner-up"
    assert 0 < method["class_steps"] < method["steps"]
    one_class = get_card(NETWORKS[0]).model_copy(update={"class_names": ("tabby",)})
    assert preset.build().undefined_for(one_class) == "This network has a single class: there is no runner-up."


def test_a_preset_that_a_method_does_not_take_is_refused() -> None:
    with pytest.raises(BadParameter, match="has no parameter"):
        Preset("What?", "inversion", {"class_name": "tabby"}).build()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.question)
def test_what_a_preset_brings_is_there_on_a_fresh_clone(preset: Preset) -> None:
    assert all(open_picture(source)[1] == source for source in preset.pictures)
    for name in preset.networks:
        assert name.partition("/")[0] in ("bundled", "lite")
        assert preset.build(preset.networks).undefined_for(get_card(name)) is None


def test_pictures_of_a_preset_are_named_by_their_sources_and_kept_as_digests() -> None:
    styles = made("photo_style", NETWORKS).model_dump()["styles"]
    assert styles == (open_picture("sample:coffee")[0].digest,)
