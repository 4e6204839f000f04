from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.datasets.digits import digits
from core.datasets.files import read_dataset
from core.store.inputs import dataset_path, record_path
from core.store.store import Store
from tests.core.datasets.test_files import GREEN, RED, TWO, folder, packed, table
from tests.core.datasets.test_unlabeled import LOOSE
from tests.support.squares import square, squares
from tests.workers.cli.conftest import Gazegrid
from workers.cli.dataset_arguments import labeled_dataset

DIGITS = digits().digest


def test_the_digits_are_built_in(gazegrid: Gazegrid) -> None:
    status, out, _ = gazegrid("data", "list", "--json")
    (listed,) = json.loads(out)
    assert status == 0
    assert listed.items() >= {"digest": DIGITS, "name": "digits", "pictures": 1797, "classes": 10}.items()
    assert listed["training"] + listed["held_out"] == 1797
    assert gazegrid("data", "list")[1].split()[:4] == [DIGITS[:12], "digits", "1,797", "pictures"]


def test_an_added_data_set_is_listed_and_shown_by_name_digest_and_prefix(gazegrid: Gazegrid, tmp_path: Path) -> None:
    path = packed(tmp_path / "pets.zip", TWO)
    status, out, _ = gazegrid("data", "add", str(path), "--json")
    added = json.loads(out)
    assert status == 0
    assert (added["name"], added["source"]) == ("pets", "read from pets.zip")
    assert added["digest"] == read_dataset([path]).digest
    assert added["classes"] == [
        {"name": "cat", "training": 1, "held_out": 1}, {"name": "dog", "training": 1, "held_out": 1},
    ]  # fmt: skip
    assert added["digest"] in {one["digest"] for one in json.loads(gazegrid("data", "list", "--json")[1])}
    for name in ("pets", added["digest"], added["digest"][:8]):
        assert json.loads(gazegrid("data", "show", name, "--json")[1]) == added
    assert "pets" in gazegrid("data", "show", "pets")[1]


def test_adding_again_can_rename(gazegrid: Gazegrid, tmp_path: Path) -> None:
    path = str(packed(tmp_path / "pets.zip", TWO))
    gazegrid("data", "add", path)
    assert json.loads(gazegrid("data", "add", path, "--name", "Pets of 2026", "--json")[1])["name"] == "Pets of 2026"
    assert json.loads(gazegrid("data", "add", path, "--json")[1])["name"] == "Pets of 2026"
    assert len(json.loads(gazegrid("data", "list", "--json")[1])) == 2


def test_a_folder_is_added_with_its_held_out_folder(gazegrid: Gazegrid, tmp_path: Path) -> None:
    learned, measured = folder(tmp_path / "a", LOOSE), folder(tmp_path / "b", LOOSE)
    output = gazegrid("data", "add", str(learned), "--held-out", str(measured))[1]
    assert output.splitlines()[0] == "a: 6 pictures, 1 class, 3 held out"
    assert len(output.splitlines()[1]) == 64


def test_a_data_set_without_a_record_is_listed_by_its_digest(gazegrid: Gazegrid, store: Store) -> None:
    digest = store.inputs.put_dataset(squares())
    (Path(store.shelf.root) / record_path(digest)).unlink()
    unknown = json.loads(gazegrid("data", "list", "--json")[1])[-1]
    assert (unknown["digest"], unknown["name"], unknown["pictures"]) == (digest, None, None)
    assert gazegrid("data", "list")[1].splitlines()[-1] == digest[:12]
    assert json.loads(gazegrid("data", "show", digest[:12], "--json")[1])["pictures"] == 30


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nothing"], ["no data set 'nothing'"]),
        (["show", "0" * 64], ["no data set '000"]),
        (["add", "nowhere.zip"], ["there is no file or folder 'nowhere.zip'"]),
        (["add", "{pets}", "--name", "x" * 81], ["at most 80 printable characters"]),
        (["add", "{bad}"], ["cat/3.png begins with b'no picture', it must be a complete file of PNG"]),
        (["add"], ["PATHS"]),
    ],
)
def test_bad_arguments_give_one_clear_line_and_status_2(
    gazegrid: Gazegrid, store: Store, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    pets, bad = packed(tmp_path / "pets.zip", TWO), packed(tmp_path / "bad.zip", TWO | {"cat/3.png": b"no picture"})
    status, out, err = gazegrid("data", *(word.format(pets=pets, bad=bad) for word in arguments))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert all(word in err for word in words), err
    assert store.inputs.datasets() == []


def test_control_characters_are_not_printed(gazegrid: Gazegrid, store: Store) -> None:
    store.inputs.put_dataset(replace(squares(), class_names=("\x1b[2J", "two\nlines", "blue")), "Odd")
    output = gazegrid("data", "show", "Odd")[1]
    assert "\x1b" not in output
    assert "two?lines" in output


def test_a_name_of_two_data_sets_is_refused(gazegrid: Gazegrid, store: Store) -> None:
    first, second = (store.inputs.put_dataset(squares(seed=seed), "Squares") for seed in (1, 2))
    status, _, err = gazegrid("data", "show", "Squares")
    assert status == 2
    assert "there are 2 data sets 'Squares': give the digest of one" in err
    assert first[:12] in err
    assert second[:12] in err


# stored data sets in other commands


TRAIN = [
    "--set", "architecture=test_resnet", "--set", "input_px=32", "--set", "epochs=1", "--set", "batch_size=8",
    "--inline",
]  # fmt: skip


def test_a_network_is_trained_and_evaluated_on_a_stored_data_set(gazegrid: Gazegrid, store: Store) -> None:
    digest = store.inputs.put_dataset(squares(each=8, held_out=2), "Squares", "a test")
    status, out, err = gazegrid("train", "squared", "--data", "Squares", *TRAIN, "--json")
    assert status == 0, err
    trained = json.loads(out)
    assert store.manifest(trained["key"]).spec["dataset"] == digest
    assert store.inputs.dataset_record(digest).source == "a test"
    measured = json.loads(gazegrid("train", "--evaluate", "local/squared", "--data", digest[:10], "--json")[1])
    assert measured["n"] == 6
    assert measured["top1"] == pytest.approx(trained["top1"])


def test_a_path_takes_precedence_over_a_data_set_of_the_same_name(
    gazegrid: Gazegrid, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "digits", {f"{color}/{n}.png": square(color, np.random.default_rng(n)) for n in range(9)
                                 for color in ("red", "blue")})  # fmt: skip
    trained = json.loads(gazegrid("train", "mine", "--data", "digits", *TRAIN, "--json")[1])
    digest = store.manifest(trained["key"]).spec["dataset"]
    assert digest == read_dataset([tmp_path / "digits"]).digest != DIGITS
    assert store.inputs.dataset_record(digest).source == "read from digits"


def test_a_data_set_of_one_class_cannot_train_a_classifier(gazegrid: Gazegrid, store: Store, tmp_path: Path) -> None:
    gazegrid("data", "add", str(packed(tmp_path / "loose.zip", {f"{n}.png": LOOSE["1.png"] for n in range(30)})))
    status, _, err = gazegrid("train", "mine", "--data", "loose", *TRAIN)
    assert status != 0
    assert "a classifier needs at least two classes, this data set has 1" in err
    assert list(store.result_keys()) == []


def test_a_damaged_data_set_is_reported_and_set_aside(gazegrid: Gazegrid, store: Store) -> None:
    digest = store.inputs.put_dataset(squares(), "Squares")
    os.truncate(Path(store.shelf.root) / dataset_path(digest), 1000)
    status, _, err = gazegrid("train", "mine", "--data", "Squares", *TRAIN)
    assert (status, err.count("\n")) == (1, 1)
    assert "was damaged on disk: add it again" in err
    assert store.inputs.datasets() == []


@pytest.mark.parametrize("name", ["pets, 2026", 'pets "2026"', "Kätzchen", "it's 🐈"])
def test_a_data_set_may_have_any_name(gazegrid: Gazegrid, tmp_path: Path, store: Store, name: str) -> None:
    path = folder(tmp_path / name, TWO)
    status, out, _ = gazegrid("data", "add", str(path), "--json")
    assert (status, json.loads(out)["name"]) == (0, name)
    assert json.loads(gazegrid("data", "show", name, "--json")[1])["source"] == f"read from {name}"
    dataset = labeled_dataset(name, "", store)
    assert dataset.digest == json.loads(out)["digest"]
    assert labeled_dataset(str(path), "", store).digest == dataset.digest


def test_a_path_with_a_comma_in_a_list_is_quoted(gazegrid: Gazegrid, tmp_path: Path) -> None:
    one, two = (folder(tmp_path / name, {f"{name[:1]}/{number}.png": RED for number in "12"}) for name in ("a,1", "b"))
    status, out, _ = gazegrid("data", "add", f'"{one}",{two}', "--json")
    assert (status, json.loads(out)["name"]) == (0, "a,1, b")
    status, _, error = gazegrid("data", "add", f"{two},{one}")
    assert status == 2
    assert error.strip().endswith("; a name with a comma must be in double quotes")


def test_the_label_column_is_chosen_and_told(gazegrid: Gazegrid, tmp_path: Path) -> None:
    columns = {"img": [RED, RED, GREEN, GREEN], "fine_label": [0, 0, 1, 1], "coarse_label": ["x", "x", "y", "y"]}
    path = str(table(tmp_path / "cifar.parquet", columns))
    assert gazegrid("data", "add", path)[1].splitlines()[1] == "classes from fine_label"
    added = json.loads(gazegrid("data", "add", path, "--label-column", "coarse_label", "--json")[1])
    assert [one["name"] for one in added["classes"]] == ["x", "y"]
    assert added["source"] == "read from cifar.parquet; classes from coarse_label"
    status, _, error = gazegrid("data", "add", path, "--label-column", "color")
    assert (status, "has no column 'color', it has img, fine_label, coarse_label" in error) == (2, True)


def test_names_of_classes_are_printed_on_a_line_each(gazegrid: Gazegrid, tmp_path: Path) -> None:
    names = ['a "quoted" one', "a, b", "🐈", "日本"]
    gazegrid("data", "add", str(folder(tmp_path / "a", {f"{name}/{n}.png": RED for name in names for n in "12"})))
    lines = gazegrid("data", "show", "a")[1].splitlines()[-4:]
    assert [line.strip().partition("  ")[0] for line in lines] == sorted(names)
