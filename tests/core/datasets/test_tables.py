"""Parquet as data set libraries write it: `datasets` keeps pictures as {bytes, path} and features in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import files
from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, RED, folder, packed, table, told

PICTURES = [RED, GREEN, BLUE, RED]
IMAGE = {"_type": "Image"}
NAMES = ['a "quoted" name', "a, b", "naïve café", "日本", "👨‍👩‍👧 family", "it's", "100 %", "$x$", "<b>bold</b>"]
FILE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


@pytest.fixture(autouse=True)
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on what is decoded, which takes a process."""
    monkeypatch.setattr(files, "kept", iter)


def class_label(*names: str) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def published(
    path: Path,
    columns: Mapping[str, Sequence[Any]],
    features: Mapping[str, Any],
    pictures: Sequence[bytes] = PICTURES,
    image: str = "image",
) -> Path:
    """A table as `datasets` writes it."""
    files = pa.array([{"bytes": data, "path": f"{row}.png"} for row, data in enumerate(pictures)], FILE)
    return table(path, {image: files, **columns}, {image: IMAGE, **features})


def labels_of(dataset: Dataset) -> list[str]:
    return [dataset.class_names[label] for label in dataset.labels]


# which columns


@pytest.mark.parametrize("image", ["image", "img", "Image", "photo"])
@pytest.mark.parametrize("label", ["label", "labels", "fine_label", "Label", "breed", "target"])
def test_columns_are_found_by_name_or_by_what_the_table_declares(tmp_path: Path, image: str, label: str) -> None:
    path = published(tmp_path / "a.parquet", {label: [1, 0, 1, 0]}, {label: class_label("cat", "dog")}, image=image)
    for labeled in (True, False):
        dataset = read_dataset([path], labeled=labeled)
        assert dataset.class_names == ("cat", "dog")
        assert labels_of(dataset) == ["dog", "cat", "dog", "cat"]
        assert list(dataset.pictures) == PICTURES


@pytest.mark.parametrize("column", ["labels", "fine_label", "class", "target", "Category", "age_label"])
def test_columns_without_declared_names_are_found_by_name(tmp_path: Path, column: str) -> None:
    numbers = table(tmp_path / "a.parquet", {"img": PICTURES, column: [10, 2, 10, 2]})
    texts = table(tmp_path / "b.parquet", {"img": PICTURES, column: ["dog", "cat", "dog", "cat"]})
    assert read_dataset([numbers], labeled=False).class_names == ("2", "10")
    assert read_dataset([texts], labeled=False).class_names == ("cat", "dog")


def test_the_finer_of_cifar_100s_two_labels_is_taken_and_told(tmp_path: Path) -> None:
    columns = {"fine_label": [0, 1, 2, 1], "coarse_label": [0, 1, 1, 1]}
    features = {"fine_label": class_label("apple", "bear", "bee"), "coarse_label": class_label("fruit", "animal")}
    path = published(tmp_path / "a.parquet", columns, features, image="img")
    fine, coarse = read_dataset([path]), read_dataset([path], label_column="coarse_label")
    assert (fine.class_names, fine.label_column) == (("apple", "bear", "bee"), "fine_label")
    assert (coarse.class_names, labels_of(coarse)) == (("fruit", "animal"), ["fruit", "animal", "animal", "animal"])
    assert Dataset.from_bytes(fine.to_bytes(), fine.digest).label_column == "fine_label"


def test_label_wins_over_others_and_is_told_where_others_could_be_meant(tmp_path: Path) -> None:
    features = {"label": class_label("cat", "dog"), "mood": class_label("calm", "wild")}
    path = published(tmp_path / "a.parquet", {"mood": [0, 1, 1, 1], "label": [1, 0, 1, 0]}, features)
    assert read_dataset([path]).class_names == ("cat", "dog")
    both = table(tmp_path / "b.parquet", {"image": PICTURES, "label": [0, 1, 0, 1], "label_name": ["x", "y"] * 2})
    assert read_dataset([both]).class_names == ("0", "1")


@pytest.mark.parametrize("labeled", [True, False])
def test_several_columns_of_classes_are_one_sentence_and_one_can_be_chosen(tmp_path: Path, labeled: bool) -> None:
    names = {"artist": class_label("monet", "goya"), "genre": class_label("landscape", "portrait")}
    path = published(tmp_path / "a.parquet", {"artist": [0, 1, 0, 1], "genre": [1, 1, 0, 0]}, names)
    with pytest.raises(
        BadInput, match=r"^a\.parquet has several columns that could be the class, artist, genre: choose"
    ):
        read_dataset([path], labeled=labeled)
    assert read_dataset([path], label_column="genre").class_names == ("landscape", "portrait")
    assert read_dataset([path], label_column="none", labeled=False).class_names == ("all",)
    with pytest.raises(BadInput, match=r"^a\.parquet has no column 'style', it has image, artist, genre$"):
        read_dataset([path], label_column="style")


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"image": PICTURES, "img": PICTURES}, r"it has several, image, img$"),
        ({"left": PICTURES, "right": PICTURES}, r"it has several, left, right$"),
        ({"pixels": [[[0]]] * 4}, r"it has none among pixels, label$"),
        ({"image": [[[0, 1], [2, 3]]] * 4}, r"^the column image of a\.parquet must hold encoded picture files"),
        ({"image": [0.5] * 4}, r"^the column image of a\.parquet must hold encoded picture files, it holds double$"),
        ({"image": pa.nulls(4)}, r"^row 1 of a\.parquet has no picture$"),
        ({"image": pa.array([None] * 4, FILE)}, r"^row 1 of a\.parquet has no picture$"),
        ({"image": pa.array([{"bytes": None, "path": None}] * 4, FILE)}, r"^row 1 of a\.parquet has no picture$"),
    ],
)
def test_a_table_without_one_column_of_pictures_is_one_sentence(
    tmp_path: Path, columns: dict[str, Any], sentence: str
) -> None:
    path = table(tmp_path / "a.parquet", columns | {"label": [0, 1, 0, 1]})
    for labeled in (True, False):
        with pytest.raises(BadInput, match=sentence):
            read_dataset([path], labeled=labeled)


def test_two_columns_of_one_name_are_one_sentence(tmp_path: Path) -> None:
    columns = pa.Table.from_arrays(
        [pa.array(PICTURES), pa.array([0, 1] * 2), pa.array([1, 0] * 2)], ["image"] + ["label"] * 2
    )
    pq.write_table(columns, tmp_path / "a.parquet")
    with pytest.raises(
        BadInput, match=r"^a\.parquet must have columns of different names, got 'label' more than once$"
    ):
        read_dataset([tmp_path / "a.parquet"])


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int32(), pa.binary())]
)
def test_bytes_may_be_of_any_kind_that_arrow_has(tmp_path: Path, kind: pa.DataType) -> None:
    labels = pa.array(["cat", "dog"] * 2).cast(pa.string_view() if kind == pa.binary_view() else pa.large_string())
    path = table(tmp_path / "a.parquet", {"image": pa.array(PICTURES, pa.binary()).cast(kind), "label": labels})
    dataset = read_dataset([path])
    assert (list(dataset.pictures), dataset.class_names) == (PICTURES, ("cat", "dog"))


def test_categories_as_pandas_writes_them_are_names(tmp_path: Path) -> None:
    labels = pa.array(["dog", "cat"] * 2).dictionary_encode()
    path = table(tmp_path / "a.parquet", {"image": PICTURES, "label": labels})
    assert labels_of(read_dataset([path])) == ["dog", "cat"] * 2


def test_a_picture_column_stands_beside_other_files(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": PICTURES, "mask": [b"m"] * 4, "label": [0, 1, 0, 1]})
    assert list(read_dataset([path]).pictures) == PICTURES


# what is no label


@pytest.mark.parametrize("values", [["tabby", "collie"] * 2, [3, 7, 3, 7], [True, False, True, False]])
def test_a_column_that_may_be_a_class_is_never_left_out_in_silence(tmp_path: Path, values: list[Any]) -> None:
    path = table(tmp_path / "a.parquet", {"image": PICTURES, "breed": values})
    with pytest.raises(BadInput, match=r"but breed may be one: choose the label column [^\n]+, or 'none' there$"):
        read_dataset([path], labeled=False)
    assert len(read_dataset([path], label_column="breed").class_names) == 2
    assert read_dataset([path], label_column="none", labeled=False).class_names == ("all",)


@pytest.mark.parametrize(
    "values", [["tabby", "collie", None, "tabby"], [3.0, 7.0, None, 3.0], [3.0, float("nan"), 7.0, 3.0]]
)
def test_missing_values_do_not_hide_a_class(tmp_path: Path, values: list[Any]) -> None:
    path = table(tmp_path / "a.parquet", {"image": PICTURES, "breed": values})
    with pytest.raises(BadInput, match="but breed may be one"):
        read_dataset([path], labeled=False)


@pytest.mark.parametrize("text", ["ff" * 3000, "a\0b"])
def test_a_text_that_can_be_no_path_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = table(tmp_path / "a.parquet", {"image": [text] * 4, "label": [0, 1] * 2})
    with pytest.raises(BadInput, match=r"^row 1 of a.parquet has no picture: it names the file '[^']+', which is not"):
        read_dataset([path])


def test_captions_sizes_and_names_are_no_classes(tmp_path: Path) -> None:
    captions = {"text": [f"photo {number}" for number in range(4)], "width": [20] * 4, "height": [20, 21] * 2}
    few = table(tmp_path / "a.parquet", {"image": PICTURES, **captions, "score": [0.5, 1.0] * 2})
    many = table(tmp_path / "b.parquet", {"image": PICTURES * 5, "photographer": [f"{n}" for n in range(20)]})
    for path in (few, many):
        assert read_dataset([path], labeled=False).class_names == ("all",)


@pytest.mark.parametrize(
    ("column", "values"), [("species", ["cat", "dog"]), ("name", ["tom", "rex"] * 4), ("text", ["cat", "dog"] * 4)]
)
def test_few_values_may_be_classes(tmp_path: Path, column: str, values: list[str]) -> None:
    path = table(tmp_path / "a.parquet", {"image": [RED] * len(values), column: values})
    with pytest.raises(BadInput, match=f"but {column} may be one"):
        read_dataset([path], labeled=False)


def test_a_column_cannot_be_chosen_where_there_is_none(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", {"cat/1.png": RED, "dog/1.png": RED})
    with pytest.raises(BadInput, match=r"^a has no columns, of which 'breed' could be the class$"):
        read_dataset([path], label_column="breed")


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.struct({"x": pa.int64()})])
def test_several_classes_for_a_picture_are_one_sentence(tmp_path: Path, kind: pa.DataType) -> None:
    value: Any = [0, 1] if pa.types.is_list(kind) else {"x": 1}
    path = table(tmp_path / "a.parquet", {"image": PICTURES, "labels": pa.array([value] * 4, kind)})
    for labeled in (True, False):
        with pytest.raises(BadInput, match=r"^the column labels of a\.parquet must hold one class for each picture"):
            read_dataset([path], labeled=labeled)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([1, 0, 2, 0], r"^the label of row 3 of a\.parquet must be a whole number from 0 to 1, got 2$"),
        ([1, 0, -1, 0], r"got -1; -1 stands for no class: leave its file out$"),
        (["dog", "cat", "bird", "cat"], r"must be a whole number from 0 to 1 or the name of a class, got bird$"),
        (["0", "1", "0", "1"], r"or the name of a class, got 0$"),
    ],
)
def test_labels_that_the_declared_names_do_not_have_are_refused(
    tmp_path: Path, labels: list[Any], sentence: str
) -> None:
    path = published(tmp_path / "a.parquet", {"label": labels}, {"label": class_label("cat", "dog")})
    with pytest.raises(BadInput, match=sentence):
        read_dataset([path])


@pytest.mark.parametrize("name", NAMES)
def test_names_may_be_any_line_of_text(tmp_path: Path, name: str) -> None:
    texts = table(tmp_path / "a.parquet", {"image": PICTURES, "label": [name, "cat"] * 2})
    declared = published(tmp_path / "b.parquet", {"label": [1, 0] * 2}, {"label": class_label("cat", name)})
    for path in (texts, declared):
        assert labels_of(read_dataset([path])) == [name, "cat"] * 2


@pytest.mark.parametrize("name", NAMES[:-1])
def test_so_may_names_of_folders(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path, {f"{name}/1.png": RED, f"{name}/2.png": RED})
    assert labels_of(read_dataset([path], labeled=False)) == [name] * 2


@pytest.mark.parametrize("name", ["", "a\nb", "a\r", "a\x00b", "x" * 201, "a\u2028b", "\x1b[31mred"])
def test_names_that_are_no_line_are_one_sentence(tmp_path: Path, name: str) -> None:
    texts = table(tmp_path / "a.parquet", {"image": PICTURES, "label": [name, "cat"] * 2})
    declared = published(tmp_path / "b.parquet", {"label": [1, 0] * 2}, {"label": class_label("cat", name)})
    for path in (texts, declared):
        with pytest.raises(BadInput, match=r"^a class name must be [^\n]+$"):
            read_dataset([path], labeled=False)


@pytest.mark.parametrize(
    ("declared", "names"),
    [
        (["cat", "dog"], ("cat", "dog")),
        ({"1": "dog", "0": "cat"}, ("cat", "dog")),
        ({"dog": 1, "cat": 0}, ("cat", "dog")),
    ],
    ids=["list", "table by index", "table by name"],
)
def test_declared_names_are_a_list_or_a_table(tmp_path: Path, declared: Any, names: tuple[str, ...]) -> None:
    within = published(tmp_path / "a" / "a.parquet", {"label": [1, 0, 1, 0]}, {"label": {"names": declared}})
    beside = table(tmp_path / "b" / "b.parquet", {"image": PICTURES, "label": [1, 0, 1, 0]})
    (tmp_path / "b" / "classes.json").write_text(json.dumps(declared))
    for path in (within, beside):
        dataset = read_dataset([path])
        assert (dataset.class_names, labels_of(dataset)) == (names, ["dog", "cat", "dog", "cat"])


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"info": []}', b"[" * 100_000, b"\xff", b'{"info": {"features": 3}}']
)
def test_metadata_that_cannot_be_read_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    columns = pa.table({"image": PICTURES, "label": [0, 1, 0, 1]}, metadata={b"huggingface": content})
    pq.write_table(columns, tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"^the metadata of a\.parquet cannot be read$"):
        read_dataset([tmp_path / "a.parquet"])


# pictures by path


def test_pictures_may_be_beside_the_table(tmp_path: Path) -> None:
    folder(tmp_path / "data", {"images/1.png": RED, "images/2.png": BLUE})
    rows = [{"bytes": None, "path": f"images/{number}.png"} for number in (1, 2, 1, 2)]
    for number, images in enumerate((pa.array(rows, FILE), [row["path"] for row in rows])):
        path = table(tmp_path / "data" / f"{number}.parquet", {"image": images, "label": [0, 1, 0, 1]})
        assert list(read_dataset([path]).pictures) == [RED, BLUE] * 2


@pytest.mark.parametrize("name", ["3.png", "../secret.png", "/etc/hostname", "link.png", "sub/../../secret.png"])
def test_a_picture_that_is_not_below_the_table_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(RED)
    path = table(tmp_path / "data" / "a.parquet", {"image": [name] * 4, "label": [0, 1, 0, 1]})
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(
        BadInput, match=r"^row 1 of a\.parquet has no picture: it names the file '[^\n]+', which is not"
    ):
        read_dataset([path])


# parts


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"),
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "validation-00000-of-00001.parquet"),
        ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
        ("plain_text/mnist-train-9.parquet", "plain_text/mnist-train-10.parquet", "plain_text/mnist-test.parquet"),
        ("train-2.parquet", "train-10.parquet", "valid.parquet"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_of_tables_is_read_in_order_with_its_parts(
    tmp_path: Path, names: tuple[str, ...], zipped: bool
) -> None:
    features = {"label": class_label("cat", "dog")}
    for name, pictures in zip(names, ([RED, GREEN], [BLUE, RED], [GREEN, BLUE]), strict=True):
        published(tmp_path / "a" / name, {"label": [0, 1]}, features, pictures)
    (tmp_path / "a" / "README.md").write_text("# Cats and dogs")
    (tmp_path / "a" / ".cache").mkdir()
    path = tmp_path / "a"
    if zipped:
        content = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        path = packed(tmp_path / "a.zip", content)
    dataset = read_dataset([path])
    assert told(dataset) == [
        (RED, "cat", False), (GREEN, "dog", False), (BLUE, "cat", False), (RED, "dog", False),
        (GREEN, "cat", True), (BLUE, "dog", True),
    ]  # fmt: skip


def test_many_tables_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        table(tmp_path / "a" / f"part-{number}.parquet", {"image": PICTURES[:2], "label": [f"class {number}"] * 2})
    first_of_each = labels_of(read_dataset([tmp_path / "a"]))[::2]
    assert first_of_each == [f"class {number}" for number in range(12)]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ("train-00000-of-00003.parquet", "train-00002-of-00003.parquet"),
            r"^a lacks the file train-00001-of-00003\.parquet$",
        ),
        (("fine/train.parquet", "coarse/train.parquet"), r"^a holds several data sets, such as "),
        (("train.parquet", "extra.parquet"), r"^the part of extra\.parquet is not clear from its name"),
        (("train.parquet", "test.parquet", "1.png"), r"^a holds both pictures and train\.parquet: give one of them$"),
        (("train.parquet", "test.zip"), r"^a holds files of several kinds, such as "),
    ],
)
def test_tables_that_do_not_make_one_data_set_are_one_sentence(
    tmp_path: Path, names: tuple[str, ...], sentence: str
) -> None:
    for name in names:
        table(tmp_path / "a" / name, {"image": PICTURES, "label": [0, 1, 0, 1]})
    with pytest.raises(BadInput, match=sentence):
        read_dataset([tmp_path / "a"])


def test_tables_that_declare_different_classes_are_one_sentence(tmp_path: Path) -> None:
    published(tmp_path / "a" / "1.parquet", {"label": [0, 1, 0, 1]}, {"label": class_label("cat", "dog")})
    table(tmp_path / "a" / "2.parquet", {"image": PICTURES, "label": [0, 1, 0, 1]})
    with pytest.raises(
        BadInput, match=r"^the files of a declare different classes, such as 1\.parquet and 2\.parquet$"
    ):
        read_dataset([tmp_path / "a"])
    with pytest.raises(
        BadInput, match=r"has the class [01], an index without a name, but the classes of other pictures"
    ):
        read_dataset([tmp_path / "a" / "1.parquet", tmp_path / "a" / "2.parquet"])


def test_a_test_table_beside_a_training_table_is_held_out(tmp_path: Path) -> None:
    paths = [
        table(tmp_path / f"{part}.parquet", {"image": PICTURES, "label": [0, 1] * 2}) for part in ("train", "test")
    ]
    assert read_dataset(paths).held_out.tolist() == [False] * 4 + [True] * 4
    assert read_dataset(paths[1:]).held_out.sum() == 2


def test_a_column_may_tell_the_part(tmp_path: Path) -> None:
    columns = {"image": PICTURES, "label": ["cat", "dog"] * 2}
    by_name = table(tmp_path / "a.parquet", columns | {"split": ["train", "train", "test", "Validation"]})
    assert read_dataset([by_name]).held_out.tolist() == [False, False, True, True]
    odd = table(tmp_path / "b.parquet", columns | {"split": ["train", "train", "test", "extra"]})
    with pytest.raises(BadInput, match=r"^the split of row 4 of b\.parquet must be one of train, .*, got 'extra'$"):
        read_dataset([odd])


def test_a_stored_data_set_can_be_read_again(tmp_path: Path) -> None:
    columns = {"image": PICTURES, "split": ["train", "test"] * 2, "label": ["dog", "cat", "cat", "dog"]}
    dataset = read_dataset([table(tmp_path / "a.parquet", columns)])
    (tmp_path / "b.parquet").write_bytes(dataset.to_bytes())
    assert read_dataset([tmp_path / "b.parquet"]).digest == dataset.digest
