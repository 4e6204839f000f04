"""Boxes of objects come with a data set where they are asked for, and data that only measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.datasets.files import read_dataset
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, RED, TWO, folder, table, told

NUMBERED = {"0002_n01_cat.png": RED, "0010_dog.png": GREEN, "0002_other cat.png": BLUE}
WITH_BOXES = {
    "image": [RED, RED, BLUE, BLUE], "label": [0, 0, 1, 1],
    "x0": [0, 1, 2, -1], "y0": [0, 2, 3, -1], "x1": [4, 5, 6, -1], "y1": [9, 8, 7, -1],
}  # fmt: skip


def test_boxes_are_read_from_a_table_on_request(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", WITH_BOXES)
    asked, not_asked = read_dataset([path], boxes=True), read_dataset([path])
    assert asked.boxes is not None
    assert asked.boxes.tolist() == [[0, 0, 4, 9], [1, 2, 5, 8], [2, 3, 6, 7], [-1, -1, -1, -1]]
    assert not_asked.boxes is None
    plain = table(tmp_path / "b.parquet", {"image": WITH_BOXES["image"], "label": WITH_BOXES["label"]})
    assert not_asked.digest == read_dataset([plain]).digest != asked.digest


def test_a_table_without_boxes_has_unknown_ones(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {name: WITH_BOXES[name] for name in ("image", "label", "x0")})
    boxes = read_dataset([path], boxes=True).boxes
    assert boxes is not None
    assert boxes.tolist() == [[-1] * 4] * 4


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("x1", [4, 0, 6, -1], r"a box must have x1 >= x0 and y1 >= y0, got \[1, 2, 0, 8\] for row 2 of a\.parquet"),
        ("y0", [0, None, 1, 1], r"a box must be four whole numbers x0, y0, x1, y1, got .* for row 2 of a\.parquet"),
        ("y0", ["0", "1", "1", "1"], "a box must be four whole numbers"),
    ],
)
def test_a_bad_box_is_one_sentence_where_it_matters(tmp_path: Path, column: str, values: list[Any], words: str) -> None:
    path = table(tmp_path / "a.parquet", WITH_BOXES | {column: values})
    with pytest.raises(BadInput, match=words):
        read_dataset([path], boxes=True)
    read_dataset([path])


def test_files_can_be_named_by_their_class_with_boxes_beside_them(tmp_path: Path) -> None:
    folder(tmp_path, NUMBERED | {"boxes.json": json.dumps({"0010_dog.png": [1, 2, 3, 4]}).encode()})
    dataset = read_dataset([], [tmp_path], boxes=True)
    assert dataset.class_names == ("2", "10")
    assert sorted(told(dataset)) == sorted([(RED, "2", True), (BLUE, "2", True), (GREEN, "10", True)])
    assert dataset.boxes is not None
    assert dataset.boxes.tolist() == [[-1] * 4, [-1] * 4, [1, 2, 3, 4]]


def test_boxes_beside_class_folders_are_named_by_path(tmp_path: Path) -> None:
    folder(tmp_path, TWO | {"boxes.json": b'{"cat/2.png": [1, 2, 3, 4]}'})
    boxes = read_dataset([tmp_path], boxes=True).boxes
    assert boxes is not None
    assert boxes[1].tolist() == [1, 2, 3, 4]
    assert (boxes[[0, 2, 3]] == -1).all()


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"cat/2.png": [1, 2]}', b'{"cat/2.png": 3}'])
def test_boxes_that_are_none_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    folder(tmp_path, TWO | {"boxes.json": content})
    with pytest.raises(BadInput, match=r"^[^\n]+$"):
        read_dataset([tmp_path], boxes=True)
    read_dataset([tmp_path])


def test_data_that_only_measure_need_nothing_to_learn_from(tmp_path: Path) -> None:
    dataset = read_dataset([], [folder(tmp_path, TWO)])
    assert dataset.held_out.all()
    assert len(dataset) == 4
