"""A pass that is done again from a plan gives what a recorded one gives, and is recorded where it might not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.attribution.unravelling import replay
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, Unravelled, classes, unravel
from core.errors import Undefined
from core.networks.catalog import get_card
from core.networks.loading import load
from tests.core.engine.attribution.unravelling.test_invariants import network, pictures, side_of

NAMES = (
    "bundled/cnn",
    "lite/efficientnet_lite0",
    "test_vit",
    "open_mixer",
    "concentrator",
    "test_coatnet",
    "test_nfnet",
)
BEAM = TRACING_CONFIGS["beam"]


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """The networks that were recorded, one entry each time."""
    result: list[nn.Module] = []
    record = replay.taped

    def noted(model: nn.Module, *arguments: Any) -> replay.Record:
        result.append(model)
        return record(model, *arguments)

    monkeypatch.setattr(replay, "taped", noted)
    return result


def fresh(name: str) -> tuple[nn.Module, int]:
    """A network that has never been recorded, and the side of its pictures."""
    if "/" in name:
        return deepcopy(load(get_card(name))), get_card(name).input_px[0]
    return network(name), side_of(name)


def trace(model: nn.Module, inputs: Tensor, layers: tuple[str, ...] = ()) -> Unravelled:
    return unravel(model, inputs, classes([1] * len(inputs)), BEAM, layers=layers)


def numbers(result: Unravelled) -> list[Any]:
    reached = [result.pixels, *(result.layers[name] for name in sorted(result.layers))]
    parts = [getattr(one.points, part) for one in reached for part in ("index", "sign", "weight", "picture")]
    return [*parts, result.logits.numpy(), np.array(result.lost)]


def same(first: Unravelled, second: Unravelled) -> bool:
    pairs = zip(numbers(first), numbers(second), strict=True)
    return first.layers.keys() == second.layers.keys() and all(
        one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs
    )


def moving(model: nn.Module) -> None:
    """Other weights in the same memory, behind the back of torch."""
    for weight in model.parameters():
        weight.data.mul_(0.9).add_(0.01)


@pytest.mark.parametrize("name", NAMES)
def test_a_replay_equals_a_record(name: str, recordings: list[nn.Module]) -> None:
    model, side = fresh(name)
    first, second = pictures(side=side), pictures(2, side, seed=2)
    for inputs in (first, second):
        trace(model, inputs)
    assert recordings == [model, model]
    variants = [pictures(side=side, seed=3), pictures(2, side, seed=4), first]
    replayed = [trace(model, inputs) for inputs in variants]
    moving(model)
    replayed.append(trace(model, second))
    assert recordings == [model, model]
    recorded = [trace(fresh(name)[0], inputs) for inputs in variants]
    recorded.append(trace(deepcopy(model), second))
    for one, other in zip(replayed, recorded, strict=True):
        assert same(one, other)


def test_each_choice_of_layers_has_a_plan_of_its_own(recordings: list[nn.Module]) -> None:
    model = network("test_resnet")
    layers = ("layer2", "layer1")
    for _ in range(2):
        trace(model, pictures(), layers)
        trace(model, pictures())
    assert recordings == [model, model]
    replay, recorded = (trace(one, pictures(seed=5), layers) for one in (model, network("test_resnet")))
    assert set(replay.layers) == set(layers)
    assert same(replay, recorded)


def test_nothing_of_the_pictures_outlives_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model, passed = network("test_vit"), []
    original = replay.Value.set_data
    monkeypatch.setattr(
        replay.Value, "set_data", lambda value, tensor: (passed.append(ref(tensor)), original(value, tensor))[1]
    )
    gc.disable()
    try:
        for seed in (1, 2):
            inputs = pictures(side=160, seed=seed)
            passed.append(ref(inputs))
            trace(model, inputs)
            del inputs
        assert len(passed) > 20
        assert all(one() is None for one in passed)
    finally:
        gc.enable()


def test_a_plan_goes_with_its_network() -> None:
    model = network("test_resnet")
    trace(model, pictures())
    weights = [ref(weight) for weight in model.parameters()]
    gc.collect()
    gc.disable()
    try:
        del model
        assert all(one() is None for one in weights)
    finally:
        gc.enable()


def test_few_plans_are_kept(recordings: list[nn.Module]) -> None:
    model = network("test_resnet")
    sides = [32 * number for number in range(1, replay.PLANS + 2)]
    for side in [*sides, sides[-1], sides[0]]:
        trace(model, pictures(side=side))
    assert len(recordings) == len(sides) + 1  # the first was forgotten


class Changed(nn.Module):
    """A convolution, and `change` of what it gives; a weight of which the mean is taken."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.change = change
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.change(functional.relu(self.convolution(x))).flatten(2).mean(2))


def scaled(by: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x * by


RESTLESS = {
    "a branch": lambda x: x * 2 if x.mean() > 0 else -x,
    "a number": lambda x: x * x.max().item(),
    "a list": lambda x: x * x.amax().tolist(),
    "an array": lambda x: x * float(x.numpy().max()),
    "flags": lambda x: x[:, x.mean((0, 2, 3)) > 0].repeat(1, 4, 1, 1)[:, :4],
    "a comparison": lambda x: x if torch.equal(x, x.abs()) else -x,
    "chance": lambda x: x + torch.rand(1),
    "chance in the signal": lambda x: functional.dropout(x, training=True),
}


@pytest.mark.parametrize("change", RESTLESS.values(), ids=RESTLESS)
def test_data_dependent_and_random_networks_are_recorded_each_time(
    change: Callable[[Tensor], Tensor], recordings: list[nn.Module]
) -> None:
    model = Changed(change)
    for seed in (1, 2):
        try:
            trace(model, pictures(side=12, seed=seed))
        except Undefined:
            continue
    assert len(recordings) == 2


def counted(x: Tensor) -> Tensor:
    return x + COUNTER.add_(1)


COUNTER = torch.zeros(1)


def test_a_network_that_overwrites_its_state_is_recorded_each_time(recordings: list[nn.Module]) -> None:
    model = Changed(counted)
    for _ in range(2):
        trace(model, pictures(side=12))
    assert len(recordings) == 2
    assert COUNTER.item() == 2


def replaced_weight(model: Changed) -> None:
    model.head.weight = nn.Parameter(model.head.weight.flip(0), requires_grad=False)


def replaced_module(model: Changed) -> None:
    model.convolution = nn.Conv2d(3, 4, 5)
    model.eval().requires_grad_(requires_grad=False)


def moved_weight(model: Changed) -> None:
    model.head.weight.data = model.head.weight.flip(0)


def other_setting(model: Changed) -> None:
    model.change = scaled(-2)


def written_over(model: Changed) -> None:
    model.load_state_dict({name: value.flip(0) for name, value in model.state_dict().items()})


CHANGES = (replaced_weight, replaced_module, moved_weight, other_setting, written_over, moving)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_network_is_traced_in_its_current_state(change: Callable[[Changed], None]) -> None:
    model = Changed(scaled(2))
    before = trace(model, pictures(side=12))
    change(model)
    after = trace(model, pictures(side=12))
    assert not same(before, after)
    assert same(after, trace(deepcopy(model), pictures(side=12)))


def test_hooks_of_others_and_training_are_recorded(recordings: list[nn.Module]) -> None:
    model = Changed(scaled(2))
    trace(model, pictures(side=12))
    hook = model.convolution.register_forward_hook(lambda _, __, outcome: -outcome)
    trace(model, pictures(side=12))
    hook.remove()
    model.head.train()
    trace(model, pictures(side=12))
    model.head.eval()
    trace(model, pictures(side=12))
    assert len(recordings) == 3


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_compiled_script_is_recorded(recordings: list[nn.Module]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 2)).eval()
    script, inputs = torch.jit.script(model), pictures(side=12)
    for _ in range(2):
        assert same(trace(script, inputs), trace(model, inputs))
    assert recordings == [script, model, script]


def overwritten(x: Tensor) -> Tensor:
    doubled = x * 2
    read = doubled * doubled.sigmoid()
    doubled.mul_(-1)
    return read + doubled


def test_overwritten_values_are_read_as_they_were(recordings: list[nn.Module]) -> None:
    model, inputs = Changed(overwritten), pictures(side=12, seed=2)
    trace(model, pictures(side=12))
    assert same(trace(model, inputs), trace(deepcopy(model), inputs))
    assert len(recordings) == 2


def test_an_untraceable_network_is_undefined_in_a_replay_too() -> None:
    model = Changed(lambda x: x.cumsum(2))
    for _ in range(2):
        with pytest.raises(Undefined, match="cumsum"):
            trace(model, pictures(side=12))
