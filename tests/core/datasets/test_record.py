from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.canonical import canonical_json, digest_of
from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.datasets.record import DatasetRecord, checked_name, default_name, record_of
from core.errors import BadInput, Damaged
from core.items import png_bytes
from core.store.fsck import check, repair
from core.store.inputs import dataset_path, record_path
from core.store.store import Store
from tests.support.squares import squares


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def dataset() -> Dataset:
    return squares(each=3, held_out=1)


def file_of(store: Store, path: str) -> Path:
    return Path(store.shelf.root) / path


# what a record tells


def test_a_record_tells_how_many_pictures_of_each_class_there_are_and_how_large() -> None:
    sizes = ((10, 30), (20, 20), (40, 5))
    pictures = [png_bytes(np.zeros((height, width, 3), np.uint8)) for width, height in sizes]
    held_out = np.array([False, True, False])
    record = record_of(Dataset(("cat", "dog", "bird"), pictures, np.array([0, 0, 1]), held_out), "Pets", "a.zip", "")
    assert [tuple(one) for one in record.classes] == [("cat", 1, 1), ("dog", 1, 0), ("bird", 0, 0)]
    assert (record.pictures, record.training, record.held_out) == (3, 2, 1)
    assert (record.smallest, record.largest) == ((10, 5), (40, 30))
    assert record.size_bytes == sum(map(len, pictures))


def test_boxes_are_counted_where_they_are_known(dataset: Dataset) -> None:
    boxes = np.tile(np.array([[0, 1, 5, 6]], np.int32), (len(dataset), 1))
    boxes[2] = -1
    assert record_of(replace(dataset, boxes=boxes), "", "", "").boxes == len(dataset) - 1
    assert record_of(dataset, "", "", "").boxes == 0


def test_a_record_comes_back_from_its_bytes(dataset: Dataset) -> None:
    record = record_of(replace(dataset, class_names=("größer", "二", '"')), "Größen", "read from ü.zip", "2026-01-01")
    assert DatasetRecord.from_bytes(record.to_bytes(), record.digest) == record


def test_any_damage_of_a_record_is_found(dataset: Dataset) -> None:
    record, chance = record_of(dataset, "Squares", "a.zip", "2026-01-01"), random.Random(4)  # noqa: S311
    content = record.to_bytes()
    for _ in range(300):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        with pytest.raises(Damaged, match=r"the record of data set .* was damaged on disk"):
            DatasetRecord.from_bytes(bytes(damaged), record.digest)
    with pytest.raises(Damaged):
        DatasetRecord.from_bytes(content, "0" * 64)


@pytest.mark.parametrize("change", [{"classes": []}, {"classes": [["a", -1, 0]]}, {"digest": "x"}, {"name": "x" * 81}])
def test_a_record_that_cannot_be_is_damaged_whatever_its_checksum(dataset: Dataset, change: dict[str, object]) -> None:
    record = record_of(dataset, "", "", "")
    document = record.model_dump(mode="json") | change
    content = canonical_json({"digest": digest_of(document), "record": document})
    with pytest.raises(Damaged):
        DatasetRecord.from_bytes(content, record.digest)


@pytest.mark.parametrize("name", ["x" * 81, "two\nlines", "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="a data set's name must be at most 80 printable characters, got"):
        checked_name(name)


def test_what_cannot_be_shown_is_left_out_of_the_source(dataset: Dataset) -> None:
    assert record_of(dataset, "", "uploaded: \x1b[31ma\n.zip", "").source == "uploaded: [31ma.zip"


def test_a_data_set_is_called_after_what_it_was_read_from() -> None:
    assert default_name(["/data/photos.zip"]) == "photos"
    assert default_name(["a/train.parquet", "a/val.parquet"]) == "train, val"
    assert default_name(["x\n" * 100]) == "x" * 80


# records in the store


def test_the_store_lists_what_was_put_into_it_the_newest_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for number in range(3):
        monkeypatch.setattr("core.store.inputs.now", lambda: f"2026-01-0{number + 1}T00:00:00+00:00")  # noqa: B023
        digests.append(store.inputs.put_dataset(squares(seed=number), f"number {number}", "a test"))
    listed = store.inputs.datasets()
    assert [digest for digest, _ in listed] == digests[::-1]
    assert [record.name for _, record in listed if record] == ["number 2", "number 1", "number 0"]
    assert store.inputs.dataset_record(digests[0]).source == "a test"


def test_a_data_set_that_was_put_before_there_were_records_is_listed_by_its_digest(
    store: Store, dataset: Dataset
) -> None:
    store.inputs.put_dataset(digits(), "digits")
    digest = store.inputs.put_dataset(dataset)
    file_of(store, record_path(digest)).unlink()
    assert [(one, record is None) for one, record in store.inputs.datasets()] == [
        (digits().digest, False),
        (digest, True),
    ]
    record = store.inputs.dataset_record(digest)
    assert (record.title, record.pictures) == (f"{digest[:12]}…", len(dataset))
    assert store.inputs.datasets()[-1] == (digest, record)


def test_one_that_is_given_again_keeps_its_record(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset, "first", "a.zip")
    before = store.inputs.dataset_record(digest)
    store.inputs.put_dataset(dataset, "second", "b.zip")
    assert store.inputs.dataset_record(digest) == before


def test_another_name_changes_the_record_and_nothing_else(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset, "first", "a.zip")
    content = file_of(store, dataset_path(digest)).read_bytes()
    before = store.inputs.dataset_record(digest)
    store.inputs.rename_dataset(digest, "  second ")
    assert store.inputs.dataset_record(digest) == before.model_copy(update={"name": "second"})
    assert file_of(store, dataset_path(digest)).read_bytes() == content
    with pytest.raises(BadInput, match="printable"):
        store.inputs.rename_dataset(digest, "a\nb")


def test_a_name_that_is_none_is_refused_before_anything_is_written(store: Store, dataset: Dataset) -> None:
    with pytest.raises(BadInput, match="printable"):
        store.inputs.put_dataset(dataset, "a\nb")
    assert store.inputs.datasets() == []


def test_a_record_whose_data_set_is_gone_is_not_listed(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset, "gone")
    file_of(store, dataset_path(digest)).unlink()
    assert store.inputs.datasets() == []
    with pytest.raises(BadInput, match="there is no data set"):
        store.inputs.dataset_record(digest)


def test_a_damaged_record_is_found_set_aside_and_made_anew(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset, "Squares")
    assert list(check(store)) == []
    path = file_of(store, record_path(digest))
    path.write_bytes(path.read_bytes().replace(b"Squares", b"Circles"))
    assert store.inputs.datasets() == [(digest, None)]
    assert [(problem.kind, problem.name) for problem in repair(store)] == [("record", digest)]
    assert list(check(store)) == []
    assert store.inputs.dataset(digest).digest == digest
    assert store.inputs.dataset_record(digest).pictures == len(dataset)


def test_strange_files_among_the_data_sets_are_not_listed(store: Store, dataset: Dataset) -> None:
    digest = store.inputs.put_dataset(dataset)
    for name in ("notes.txt", "x.parquet", f"{digest}.webp"):
        store.shelf.write(f"datasets/{digest[:2]}/{name}", b"?")
    assert [one for one, _ in store.inputs.datasets()] == [digest]
    assert {problem.kind for problem in check(store)} == {"dataset"}
