from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.dataset import Dataset, every_tenth
from core.datasets.digits import digits
from core.datasets.files import read_dataset
from core.errors import StoreFull
from core.items import png_bytes
from core.store.inputs import dataset_path, record_path
from core.store.store import Store
from dashboard.figures.datasets import NAMED_CLASSES, classes_figure
from dashboard.panel.training import training_methods
from dashboard.views.dataset import CLASSES_A_PAGE, balance, contact_sheet, facts, sheet_rows
from tests.core.datasets.test_files import TWO, packed, table
from tests.core.datasets.test_tars import tarred
from tests.core.datasets.test_unlabeled import LOOSE
from tests.support.opened import opened, press, texts
from tests.support.squares import squares

PNG = png_bytes(np.zeros((4, 4, 3), np.uint8))


def links(page: AppTest) -> dict[str, str]:
    """The link's text -> the data set that it opens."""
    return {
        link.value.replace("\\", "").strip("*"): parse_qs(link.proto.query_string)["dataset"][0]
        for link in page.page_link
        if "dataset=" in link.proto.query_string
    }


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def of_classes(names: tuple[str, ...], each: int = 2) -> Dataset:
    labels = np.tile(np.arange(len(names)), each)
    return Dataset(names, [PNG] * len(labels), labels, every_tenth(labels))


# all of them


def test_the_digits_are_there_from_the_start(store: Store) -> None:
    page = opened("data")
    assert links(page) == {"digits": digits().digest}
    assert "1,797 images · 10 classes · 8 x 8 px · 185 for validation" in texts(page)
    assert f"/api/dataset/{digits().digest}/mixed" in html(page)
    assert store.inputs.dataset(digits().digest).digest == digits().digest


def test_every_data_set_is_a_card_and_one_without_a_record_is_called_by_its_digest(store: Store) -> None:
    named, unknown = (
        store.inputs.put_dataset(squares(seed=1), "<b>Squares</b>", "a test"),
        store.inputs.put_dataset(squares(seed=2)),
    )
    (Path(store.shelf.root) / record_path(unknown)).unlink()
    page = opened("data")
    assert links(page).items() >= {"<b>Squares</b>": named, f"{unknown[:12]}…": unknown}.items()
    assert "No summary is stored yet" in texts(page)
    assert "a test · added 20" in texts(page)


def test_a_large_data_set_is_drawn_when_it_is_opened_and_not_before(store: Store) -> None:
    digest = store.inputs.put_dataset(squares(), "Squares")
    address = f"/api/dataset/{digest}/mixed"
    path = Path(store.shelf.root) / record_path(digest)
    record = store.inputs.dataset_record(digest).model_copy(update={"size_bytes": 10**9})
    path.write_bytes(record.to_bytes())
    page = opened("data")
    assert address not in html(page)
    assert "Open the data set to see sample images" in texts(page)
    opened("data", dataset=digest)
    assert address in html(opened("data"))


def test_a_store_without_room_shows_what_there_is_and_the_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.inputs.put_dataset(squares(), "Squares")

    def full(*_: object) -> None:
        raise StoreFull("no room left on the device of /x: make room, then run it again")

    monkeypatch.setattr(store.shelf, "write", full)
    page = opened("data")
    assert "No room left on the device" in texts(page)
    assert list(links(page)) == ["Squares"]


# one of them


def test_a_data_set_opens_by_its_link_with_numbers_pictures_and_a_chart(store: Store) -> None:
    digest = store.inputs.put_dataset(squares(each=8, held_out=2), "Squares", "read from squares.zip")
    page = opened("data", dataset=digest)
    assert page.title[0].value == "Squares"
    assert metrics(page) == {
        "Images": "30", "Training images": "24", "Validation images": "6", "Classes": "3",
        "Size (width x height)": "20 x 20 px",
    }  # fmt: skip
    assert all(f"/api/dataset/{digest}/{number}'" in html(page) for number in range(3))
    assert all(name in html(page) for name in ("red", "green", "blue"))
    assert len(page.get("plotly_chart")) == 1
    assert digest in [code.value for code in page.code]
    assert "read from squares.zip · added" in texts(page)


def test_one_without_a_record_is_read_once_when_it_is_opened(store: Store) -> None:
    digest = store.inputs.put_dataset(squares())
    path = Path(store.shelf.root) / record_path(digest)
    path.unlink()
    assert metrics(opened("data", dataset=digest))["Images"] == "30"
    assert path.is_file()


def test_one_class_has_no_chart_and_says_what_cannot_be_learned(store: Store, tmp_path: Path) -> None:
    digest = store.inputs.put_dataset(read_dataset([packed(tmp_path / "a.zip", LOOSE)], labeled=False))
    page = opened("data", dataset=digest)
    assert page.get("plotly_chart") == []
    assert "they can train an autoencoder, GAN or style model, but no classifier." in texts(page)


def test_many_classes_come_page_by_page(store: Store) -> None:
    digest = store.inputs.put_dataset(of_classes(tuple(f"class {number}" for number in range(60))))
    page = opened("data", dataset=digest)
    assert html(page).count("<img") == CLASSES_A_PAGE
    assert f"/api/dataset/{digest}/{CLASSES_A_PAGE}'" not in html(page)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("x", "This link is incomplete: no data set has this address"),
        ("0" * 64, "There is no data set 000000000000… in this store: add it again"),
    ],
)
def test_a_link_made_by_hand_gets_one_sentence_and_a_way_back(store: Store, link: str, sentence: str) -> None:  # noqa: ARG001
    page = opened("data", dataset=link)
    assert [error.value.replace("\\", "") for error in page.error] == [sentence]
    assert page.page_link[0].value == "All data sets"


def test_a_damaged_data_set_is_reported(store: Store) -> None:
    digest = store.inputs.put_dataset(squares(), "Squares")
    (Path(store.shelf.root) / dataset_path(digest)).write_bytes(b"broken")
    assert "was damaged on disk: add it again" in texts(opened("data", dataset=digest))


def test_another_name_is_kept_and_a_bad_one_is_not(store: Store) -> None:
    digest = store.inputs.put_dataset(squares(), "Squares")
    page = opened("data", dataset=digest)
    page.text_input[0].set_value("Red, green and blue")
    page = press(page, "Save name")
    assert page.title[0].value == "Red, green and blue"
    page.text_input[0].set_value("\x00" * 3)
    assert "must be at most 80 printable characters" in texts(press(page, "Save name"))
    assert store.inputs.dataset_record(digest).name == "Red, green and blue"


# upload


def uploaded(name: str, content: bytes, called: str = "", label_column: str = "") -> AppTest:
    page = opened("data")
    page.file_uploader[0].upload(name, content)
    page.text_input[0].set_value(called)
    page.text_input[1].set_value(label_column)
    return press(page, "Add")


def test_an_uploaded_zip_is_a_data_set_with_a_link(store: Store, tmp_path: Path) -> None:
    path = packed(tmp_path / "pets.zip", TWO)
    page = uploaded("pets.zip", path.read_bytes())
    digest = read_dataset([path]).digest
    assert "pets was added: 4 images · 2 classes · 20 x 20 px · 2 for validation." in texts(page)
    assert links(page).items() >= {"pets": digest, "Open data set": digest}.items()
    assert store.inputs.dataset_record(digest).source == "uploaded: pets.zip"
    again = uploaded("pets.zip", path.read_bytes(), "Pets")
    assert "pets is already stored" in texts(again)


@pytest.mark.usefixtures("store")
def test_an_uploaded_tar_is_a_data_set_named_without_its_endings(tmp_path: Path) -> None:
    page = uploaded("pets.tar.gz", tarred(tmp_path / "a.tar.gz", TWO).read_bytes())
    assert "pets was added: 4 images · 2 classes" in texts(page)


def test_the_column_of_the_class_is_asked_for_where_several_could_be_meant(store: Store, tmp_path: Path) -> None:
    columns = {"image": list(TWO.values()), "genre": ["x", "y"] * 2, "artist": ["a", "b"] * 2}
    content = table(tmp_path / "a.parquet", columns).read_bytes()
    refused = uploaded("art.parquet", content)
    assert "genre, artist may be one: choose the label column" in refused.error[0].value.replace("\\", "")
    assert "art was added: 4 images · 2 classes" in texts(uploaded("art.parquet", content, "", "artist"))
    (record,) = (record for _, record in store.inputs.datasets() if record and record.name == "art")
    assert [counts.name for counts in record.classes] == ["a", "b"]
    assert record.source == "uploaded: art.parquet; classes from artist"


def test_pictures_without_classes_are_taken_under_the_name_that_is_given(store: Store, tmp_path: Path) -> None:
    page = uploaded("a.zip", packed(tmp_path / "a.zip", LOOSE).read_bytes(), "Faces")
    assert "Faces was added: 3 images · 1 class" in texts(page)
    assert [record.name for _, record in store.inputs.datasets() if record and record.name != "digits"] == ["Faces"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.zip", b"PK\x03\x04 no zip", "Nothing was added: a.zip cannot be read: "),
        ("a.parquet", b"no table", "Nothing was added: a.parquet cannot be read: "),
        ("a.zip", TWO | {"cat/3.png": b"?"}, "Nothing was added: cat/3.png "),
        ("a.zip", {"readme.txt": b"?"}, "Nothing was added: there is no picture in a.zip"),
        ("a.zip", TWO | {"../cat/3.png": PNG}, "Nothing was added: the files in a zip must have names without"),
    ],
)
def test_what_is_no_data_set_is_one_sentence_and_nothing_is_kept(
    store: Store, tmp_path: Path, name: str, content: bytes | dict[str, bytes], sentence: str
) -> None:
    data = packed(tmp_path / "made.zip", content).read_bytes() if isinstance(content, dict) else content
    page = uploaded(name, data)
    assert [error.value.replace("\\", "").startswith(sentence) for error in page.error] == [True]
    assert [digest for digest, _ in store.inputs.datasets()] == [digits().digest]


# what it is made of


def test_markup_in_the_name_of_a_class_is_shown_and_does_nothing(store: Store) -> None:
    names = ("<script>alert(1)</script>", "' onload='x", "%{y}<b>bold</b>")
    record = store.inputs.dataset_record(store.inputs.put_dataset(of_classes(names)))
    shown = contact_sheet(record, 1)
    assert "<script" not in shown
    assert "' onload" not in shown
    assert "%{y}" not in json.dumps(classes_figure(record).to_dict()["data"][0]["customdata"])
    assert "<b>" not in json.dumps(classes_figure(record).to_dict()["layout"])


def test_the_chart_has_a_bar_for_each_part_of_each_class_in_their_order(store: Store) -> None:
    record = store.inputs.dataset_record(store.inputs.put_dataset(squares(each=8, held_out=2)))
    figure = classes_figure(record)
    assert [(bar.name, list(bar.y)) for bar in figure.data] == [("training", [8, 8, 8]), ("validation", [2, 2, 2])]
    assert list(figure.layout.xaxis.ticktext) == ["red", "green", "blue"]
    many = store.inputs.dataset_record(store.inputs.put_dataset(of_classes(tuple(map(str, range(NAMED_CLASSES + 1))))))
    assert classes_figure(many).layout.xaxis.showticklabels is False


def test_facts_are_in_words(store: Store) -> None:
    record = store.inputs.dataset_record(store.inputs.put_dataset(squares(each=8, held_out=2)))
    assert facts(record) == "30 images · 3 classes · 20 x 20 px · 6 for validation"
    assert balance(record.classes) == "Each class has 10 images."
    assert (
        balance((*record.classes[:2], record.classes[2]._replace(training=1)))
        == "The classes have 3 to 10 images each."
    )
    assert sheet_rows(record.classes[0], 1) == 1
    assert sheet_rows(record.classes[0]._replace(training=990), 1) == 6
    assert sheet_rows(record.classes[0]._replace(training=990), 20) == 1


def test_an_open_data_set_links_to_training(store: Store) -> None:
    digest = store.inputs.put_dataset(digits())
    links = [link.proto for link in opened("data", dataset=digest).get("page_link")]
    (query,) = [parse_qs(link.query_string) for link in links if link.label == "Train on this data set"]
    assert query == {"method": [training_methods()[0]], "data": [digest]}
