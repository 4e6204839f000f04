from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import timm
import torch

from core.errors import BadParameter
from core.learning.classifier.models import (
    MAX_CONFUSIONS,
    Learner,
    arrays,
    confusions,
    copied,
    halved,
    random_learner,
    trained_learner,
)
from core.networks.card import NetworkCard
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.learning.classifier.small import ARCHITECTURES, SIDE, equal, learner

each_family = pytest.mark.parametrize("family", ARCHITECTURES)


def state(learner: Learner | Network) -> dict[str, Any]:
    return copied(learner.model)


def as_network(start: Learner) -> Network:
    card = NetworkCard(
        name="local/start", identity="local/start#1", family="cnn", architecture=start.architecture,
        input_px=(SIDE, SIDE), class_names=("a", "b", "c"), parameters=1, license="none", source="a test",
        mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6),
    )  # fmt: skip
    return Network(card, start.model, "0" * 64)


# from random weights


@each_family
def test_random_weights_depend_on_the_seed_and_global_generators_are_unchanged(family: str) -> None:
    before = random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002
    first = state(learner(family))
    assert (random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    torch.seed()
    assert equal(first, state(learner(family)))
    assert not equal(first, state(learner(family, seed=1)))


@each_family
def test_its_configuration_builds_the_network_again(family: str) -> None:
    one = learner(family)
    config = one.configuration(("a", "b", "c"))
    again = timm.create_model(config["architecture"], num_classes=config["num_classes"], **config["model_args"])
    again.load_state_dict(state(one), strict=True)
    pictures = torch.rand(2, *config["pretrained_cfg"]["input_size"])
    with torch.no_grad():
        assert torch.equal(again.eval()(pictures), one.model.eval()(pictures))
    assert config["label_names"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("architecture", "arguments", "sentence"),
    [
        ("test_vit", {"num_heads": 0}, "test_vit cannot be built with these arguments: "),
        ("test_vit", {"embed_dim": 10, "num_heads": 3}, "test_vit cannot be built with these arguments: "),
        ("test_vit", {"width": 3}, "cannot be built with these arguments: .*width"),
        ("test_resnet", {"layers": [1]}, "test_resnet cannot be built with these arguments: [A-Za-z]"),
        ("test_resnet", {"output_stride": 3}, "test_resnet cannot be built with these arguments: [A-Za-z]"),
        ("test_resnet", {"layers": "many"}, "test_resnet cannot be built with these arguments: "),
        ("open_mixer", {"patch_size": 0}, "open_mixer cannot be built with these arguments: "),
        ("open_mixer", {"img_size": 64, "embed_dim": 8}, f"open_mixer does not run at {SIDE} px: "),
        ("test_vit", {"img_size": SIDE, "global_pool": ""}, r"test_vit must give 3 logits, got shape \[\d+, 3\]"),
    ],
)
def test_what_cannot_be_built_or_run_is_refused_in_one_sentence(
    architecture: str, arguments: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(BadParameter, match=f"^[^\n]*{sentence}[^\n]*$"):
        random_learner(architecture, arguments, 3, SIDE, 0)


# from a trained network


@each_family
@pytest.mark.parametrize("frozen", [True, False])
def test_a_trained_network_is_copied_and_has_a_new_classifier(family: str, frozen: bool) -> None:
    start = as_network(learner(family))
    before = state(start)
    one = trained_learner(start, 5, SIDE, 0, frozen=frozen)
    assert equal(state(start), before)
    assert not any(parameter.requires_grad for parameter in start.parameters())
    shapes = {name: tensor.shape for name, tensor in state(one).items()}
    new = {name for name, tensor in before.items() if tensor.shape != shapes[name]}
    assert all(torch.equal(state(one)[name], before[name]) for name in before.keys() - new)
    assert {name.rpartition(".")[0] for name in new} in ({"fc"}, {"head"}, {"evidence"})
    trained = {name for name, parameter in one.model.named_parameters() if parameter.requires_grad}
    assert trained == (new if frozen else set(dict(one.model.named_parameters())))
    with torch.no_grad():
        assert one.model(torch.rand(2, 3, SIDE, SIDE)).shape == (2, 5)


def test_a_new_classifier_is_that_of_the_seed() -> None:
    start = as_network(learner("cnn"))
    first, second, other = (state(trained_learner(start, 3, SIDE, seed, frozen=True)) for seed in (1, 1, 2))
    assert equal(first, second)
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_pictures_are_normalized_as_the_trained_network_wants_them() -> None:
    one = trained_learner(as_network(learner("cnn")), 3, SIDE, 0, frozen=True)
    assert (one.mean, one.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert one.configuration("abc")["pretrained_cfg"]["mean"] == [0.1, 0.2, 0.3]


def test_a_trained_network_that_does_not_run_at_this_size_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadParameter, match=r"^open_mixer does not run at 24 px: [^\n]+$"):
        trained_learner(as_network(learner("mixer")), 3, 24, 0, frozen=False)


def test_a_network_with_two_classifiers_is_refused_in_a_sentence() -> None:
    start = load(get_card("random/deit_tiny_distilled_patch16_224"))
    with pytest.raises(BadParameter, match=r"^the classifier of random/deit\S+ cannot be replaced: [^\n]+$"):
        trained_learner(start, 3, 224, 0, frozen=True)


# after a training


def test_half_precision_is_taken_where_it_can_hold_the_values() -> None:
    model = torch.nn.BatchNorm1d(2)
    model.weight.data = torch.tensor([1e6, 1.0])  # beyond half precision's 65504
    model.bias.data = torch.tensor([1 / 3, 2.0])
    result = halved(model)
    assert {name: tensor.dtype for name, tensor in result.items()} == {
        "weight": torch.float32, "bias": torch.float16, "running_mean": torch.float16,
        "running_var": torch.float16, "num_batches_tracked": torch.int64,
    }  # fmt: skip
    assert result["weight"].tolist() == [1e6, 1.0]
    assert result["bias"].tolist() == [pytest.approx(1 / 3, rel=1e-3), 2.0]


def test_a_copy_stays_whatever_becomes_of_the_model() -> None:
    model = torch.nn.Linear(2, 2)
    copy = copied(model)
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor + 1 for name, tensor in copy.items()})
    assert {name: tensor.tolist() for name, tensor in copy.items()} == before


def test_tensors_become_arrays_in_their_usual_order() -> None:
    tensor = torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    (array,) = arrays({"w": tensor}).values()
    assert array.flags["C_CONTIGUOUS"]
    assert array.tolist() == tensor.tolist()


def test_the_most_frequent_confusions_come_first() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 0, 2, 2, 1, 2])
    assert confusions(predicted, labels, ("cat", "dog", "bird")) == [
        ("cat", "dog", 2, 3),
        ("dog", "bird", 2, 4),
        ("dog", "cat", 1, 4),
    ]
    assert confusions(labels, labels, ("cat", "dog", "bird")) == []


def test_confusions_are_limited() -> None:
    labels = torch.arange(50)
    assert len(confusions(labels.flip(0), labels, [str(number) for number in range(50)])) == MAX_CONFUSIONS
