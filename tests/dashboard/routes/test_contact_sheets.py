from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from starlette.testclient import TestClient

from core.datasets.dataset import Dataset, every_tenth
from core.datasets.digits import digits
from core.items import png_bytes
from core.store.inputs import dataset_path
from core.store.store import Store
from dashboard.routes import contact_sheets
from dashboard.routes.blobs import blob_url
from dashboard.routes.contact_sheets import (
    GAP_PX,
    IMAGES_PER_ROW,
    MIXED,
    SQUARE,
    SQUARE_SIDE,
    TILE_PX,
    draw_sheet,
    is_cached,
    rows_per_class,
    strip,
)
from tests.support.squares import COLORS, squares


def tiles(content: bytes, row: int = 0) -> list[np.ndarray]:
    """The pictures (TILE_PX, TILE_PX, 4) of one row of a strip."""
    image = np.asarray(PillowImage.open(io.BytesIO(content), formats=("WEBP",)).convert("RGBA"))
    step = TILE_PX + GAP_PX
    return [image[row * step : row * step + TILE_PX, left : left + TILE_PX] for left in range(0, image.shape[1], step)]


def flat(color: tuple[int, int, int], width: int, height: int) -> bytes:
    return png_bytes(np.tile(np.array(color, np.uint8), (height, width, 1)))


def test_small_pictures_are_enlarged_pixel_by_pixel_and_kept_exactly() -> None:
    picture = digits().pictures[0]
    (tile,) = tiles(strip([picture]))
    pixels = np.asarray(PillowImage.open(io.BytesIO(picture)).convert("RGB"))
    assert np.array_equal(tile[..., :3], pixels.repeat(TILE_PX // 8, axis=0).repeat(TILE_PX // 8, axis=1))


def test_large_pictures_are_scaled_to_fit_and_nothing_lies_beside_them() -> None:
    (tile,) = tiles(strip([flat((200, 30, 30), 300, 150)]))
    assert set(tile[: TILE_PX // 4 - 1, :, 3].ravel()) == {0}
    inside = tile[TILE_PX // 4 + 2 : -TILE_PX // 4 - 2]
    assert set(inside[..., 3].ravel()) == {255}
    assert np.abs(inside[..., :3].astype(int) - (200, 30, 30)).max() < 8


def test_a_strip_has_rows_of_ten() -> None:
    content = strip([flat((number, 0, 0), 4, 4) for number in range(23)])
    assert len(tiles(content)) == IMAGES_PER_ROW
    assert [int(tile[TILE_PX // 2, TILE_PX // 2, 0]) for tile in tiles(content, row=2)][:3] == [20, 21, 22]
    assert tiles(content, row=2)[3].max() == 0


def test_each_class_has_a_strip_of_its_own_pictures_and_all_share_one(client: TestClient, store: Store) -> None:
    digest = store.inputs.put_dataset(squares(each=4, held_out=1, side=40))
    for number, color in enumerate(("red", "green", "blue")):
        answer = client.get(blob_url("dataset", digest, str(number)))
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
        shades = tiles(answer.content)
        assert len(shades) == 5
        assert all((tile[..., :3] == COLORS[color]).all(axis=2).any() for tile in shades)
    mixed = client.get(blob_url("dataset", digest, MIXED)).content
    assert all(
        any((tile[..., :3] == color).all(axis=2).any() for tile in tiles(mixed)) for color in [*COLORS.values()][:3]
    )


def test_the_square_shows_every_class_in_turns_and_as_many_pictures_one_way_as_the_other(store: Store) -> None:
    shades = np.repeat(np.arange(5, dtype=np.uint8) * 50, 6)
    dataset = Dataset(
        tuple("abcde"), [flat((shade, 0, 0), 4, 4) for shade in shades], np.repeat(np.arange(5), 6), every_tenth(shades)
    )
    square = draw_sheet(store, dataset.digest, dataset)[SQUARE]
    middle = TILE_PX // 2
    order = [int(tile[middle, middle, 0]) for row in range(SQUARE_SIDE) for tile in tiles(square, row)]
    assert order == [0, 50, 100, 150, 200] * 3 + [0]


def test_few_pictures_make_a_small_square(store: Store) -> None:
    dataset = Dataset(("a",), [flat((9, 9, 9), 2, 2)] * 3, np.zeros(3, np.int64), np.arange(3) > 1)
    square = draw_sheet(store, dataset.digest, dataset)[SQUARE]
    assert [len(tiles(square, row)) for row in range(2)] == [2, 2]


@pytest.mark.parametrize(
    ("address", "status", "phrase"),
    [
        (f"/api/dataset/{'0' * 64}/0", 404, "there is no data set 0000"),
        ("/api/dataset/xyz/0", 400, "64 hex digits"),
        ("/api/dataset/DIGEST/3", 404, "a data set of 3 classes has no class number '3'"),
        ("/api/dataset/DIGEST/-1", 404, "has no class number"),
        ("/api/dataset/DIGEST/x", 404, "has no class number"),
    ],
)
def test_a_missing_class_or_data_set_is_one_sentence(
    client: TestClient, store: Store, address: str, status: int, phrase: str
) -> None:
    digest = store.inputs.put_dataset(squares())
    answer = client.get(address.replace("DIGEST", digest))
    assert (answer.status_code, phrase in answer.text) == (status, True)


def test_a_sheet_is_drawn_once(client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.inputs.put_dataset(squares())
    assert not is_cached(store, digest)
    first = client.get(blob_url("dataset", digest, "1")).content
    assert is_cached(store, digest)
    monkeypatch.setattr(contact_sheets, "strip", lambda *_: pytest.fail("drawn again"))
    assert client.get(blob_url("dataset", digest, "1")).content == first
    assert client.get(blob_url("dataset", digest, MIXED)).status_code == 200


def test_a_damaged_data_set_is_reported_and_set_aside(client: TestClient, store: Store) -> None:
    digest = store.inputs.put_dataset(squares())
    (Path(store.shelf.root) / dataset_path(digest)).write_bytes(b"broken")
    answer = client.get(blob_url("dataset", digest, "0"))
    assert (answer.status_code, "was damaged on disk" in answer.text) == (404, True)
    assert store.inputs.datasets() == []


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 250, 1500])
def test_a_sheet_is_never_large_and_never_without_a_picture(store: Store, classes: int) -> None:
    labels = np.repeat(np.arange(classes), max(2, 100 // classes))
    dataset = Dataset(
        tuple(map(str, range(classes))), [flat((9, 9, 9), 2, 2)] * len(labels), labels, every_tenth(labels)
    )
    drawn: list[int] = []
    counted = contact_sheets.strip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            contact_sheets, "strip", lambda pictures, *_: drawn.append(len(pictures)) or counted(pictures[:1])
        )
        strips = draw_sheet(store, "1" * 64, dataset)
    assert strips.keys() == {MIXED, SQUARE, *map(str, range(classes))}
    assert min(drawn) >= 1
    assert sum(drawn) <= contact_sheets.MAX_IMAGES + IMAGES_PER_ROW + SQUARE_SIDE**2
    assert max(drawn) <= max(IMAGES_PER_ROW * rows_per_class(classes), SQUARE_SIDE**2)


def test_a_class_without_a_picture_has_an_empty_strip(store: Store) -> None:
    dataset = Dataset(("a", "b"), [flat((9, 9, 9), 2, 2)] * 4, np.zeros(4, np.int64), np.arange(4) > 2)
    assert tiles(draw_sheet(store, dataset.digest, dataset)["1"])[0].max() == 0
