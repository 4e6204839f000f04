from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module

import pytest
import torch

from core.errors import BadInput
from core.networks.catalog import get_card
from core.networks.loading import load
from workers import bench
from workers.bench.bench_loop import Between, bare_loop
from workers.bench.row import Row, at_least, at_most
from workers.cli import main

Bench = Callable[..., tuple[int, str]]


@pytest.fixture
def gazegrid_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """`gazegrid bench` in this process, with few repetitions: (exit status, standard output)."""
    monkeypatch.setattr(bench, "run_benches", partial(bench.run_benches, quick=True))

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gazegrid", "bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


def test_a_row_holds_on_the_right_side_of_its_target() -> None:
    assert [at_most("x", ratio, 1.1, "")["holds"] for ratio in (1.0, 1.1, 1.11)] == [True, True, False]
    assert [at_least("x", ratio, 1.1, "")["holds"] for ratio in (1.0, 1.1, 1.11)] == [False, True, True]


def test_every_bench_can_be_run_quickly() -> None:
    assert {"bench_loop", "bench_warm", "bench_workers", "bench_hit"} <= set(bench.BENCHES)
    for name in bench.BENCHES:
        quick = inspect.signature(import_module(f"workers.bench.{name}").run).parameters["quick"]
        assert quick.default is False


def test_the_bare_loop_moves_the_pixels_alone() -> None:
    network = load(get_card("random/test_resnet"))
    picture = torch.rand(1, 3, *network.card.input_px)
    before, weights = picture.clone(), [tensor.clone() for tensor in network.parameters()]
    passes: list[torch.Tensor] = []
    network.register_forward_hook(lambda _, inputs, __: passes.append(inputs[0].detach().clone()))
    step = bare_loop(network, picture)
    for _ in range(2):
        step()
    _target, *seen = passes
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[2])
    assert torch.equal(picture, before)
    assert all(tensor.grad is None for tensor in network.parameters())
    assert all(torch.equal(new, old) for new, old in zip(network.parameters(), weights, strict=True))


def test_the_other_loops_time_is_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def other() -> None:
        clock[0] += 3.0

    between = Between(other)
    for step in (1, 2):
        clock[0] += 1.0
        between.report(step, 2)
    assert between.bare_s == 6.0


@pytest.mark.parametrize("names", [["nothing"], ["loop", "../x"], [""]])
def test_an_unknown_bench_is_refused_before_any_runs(names: list[str]) -> None:
    with pytest.raises(BadInput, match=f"there is no bench '{names[-1]}'; there are: .*loop"):
        bench.run_benches(names)


def test_the_loop_is_one_row_of_the_promised_fields_and_the_status_says_whether_it_holds(gazegrid_bench: Bench) -> None:
    threads = torch.get_num_threads()
    status, out = gazegrid_bench("loop", "--json")
    (row,) = json.loads(out)
    assert row.keys() == Row.__annotations__.keys() == {"name", "ratio", "target", "holds", "detail"}
    assert (row["name"], row["target"]) == ("loop", 1.1)
    assert row["ratio"] > 0
    assert row["holds"] is (row["ratio"] <= 1.1)
    assert status == (0 if row["holds"] else 1)
    assert "ms a step" in row["detail"]
    assert torch.get_num_threads() == threads


def test_the_command_refuses_an_unknown_bench_with_status_2(gazegrid_bench: Bench) -> None:
    assert gazegrid_bench("nothing", "--json") == (2, "")
