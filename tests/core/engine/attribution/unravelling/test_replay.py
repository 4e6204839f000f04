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
    found: list[nn.Module] = []
    record = replay.taped

    def noted(model: nn.Module, *given: Any) -> replay.Record:
        found.append(model)
        return record(model, *given)

    monkeypatch.setattr(replay, "taped", noted)
    return found


def fresh(name: str) -> tuple[nn.Module, int]:
    """A network that has never been recorded, and the side of its pictures."""
    if "/" in name:
        return deepcopy(load(get_card(name))), get_card(name).input_px[0]
    return network(name), side_of(name)


def trace(model: nn.Module, seen: Tensor, layers: tuple[str, ...] = ()) -> Unravelled:
    return unravel(model, seen, classes([1] * len(seen)), BEAM, layers=layers)


def numbers(found: Unravelled) -> list[Any]:
    reached = [found.pixels, *(found.layers[name] for name in sorted(found.layers))]
    parts = [getattr(one.points, part) for one in reached for part in ("index", "sign", "weight", "picture")]
    return [*parts, found.logits.numpy(), np.array(found.lost)]


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
def test_a_replay_gives_what_a_record_gives(name: str, recordings: list[nn.Module]) -> None:
    model, side = fresh(name)
    first, second = pictures(side=side), pictures(2, side, seed=2)
    for seen in (first, second):
        trace(model, seen)
    assert recordings == [model, model]
    others = [pictures(side=side, seed=3), pictures(2, side, seed=4), first]
    replayed = [trace(model, seen) for seen in others]
    moving(model)
    replayed.append(trace(model, second))
    assert recordings == [model, model]
    recorded = [trace(fresh(name)[0], seen) for seen in others]
    recorded.append(trace(deepcopy(model), second))
    for one, other in zip(replayed, recorded, strict=True):
        assert same(one, other)


def test_layers_that_are_asked_for_are_known_to_a_plan_of_their_own(recordings: list[nn.Module]) -> None:
    model = network("test_resnet")
    layers = ("layer2", "layer1")
    for _ in range(2):
        trace(model, pictures(), layers)
        trace(model, pictures())
    assert recordings == [model, model]
    again, recorded = (trace(one, pictures(seed=5), layers) for one in (model, network("test_resnet")))
    assert set(again.layers) == set(layers)
    assert same(again, recorded)


def test_nothing_of_the_pictures_outlives_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model, passed = network("test_vit"), []
    taken = replay.Value.take
    monkeypatch.setattr(
        replay.Value, "take", lambda value, tensor: (passed.append(ref(tensor)), taken(value, tensor))[1]
    )
    gc.disable()
    try:
        for seed in (1, 2):
            seen = pictures(side=160, seed=seed)
            passed.append(ref(seen))
            trace(model, seen)
            del seen
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
def test_what_numbers_or_chance_decide_is_recorded_each_time(
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


def test_a_network_that_writes_to_what_it_keeps_is_recorded_each_time(recordings: list[nn.Module]) -> None:
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
def test_a_network_that_was_changed_is_traced_as_it_is_now(change: Callable[[Changed], None]) -> None:
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
    script, seen = torch.jit.script(model), pictures(side=12)
    for _ in range(2):
        assert same(trace(script, seen), trace(model, seen))
    assert recordings == [script, model, script]


def overwritten(x: Tensor) -> Tensor:
    doubled = x * 2
    read = doubled * doubled.sigmoid()
    doubled.mul_(-1)
    return read + doubled


def test_what_is_overwritten_is_read_as_it_was(recordings: list[nn.Module]) -> None:
    model, seen = Changed(overwritten), pictures(side=12, seed=2)
    trace(model, pictures(side=12))
    assert same(trace(model, seen), trace(deepcopy(model), seen))
    assert len(recordings) == 2


def test_what_cannot_be_traced_is_undefined_again() -> None:
    model = Changed(lambda x: x.cumsum(2))
    for _ in range(2):
        with pytest.raises(Undefined, match="cumsum"):
            trace(model, pictures(side=12))
