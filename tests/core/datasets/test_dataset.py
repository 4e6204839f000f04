from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets.dataset import Dataset
from core.errors import BadInput, Damaged
from core.store.inputs import dataset_path
from core.store.store import Store
from tests.support.squares import squares


@pytest.fixture
def dataset() -> Dataset:
    return squares(each=3, held_out=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def file_of(store: Store, digest: str) -> Path:
    return Path(store.shelf.root) / dataset_path(digest)


def same(first: Dataset, second: Dataset) -> bool:
    return (
        first.class_names == second.class_names
        and list(first.pictures) == list(second.pictures)
        and np.array_equal(first.labels, second.labels)
        and np.array_equal(first.held_out, second.held_out)
        and np.array_equal(first.boxes, second.boxes)
    )


def test_the_digest_is_of_all_that_a_data_set_is(dataset: Dataset) -> None:
    labels, held_out = dataset.labels.copy(), dataset.held_out.copy()
    labels[0] = 2
    held_out[0] = True
    backwards = np.arange(len(dataset))[::-1]
    others = [
        replace(dataset, class_names=("red", "green", "bleu")),
        replace(dataset, class_names=(*dataset.class_names, "more")),
        replace(dataset, class_names=dataset.class_names[::-1]),
        replace(dataset, pictures=[dataset.pictures[0] + b"\0", *dataset.pictures[1:]]),
        replace(dataset, pictures=[*dataset.pictures[1:], dataset.pictures[0]]),
        replace(dataset, labels=labels),
        replace(dataset, held_out=held_out),
        Dataset(dataset.class_names, [dataset.pictures[i] for i in backwards], labels[backwards], held_out[backwards]),
    ]
    assert len({other.digest for other in (dataset, *others)}) == len(others) + 1


def test_boxes_enter_the_digest_and_a_data_set_without_them_keeps_its_own(dataset: Dataset) -> None:
    bare = replace(dataset, pictures=[bytes([number]) for number in range(len(dataset))])  # a PNG's hang on its writer
    assert bare.digest == "30ad7502f3c5066d21a9ee88e1d82c8947958775f114fe2998b8f1c169b48459"
    boxes = np.tile(np.array([[0, 1, 5, 6]], np.int32), (len(dataset), 1))
    moved = boxes.copy()
    moved[3, 0] = 2
    digests = {dataset.digest, *(replace(dataset, boxes=drawn).digest for drawn in (boxes, moved, boxes * 0 - 1))}
    assert len(digests) == 4


def test_boxes_come_back_from_the_bytes(dataset: Dataset) -> None:
    drawn = replace(dataset, boxes=np.arange(4 * len(dataset), dtype=np.int32).reshape(-1, 4))
    assert same(Dataset.from_bytes(drawn.to_bytes(), drawn.digest), drawn)
    with pytest.raises(Damaged):
        Dataset.from_bytes(drawn.to_bytes(), dataset.digest)


def test_the_same_data_set_has_the_same_digest(dataset: Dataset) -> None:
    again = Dataset(dataset.class_names, tuple(dataset.pictures), dataset.labels.copy(), dataset.held_out.copy())
    assert again.digest == dataset.digest == squares(each=3, held_out=1).digest
    assert len(dataset.digest) == 64


def test_bytes_that_move_from_one_picture_to_the_next_make_another_data_set() -> None:
    labels, parts = np.array([0, 1]), np.array([False, True])
    first, second = (Dataset(("a", "b"), pictures, labels, parts) for pictures in ([b"xy", b"z"], [b"x", b"yz"]))
    assert first.digest != second.digest


def test_a_data_set_is_read_back_unchanged(dataset: Dataset) -> None:
    named = replace(dataset, class_names=("größer", "二", 'a "quoted", name'))
    assert same(Dataset.from_bytes(named.to_bytes(), named.digest), named)
    assert named.to_bytes() == named.to_bytes()


def test_all_damage_is_detected(dataset: Dataset) -> None:
    content, chance = dataset.to_bytes(), random.Random(5)  # noqa: S311
    for _ in range(300):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        try:
            found = Dataset.from_bytes(bytes(damaged), dataset.digest)
        except Damaged:
            continue
        assert same(found, dataset)  # some bits of a parquet file mean nothing


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\0" * 2000], ids=["nothing", "a beginning", "zeros"])
def test_other_bytes_than_a_data_set_are_damaged(content: bytes) -> None:
    with pytest.raises(Damaged, match="add it again"):
        Dataset.from_bytes(content, "0" * 64)


def test_another_table_and_another_data_set_are_damaged(dataset: Dataset) -> None:
    other = squares(each=2, held_out=1)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": [b"x"], "label": [0]}), buffer)
    for content in (other.to_bytes(), buffer.getvalue(), dataset.to_bytes()[:-30]):
        with pytest.raises(Damaged, match="was damaged on disk"):
            Dataset.from_bytes(content, dataset.digest)


def test_a_store_keeps_a_data_set_under_its_digest(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset)
    assert digest == dataset.digest == store.inputs.put_dataset(dataset)
    assert same(store.inputs.dataset(digest), dataset)
    assert [path.name for path in (Path(store.shelf.root) / "datasets").rglob("*.parquet")] == [f"{digest}.parquet"]


def test_a_damaged_data_set_is_set_aside_with_the_reason_and_can_be_added_again(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset)
    file_of(store, digest).write_bytes(b"broken")
    with pytest.raises(Damaged):
        store.inputs.dataset(digest)
    moved, reason = sorted((Path(store.shelf.root) / "damaged").iterdir())
    assert moved.read_bytes() == b"broken"
    assert reason.name == f"{moved.name}.txt"
    assert "was damaged on disk" in reason.read_text()
    assert same(store.inputs.dataset(store.inputs.put_dataset(dataset)), dataset)


def test_a_missing_data_set_is_refused_in_one_sentence(store: Store) -> None:
    with pytest.raises(BadInput, match=r"there is no data set 222222222222… in this store: add it again"):
        store.inputs.dataset("2" * 64)
