"""What the record keeps of a pass, and what it lets go."""

from __future__ import annotations

import gc
from weakref import ref

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.attribution.unravelling import walk
from core.engine.attribution.unravelling.operations import EVERYTHING, NOTHING, Value
from core.engine.attribution.unravelling.rules import RULES, Rule
from core.engine.attribution.unravelling.tape import Tape, taped
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, classes, unravel
from tests.core.engine.attribution.unravelling.test_invariants import network, pictures


def record(function: nn.Module, x: Tensor) -> Tape:
    tape, _, _ = taped(function, x, walk._declared)
    return tape


def is_kept(value: Value) -> bool:
    try:
        return value.data is not None
    except RuntimeError:
        return False


class Block(nn.Module):
    """A convolution, its norm, an activation and a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3).eval()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.convolution(x))) + x


def test_only_values_that_rules_read_are_kept() -> None:
    tape = record(Block(), pictures(side=8))
    result = {operation.name: is_kept(operation.outputs[0]) for operation in tape.operations}
    assert result == {"conv2d": False, "batch_norm": False, "relu": True, "add": True}  # the sum is the output


def test_other_values_are_freed_during_the_pass() -> None:
    passed: list[ref[Tensor]] = []

    class Deep(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(4):
                x = functional.relu(x)
                passed.append(ref(x))
            assert [one() is None for one in passed] == [True, True, True, False]
            return x

    record(Deep(), pictures(side=4))
    assert len(passed) == 4


def test_after_a_trace_nothing_waits_for_the_garbage_collector() -> None:
    model, inputs, passed = network("test_resnet"), pictures(side=96), []
    for module in model.modules():
        module.register_forward_hook(lambda _, __, outcome: passed.append(ref(outcome)))
    gc.disable()
    try:
        unravel(model, inputs, classes([0]), TRACING_CONFIGS["paper"])
        assert len(passed) > 10
        assert all(one() is None for one in passed)
    finally:
        gc.enable()


def test_a_rule_that_reads_what_it_has_not_declared_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "conv2d", Rule(RULES["conv2d"].follow, NOTHING))
    with pytest.raises(RuntimeError, match="the rule that reads it has to declare it"):
        unravel(network("test_resnet"), pictures(side=96), classes([0]), TRACING_CONFIGS["paper"])


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet_gn", "test_mambaout"])
def test_fixations_do_not_depend_on_what_is_kept(name: str) -> None:
    model, inputs = network(name), pictures(side=160)
    few, all_kept = (
        unravel(model, inputs, classes([1]), TRACING_CONFIGS["beam"], audit=audit) for audit in (False, True)
    )
    for part in ("index", "sign", "weight"):
        one, other = (getattr(result.pixels.points, part) for result in (few, all_kept))
        assert (one == other).all()


def test_composites_are_decomposed_into_operations_with_rules() -> None:
    class Composed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.head = nn.Conv2d(3, 4, 3, padding="same"), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = functional.interpolate(self.convolution(x), scale_factor=2, mode="nearest")
            return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))

    names = [operation.name for operation in record(Composed(), pictures(side=8)).operations]
    assert names == ["convolution", "upsample_nearest2d", "mean", "view", "addmm"]


def test_values_read_before_an_in_place_write_are_preserved() -> None:
    class InPlace(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            doubled = x * 2
            read = doubled * doubled.sigmoid()
            doubled.zero_()
            return read + doubled

    x = pictures(side=4)
    tape, _, _ = taped(InPlace(), x, lambda _: EVERYTHING)
    product = next(operation for operation in tape.operations if operation.name == "mul" and len(operation.values) > 1)
    assert torch.equal(product["self"].data, x * 2)
    assert not tape.operations[-1]["other"].data.any()
