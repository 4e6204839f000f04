from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks import architectures
from core.networks.architectures import Concentrator, LogMeanExp
from core.networks.card import NetworkCard
from core.networks.families import OWN
from core.networks.network import Network
from core.networks.tables import families
from core.settings import REPOSITORY


def evidence(*shape: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def concentrator(classes: int = 5, **arguments: Any) -> Concentrator:
    torch.manual_seed(0)
    small = {"layers": [1] * 4, "channels": [8, 16, 16, 24], "output_stride": 8} | arguments
    model = timm.create_model("concentrator", num_classes=classes, **small)
    assert isinstance(model, Concentrator)
    return model.eval()


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_a_soft_maximum_lies_between_mean_and_maximum(scale: float) -> None:
    places = evidence(4, 6, 5, 7, scale=scale)
    joined = LogMeanExp()(places)
    assert joined.shape == (4, 6)
    assert (joined >= places.mean(dim=(2, 3)) - 1e-6).all()
    assert (joined <= places.amax(dim=(2, 3)) + 1e-6).all()


def test_a_soft_maximum_is_the_closed_form() -> None:
    places = torch.tensor([[[[0.0, math.log(3)]]]])
    assert float(LogMeanExp()(places)) == pytest.approx(math.log(2))
    assert float(LogMeanExp()(torch.full((1, 1, 4, 4), -700.0))) == pytest.approx(-700)  # exp alone would give 0


def test_it_is_near_the_mean_of_like_places_and_near_the_maximum_of_one_that_stands_out() -> None:
    flat, peaked = evidence(1, 1, 8, 8, scale=0.01), torch.zeros(1, 1, 8, 8)
    peaked[..., 3, 3] = 100.0
    assert float(LogMeanExp()(flat)) == pytest.approx(float(flat.mean()), abs=1e-3)
    assert float(LogMeanExp()(peaked)) == pytest.approx(100 - math.log(64), abs=1e-3)


def test_the_same_evidence_on_a_larger_grid_gives_the_same_logit() -> None:
    places = evidence(2, 3, 4, 5)
    for repeated in (places.repeat(1, 1, 2, 3), places.repeat_interleave(3, dim=2), places.flatten(2)[..., None]):
        assert torch.allclose(LogMeanExp()(repeated), LogMeanExp()(places), atol=1e-5)
    moved = places.flatten(2)[..., torch.randperm(20)].view(2, 3, 4, 5)
    assert torch.allclose(LogMeanExp()(moved), LogMeanExp()(places), atol=1e-5)


def test_what_is_added_everywhere_is_added_to_the_logit_and_one_place_more_makes_it_no_smaller() -> None:
    places = evidence(2, 3, 4, 5)
    assert torch.allclose(LogMeanExp()(places + 7), LogMeanExp()(places) + 7, atol=1e-5)
    more = places.clone()
    more[..., 1, 1] += 2
    assert (LogMeanExp()(more) > LogMeanExp()(places)).all()


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (33, 95), (160, 48)])
def test_a_concentrator_classifies_pictures_of_any_size(size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert concentrator()(torch.rand(2, 3, *size)).shape == (2, 5)


@pytest.mark.parametrize(
    ("size", "scales"),
    [((64, 64), [(64, 64)]), ((48, 48), [(64, 64)]), ((100, 150), [(64, 96)]), ((192, 192), [(64, 64), (128, 128)])],
)
def test_larger_pictures_are_looked_at_in_several_sizes(size: tuple[int, int], scales: list[tuple[int, int]]) -> None:
    model, pictures = concentrator(), torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(2))
    seen: list[tuple[int, ...]] = []
    hook = model.conv1.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape[2:])))
    with torch.no_grad():
        logits = model(pictures)
        each = [
            model.forward_head(
                model.forward_features(functional.interpolate(pictures, size=scale, mode="bicubic", antialias=True))
            )
            for scale in scales
        ]
    hook.remove()
    assert seen[: len(scales)] == scales
    assert torch.allclose(logits, torch.stack(each).exp().mean(dim=0).log(), atol=1e-4)


def test_its_logits_are_the_joined_evidence_of_its_features() -> None:
    model, pictures = concentrator(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        features = model.forward_features(pictures)
        assert features.shape == (2, 24, 8, 8)
        assert torch.equal(model.forward_head(features, pre_logits=True), features)
        assert torch.allclose(model(pictures), LogMeanExp()(model.evidence(features)))


def test_a_new_classifier_takes_the_place_of_the_old_one() -> None:
    model = concentrator()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    old = model.get_classifier()
    model.reset_classifier(9)
    assert model.get_classifier() is model.evidence is not old
    assert model.get_classifier(name_only=True) == "evidence"
    assert model.state_dict().keys() == before.keys()
    assert [name for name in before if model.state_dict()[name].shape != before[name].shape] == [
        "evidence.weight", "evidence.bias"
    ]  # fmt: skip
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 9)


@pytest.mark.parametrize(
    ("img_size", "patch_size", "embed_dim", "num_blocks"), [(32, 8, 16, 1), (64, 16, 24, 3), (48, 12, 8, 2)]
)
def test_a_mixer_is_of_any_size(img_size: int, patch_size: int, embed_dim: int, num_blocks: int) -> None:
    sizes = {"img_size": img_size, "patch_size": patch_size, "embed_dim": embed_dim, "num_blocks": num_blocks}
    model = timm.create_model("open_mixer", num_classes=4, **sizes)
    assert len(model.blocks) == num_blocks
    assert model.forward_features(torch.rand(1, 3, img_size, img_size)).shape == (
        1, (img_size // patch_size) ** 2, embed_dim
    )  # fmt: skip
    assert model(torch.rand(2, 3, img_size, img_size)).shape == (2, 4)


def test_our_own_are_known_by_family_and_have_one_classifier_each() -> None:
    assert families().items() >= OWN.items()
    assert set(architectures.default_cfgs) == set(OWN)
    for name in OWN:
        assert timm.is_model(name)


def test_whoever_loads_networks_can_build_our_own() -> None:
    code = "import timm, core.networks.loading\n"
    code += f"assert all(timm.is_model(name) for name in {sorted(OWN)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_its_layers_are_found_as_those_of_any_network() -> None:
    card = NetworkCard(
        name="local/c", identity="local/c#1", family="cnn", architecture="concentrator", input_px=(64, 64),
        class_names=tuple("abcde"), parameters=1, license="none", source="a test",
    )  # fmt: skip
    network = Network(card, concentrator(), "0" * 64)
    assert network.layers()[-2:] == ["evidence", "join"]
    assert isinstance(network.layer("evidence"), nn.Conv2d)
