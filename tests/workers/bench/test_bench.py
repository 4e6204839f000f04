from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module

import pytest
import torch

from core.datasets.digits import digits
from core.errors import BadInput
from core.learning.pictures import in_memory
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.methods.autoencoder import Autoencoder
from core.networks.catalog import get_card
from core.networks.loading import load
from workers import bench
from workers.bench.bench_autoencoder import bare_loop as autoencoder_loop
from workers.bench.bench_loop import bare_loop
from workers.bench.interleaved import Interleaved
from workers.bench.row import Row, at_least, at_most
from workers.cli.main import main

Bench = Callable[..., tuple[int, str]]
METHODS = ("amplify", "class_image", "deep_dream", "feature_image", "inversion")


@pytest.fixture
def gazegrid_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """`gazegrid bench --quick` in this process: (exit status, standard output)."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gazegrid", "bench", "--quick", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


def test_a_target_is_an_upper_or_a_lower_limit() -> None:
    assert [at_most("x", ratio, 1.1, "")["holds"] for ratio in (1.0, 1.1, 1.11)] == [True, True, False]
    assert [at_least("x", ratio, 1.1, "")["holds"] for ratio in (1.0, 1.1, 1.11)] == [False, True, True]


def test_every_bench_can_be_run_quickly() -> None:
    assert {"bench_loop", "bench_warm", "bench_workers", "bench_hit", "bench_batch"} <= set(bench.BENCHES)
    for name in bench.BENCHES:
        quick = inspect.signature(import_module(f"workers.bench.{name}").run).parameters["quick"]
        assert quick.default is False


def test_the_bare_loop_changes_only_its_own_pixels() -> None:
    network = load(get_card("random/test_resnet"))
    picture = torch.rand(1, 3, *network.card.input_px)
    before, weights = picture.clone(), [tensor.clone() for tensor in network.parameters()]
    passes: list[torch.Tensor] = []
    network.register_forward_hook(lambda _, inputs, __: passes.append(inputs[0].detach().clone()))
    step = bare_loop(network, picture)
    for _ in range(2):
        step()
    _target, *inputs = passes
    assert len(inputs) == 3
    assert not torch.equal(inputs[0], inputs[2])
    assert torch.equal(picture, before)
    assert all(tensor.grad is None for tensor in network.parameters())
    assert all(torch.equal(new, old) for new, old in zip(network.parameters(), weights, strict=True))


@pytest.mark.parametrize(
    ("name", "method", "parameters"),
    [
        ("loop", "detail_search", {}),
        ("style", "style_transfer", {"optimizer": "adam", "judge": "random/test_resnet"}),
        *((name, name, {}) for name in METHODS),
    ],
)
def test_the_bare_loop_runs_the_same_layers_on_the_same_shapes(
    name: str, method: str, parameters: dict[str, str]
) -> None:
    network = load(get_card("random/test_resnet"))
    loop = import_module(f"workers.bench.bench_{name}").bare_loop
    bare = (partial(loop, steps=3) if name == "deep_dream" else loop)(network, network.prepare(sample("cat"))[None])
    calls: list[tuple[str, torch.Size]] = []
    turns: list[list[tuple[str, torch.Size]]] = []

    def other() -> None:
        turns.append(calls.copy())
        calls.clear()
        bare()
        turns.append(calls.copy())
        calls.clear()

    for path, module in network.named_modules():
        module.register_forward_pre_hook(lambda _, given, path=path: calls.append((path, given[0].shape)))
    make_method(method, {"steps": 3} | parameters).run([sample("cat")], network, Interleaved(other))
    _first_step_with_setup, first, *rest = turns
    assert len(first) > 10
    assert rest[::2] == rest[1::2]


def test_the_bare_loop_is_timed_separately(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def other() -> None:
        clock[0] += 3.0

    interleaved = Interleaved(other)
    for step in (1, 2):
        clock[0] += 1.0
        interleaved.report(step, 2)
    assert interleaved.bare_s == 6.0
    assert interleaved.steps == 2


@pytest.mark.parametrize("names", [["nothing"], ["loop", "../x"], [""]])
def test_an_unknown_bench_is_refused_before_any_runs(names: list[str]) -> None:
    with pytest.raises(BadInput, match=f"there is no bench '{names[-1]}'; allowed are .*loop"):
        bench.run_benches(names)


def test_a_row_has_the_documented_fields_and_decides_the_exit_status(gazegrid_bench: Bench) -> None:
    threads = torch.get_num_threads()
    status, out = gazegrid_bench("loop", "--json")
    (row,) = json.loads(out)
    assert row.keys() == Row.__annotations__.keys() == {"name", "ratio", "target", "holds", "detail"}
    assert (row["name"], row["target"]) == ("loop", 1.1)
    assert row["ratio"] > 0
    assert row["holds"] is (row["ratio"] <= 1.1)
    assert status == (0 if row["holds"] else 1)
    assert "ms per step" in row["detail"]
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("name", "target"), [("batch", 0.8), ("style", 1.15), *((name, 1.1) for name in METHODS)])
def test_every_method_that_optimizes_has_a_row(name: str, target: float) -> None:
    (row,) = bench.run_benches([name], quick=True)
    assert (row["name"], row["target"]) == (name, target)
    assert math.isfinite(row["ratio"])
    assert row["ratio"] > 0


def test_attributions_have_a_row_each() -> None:
    rows = bench.run_benches(["attribution"], quick=True)
    targets = [("grad_cam", 0.55), ("saliency", 1.05), ("guided_backprop", 1.35)]
    assert [(row["name"], row["target"]) for row in rows] == targets
    assert all(math.isfinite(row["ratio"]) and row["ratio"] > 0 for row in rows)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "guided_backprop"])
def test_an_attribution_takes_one_forward_pass(method: str) -> None:
    network = load(get_card("random/test_resnet"))
    run = partial(make_method(method, {}).run, [sample("cat")], network, Context())
    run()  # measures where the places of the network's layers lie, once
    calls: list[torch.Size] = []
    network.register_forward_pre_hook(lambda _, given: calls.append(given[0].shape))
    run()
    assert len(calls) == 1


def test_the_command_refuses_an_unknown_bench_with_status_2(gazegrid_bench: Bench) -> None:
    assert gazegrid_bench("nothing", "--json") == (2, "")


def test_the_bare_loop_of_an_autoencoder_trains_the_same_network() -> None:
    data = in_memory(digits(), 8, "cpu")
    learner = Autoencoder(architecture="dense").learner(data, 0)
    before = learner.evaluate()["held_out_loss"]
    step = autoencoder_loop(learner, data.training.float() / 255, 64)
    for _ in range(50):
        step()
    assert learner.evaluate()["held_out_loss"] < 0.8 * before
