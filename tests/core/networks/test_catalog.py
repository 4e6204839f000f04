from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import timm
from timm.models import get_pretrained_cfg

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks import tables
from core.networks.card import FAMILIES
from core.networks.catalog import all_cards, get_card, search

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "resnet50",
        "timm",
        "timm/",
        "../x",
        "timm/../../etc",
        "timm/resnet50",
        "timm/resnet50.A1_in1k",
        "timm/resnet50.a1_in1k ",
        "local/../../etc/passwd",
        "local//etc",
        "bundled/../../catalog",
        "lite/efficientnet_lite9",
        "hf-hub:timm/resnet50.a1_in1k",
        "random/local-dir:/tmp",
        "hub/owner/name",
        "hub/owner/name@",
        "hub/../name@main",
        "hub/owner/name@../main",
        "hub/owner/a/b@main",
        "x" * 10_000,
    ],
)
def test_any_text_that_is_no_network_is_refused_in_one_short_sentence(name: str) -> None:
    with pytest.raises(UnknownNetwork) as caught:
        get_card(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_unknown_name_is_refused_with_similar_names() -> None:
    with pytest.raises(UnknownNetwork, match=r"similar names are.*timm/resnet50"):
        get_card("timm/resnet50.a1_in2k")


def test_a_hub_network_that_was_not_fetched_says_how_to_fetch_it() -> None:
    with pytest.raises(NetworkUnavailable, match="gazegrid networks --fetch hub/owner/name@v1"):
        get_card("hub/owner/name@v1")


def test_the_catalog_is_of_the_installed_timm() -> None:
    assert tables.timm_version() == timm.__version__, "run `python -m core.networks.make_catalog`"


@pytest.mark.parametrize(
    "tag", ["resnet50.a1_in1k", "convnextv2_base.fcmae_ft_in1k", "vit_tiny_patch16_224.augreg_in21k"]
)
def test_a_card_says_what_timm_says(tag: str) -> None:
    card, config = get_card(f"timm/{tag}"), get_pretrained_cfg(tag)
    assert config is not None
    assert (3, *card.input_px) == config.input_size
    assert (card.mean, card.std, card.crop_share) == (config.mean, config.std, config.crop_pct)
    assert (card.interpolation, card.crop_mode) == (config.interpolation, config.crop_mode)
    assert (len(card.class_names), card.license) == (config.num_classes, config.license)


@pytest.mark.parametrize("name", ["resnet18", "test_vit", "test_convnext"])
def test_parameters_are_those_of_the_network(name: str) -> None:
    model = timm.create_model(name, num_classes=1000)
    assert get_card(f"random/{name}").parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("resnet50", "cnn"),
        ("convnext_tiny", "cnn"),
        ("swin_tiny_patch4_window7_224", "vit"),
        ("vit_tiny_patch16_224", "vit"),
        ("mixer_b16_224", "mixer"),
        ("resmlp_12_224", "mixer"),
        ("gmlp_s16_224", "mixer"),
        ("coatnet_0_224", "hybrid"),
        ("mobilevit_s", "hybrid"),
        ("levit_128", "hybrid"),
        ("caformer_s18", "hybrid"),
        ("convformer_s18", "cnn"),
        ("mobilenetv4_conv_small", "cnn"),
        ("mobilenetv4_hybrid_medium", "hybrid"),
    ],
)
def test_families(name: str, family: str) -> None:
    assert get_card(f"random/{name}").family == family


def test_licenses_stay_visible_and_unknown_ones_say_so() -> None:
    assert get_card("timm/convnextv2_base.fcmae_ft_in1k").license == "cc-by-nc-4.0"
    assert get_card("timm/res2net50d.in1k").license == "unknown"
    assert all(card.license for card in all_cards())


def test_names_and_identities_are_unique_and_lead_back_to_their_cards() -> None:
    cards = all_cards()
    assert len(cards) > 2_500
    assert len({card.name for card in cards}) == len({card.identity for card in cards}) == len(cards)
    assert all(get_card(card.name) is card or get_card(card.name) == card for card in cards[::97])
    assert all(card.identity.partition("#")[0] == card.name for card in cards)
    assert {card.family for card in cards} == set(FAMILIES)


@pytest.mark.parametrize("count", [1000, 11221, 11821, 21841, 21842, 21843, 7])
def test_each_class_has_a_name_of_its_own(count: int) -> None:
    names = tables.class_names(count)
    assert len(names) == len(set(names)) == count
    assert not any("=" in name or "," in name or not name.strip() for name in names)


def test_imagenet_classes_are_in_the_order_of_imagenet() -> None:
    names = get_card("lite/efficientnet_lite0").class_names
    assert (names[0], names[207], names[999]) == ("tench", "golden retriever", "toilet tissue")


def test_only_random_networks_have_random_weights() -> None:
    assert {card.name.partition("/")[0] for card in all_cards() if card.random_weights} == {"random"}
    assert get_card("random/resnet18").random_weights


def test_search_finds_every_word_and_keeps_to_families() -> None:
    found = search("ConvNeXt NC", ["cnn"])
    assert found
    assert all("convnext" in card.name and "-nc-" in card.license and card.family == "cnn" for card in found)
    assert not search("convnext", ["mixer"])
    assert len(search()) == len(all_cards())


def test_the_catalog_needs_neither_torch_nor_timm() -> None:
    code = (
        "import sys, core.networks.catalog as catalog; catalog.all_cards();"
        "print({'torch', 'timm', 'huggingface_hub'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
