"""Training from the command line, through the queue, and across a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.datasets.files import read_dataset
from core.items import png_bytes
from core.jobs.spec import JobSpec
from core.method_base.method import Context
from core.networks.catalog import get_card
from core.networks.pool import NetworkPool
from core.queue.queue import JobQueue
from core.settings import REPOSITORY, Settings, get_settings
from core.store.store import Store, open_store
from tests.workers.conftest import environment, horse_of, is_there, only_worker, state_of, wait_for
from workers.cli.evaluate import evaluate
from workers.cli.main import main
from workers.cli.training import training_method, training_spec
from workers.worker.task import compute

COLORS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}
SMALL = {"architecture": "test_resnet", "input_px": 32, "batch_size": 8, "randaugment": 0, "min_crop": 0.8, "epochs": 4}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Noisy pictures of three colors in class folders."""
    rng = np.random.default_rng(0)
    for name, color in COLORS.items():
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(20):
            noise = rng.normal(0, 20, (32, 32, 3))
            (folder / f"{number}.png").write_bytes(png_bytes((np.array(color) + noise).clip(0, 255).astype(np.uint8)))
    return tmp_path / "pictures"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


def gazegrid(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gazegrid", "train", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def parameters(**values: object) -> list[str]:
    return [part for name, value in (SMALL | values).items() for part in ("--set", f"{name}={value}")]


@pytest.mark.usefixtures("home")
def test_a_trained_network_is_installed_as_local_with_its_accuracy(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["colors", "--data", str(pictures), *parameters(epochs=6, learning_rate=0.003), "--inline", "--json"]
    assert gazegrid(monkeypatch, *arguments) == 0
    report = json.loads(capsys.readouterr().out)
    card = get_card("local/colors")
    assert (report["network"], card.family, card.input_px) == ("local/colors", "cnn", (32, 32))
    assert card.class_names == ("blue", "green", "red")
    held_out = tmp_path / "held_out"
    for name in COLORS:
        (held_out / name).mkdir(parents=True)
        for number in (0, 18):  # by name: the first and the eleventh of each class are held out
            (held_out / name / f"{number}.png").write_bytes((pictures / name / f"{number}.png").read_bytes())
    measured = evaluate("local/colors", [held_out])
    assert [measured[name] for name in ("network", "n", "top5")] == ["local/colors", 6, None]  # of three classes
    assert measured["top1"] == pytest.approx(report["top1"])
    assert measured["top1_low"] < 0.7 < measured["top1_high"] == 1.0  # 6 of 6 prove little
    assert report["top1"] == 1.0
    record = json.loads((Path(report["folder"]) / "training.json").read_bytes())
    assert record["dataset"] == record["dataset"] | {"classes": 3, "training": 54, "held_out": 6}
    assert len(record["accuracy"]) == 6
    assert gazegrid(monkeypatch, *arguments) == 0  # run again: nothing is trained
    assert json.loads(capsys.readouterr().out)["key"] == report["key"]


@pytest.mark.usefixtures("home")
def test_a_network_starts_from_a_pretrained_one_and_is_distilled_from_a_teacher(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(pictures), "--inline", "--json"]
    assert gazegrid(monkeypatch, "first", *data, *parameters()) == 0
    assert gazegrid(monkeypatch, "pupil", *data, *parameters(teacher="local/first", distinct_views=1)) == 0
    more = [
        "--set",
        "pretrained=local/first",
        "--set",
        "freeze_backbone=true",
        "--set",
        "epochs=1",
        "--set",
        "batch_size=8",
    ]
    assert gazegrid(monkeypatch, "second", *data, *more, "--set", "input_px=32") == 0
    printed = capsys.readouterr()
    assert printed.out.count('"network": "local/') == 3
    assert len(list(open_store(get_settings()).shelf.names("shared"))) == 1
    assert get_card("local/second").architecture == "test_resnet"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a/b", "--data", "{data}"], "a network's name must be letters"),
        (["mine", "--data", "nowhere"], "there is no data set 'nowhere' in this store, and no such file"),
        (["mine", "--data", "{data}/red"], "each picture must be in a folder named after its class"),
        (["mine", "--data", "{data}", "--set", "epochs=0"], "epochs must be a whole number from 1"),
        (["mine", "--data", "{data}", "--set", "architecture=resnet"], "there is no architecture 'resnet'"),
        (["mine", "--data", "{data}", "--set", "teacher=nobody"], "there is no network 'nobody'"),
        (["mine", "--data", "{data}", "--set", "batch_size=7"], "batch_size must be even"),
        (["mine", "--data", "{data}", "--with", "none.json"], "the parameter file 'none.json' cannot be read"),
        (["mine", "--data", "{data}", "--set", "freeze_backbone=true"], "freeze_backbone needs a pretrained network"),
    ],
)
def test_bad_arguments_give_one_line_before_anything_is_computed(
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    filled = [argument.format(data=pictures) for argument in arguments]
    assert gazegrid(monkeypatch, *filled, "--inline") == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


@pytest.fixture
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m workers.worker.parent` with one thread."""
    variables = os.environ | environment(settings) | {"OMP_NUM_THREADS": "1", "GAZEGRID_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "workers.worker.parent"], cwd=REPOSITORY, env=variables)
    yield process
    process.kill()
    process.wait()


@pytest.mark.usefixtures("worker")
@pytest.mark.timeout(900)
def test_a_killed_training_resumes_and_ends_with_the_same_weights(
    queue: JobQueue, store: Store, pictures: Path, tmp_path: Path
) -> None:
    dataset = read_dataset([pictures])
    spec = training_spec(training_method(SMALL | {"epochs": 80}), store.inputs.put_dataset(dataset), seed=3)
    queue.submit(spec, store)
    wait_for(lambda: store.checkpoint(spec.key).read(), what="a checkpoint")
    killed = horse_of(queue, only_worker(queue))
    step = queue.states([spec.key])[spec.key].step
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not is_there(killed))
    wait_for(lambda: queue.states([spec.key])[spec.key].attempts == 2, what="a second attempt")
    wait_for(lambda: queue.states([spec.key])[spec.key].step, what="progress")
    assert queue.states([spec.key])[spec.key].step > step / 2
    wait_for(lambda: state_of(queue, spec.key) in ("finished", "failed"))
    assert store.checkpoint(spec.key).read() is None
    provenance = store.manifest(spec.key).provenance
    assert provenance["seconds"] > provenance["training_seconds"], "both count what the killed process did"
    assert weights(store, spec) == weights(undisturbed(dataset, spec, tmp_path), spec)


def undisturbed(dataset: object, spec: JobSpec, tmp_path: Path) -> Store:
    """A store in which the same job was computed without interruption."""
    torch.set_num_threads(1)  # as the worker's: sums differ by their order
    other = Store(tmp_path / "other")
    other.inputs.put_dataset(dataset)
    compute(spec, other, NetworkPool(2**30, "cpu"), Context(spec.seed))
    return other


def weights(store: Store, spec: JobSpec) -> bytes:
    return store.read(spec.key, "network.safetensors")
