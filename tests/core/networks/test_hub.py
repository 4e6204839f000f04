from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks import folders
from core.networks.catalog import all_cards, get_card, unusable_networks
from core.networks.hub import fetch
from core.networks.loading import load

from .conftest import WriteNetwork, point_hub_at

pytestmark = pytest.mark.usefixtures("home")


def test_a_hub_network_is_fetched_once_and_then_needs_no_connection(hub: Path, write_network: WriteNetwork) -> None:
    source = write_network(hub / "owner" / "name")
    card = fetch("hub/owner/name@v1")
    (source / "model.safetensors").unlink()
    assert fetch("hub/owner/name@v1") == card == get_card("hub/owner/name@v1")
    assert card.identity.startswith("hub/owner/name@v1#")
    assert load(card)(torch.rand(2, 3, 96, 96)).shape == (2, 10)


def test_fetched_networks_are_listed_and_a_broken_one_with_its_reason(hub: Path, write_network: WriteNetwork) -> None:
    write_network(hub / "owner" / "name")
    card = fetch("hub/owner/name@v1")
    write_network(hub / "owner" / "other")
    fetch("hub/owner/other@v1")
    (folders.hub_files("hub/owner/other@v1").config).write_text("[" * 200_000)
    assert card in all_cards()
    ((name, reason),) = unusable_networks().items()
    assert (name, "config.json is not JSON" in reason) == ("hub/owner/other@v1", True)


def test_an_export_of_timm_on_the_hub_gives_the_logits_that_timm_gives(hub: Path) -> None:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=5, img_size=64).eval()
    save_for_hf(model, str(hub / "owner" / "vit"), safe_serialization=True)
    network = load(fetch("hub/owner/vit@v1"))
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(network(x), model((x - network.mean) / network.std))


def test_timms_weights_come_from_the_hub_and_stay(hub: Path) -> None:
    model = timm.create_model("test_resnet").eval()
    (hub / "timm" / "test_resnet.r160_in1k").mkdir(parents=True)
    file = hub / "timm" / "test_resnet.r160_in1k" / "model.safetensors"
    save_file(model.state_dict(), file)
    card = get_card("timm/test_resnet.r160_in1k")
    first = load(card)
    file.unlink()
    again = load(card)
    x = torch.rand(1, 3, *card.input_px)
    torch.testing.assert_close(first(x), model((x - first.mean) / first.std))
    assert torch.equal(first(x), again(x))


def test_without_a_connection_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    point_hub_at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(NetworkUnavailable, match="the hub cannot be reached: connect once, or copy") as caught:
        load(get_card("timm/resnet50.a1_in1k"))
    assert "\n" not in str(caught.value)


def test_a_hub_that_never_answers_is_given_up_within_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.networks.hub.REPLY_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_hub_at(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(NetworkUnavailable, match="cannot be reached"):
            fetch("hub/owner/name@main")
    assert time.monotonic() - start < 5


def test_offline_by_setting_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkUnavailable, match="HF_HUB_OFFLINE is set"):
        load(get_card("timm/resnet50.a1_in1k"))


def test_a_repository_that_is_not_there_or_lacks_safetensors_is_said(hub: Path) -> None:
    with pytest.raises(NetworkUnavailable, match="the hub refuses hub/owner/none@main"):
        fetch("hub/owner/none@main")
    (hub / "owner" / "pickled").mkdir(parents=True)
    with pytest.raises(NetworkUnavailable, match="has no file"):
        fetch("hub/owner/pickled@main")


def test_a_name_without_a_revision_is_never_asked_for() -> None:
    with pytest.raises(UnknownNetwork, match="hub/owner/name@revision"):
        fetch("hub/owner/name")
