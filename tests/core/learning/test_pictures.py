from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.errors import BadInput, BadParameter
from core.items import Pixels, png_bytes
from core.learning import pictures
from core.learning.autoencoder.autoencoder import Design
from core.learning.autoencoder.inputs import all_fitted, fitted
from core.learning.pictures import as_values, class_by_class, in_memory, mean_picture, own_side
from tests.support.squares import squares


def colored(width: int, height: int, color: tuple[int, int, int] = (200, 100, 50)) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


def a_set(*pixels: Pixels, held_out: int = 1) -> Dataset:
    """Pictures of two classes in turns; the last ones are held out."""
    count = len(pixels)
    labels = np.arange(count) % 2
    return Dataset(("a", "b"), [png_bytes(one) for one in pixels], labels, np.arange(count) >= count - held_out)


def test_pictures_of_the_size_that_is_asked_for_are_taken_as_they_are() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), np.uint8)
    given = in_memory(a_set(*drawn), 12, "cpu")
    assert np.array_equal(given.training.numpy().transpose(0, 2, 3, 1), drawn[:3])
    assert np.array_equal(given.held_out.numpy().transpose(0, 2, 3, 1), drawn[3:])
    assert given.training_labels.tolist() == [0, 1, 0]


def test_the_middle_of_a_picture_is_kept() -> None:
    wide = colored(24, 8)
    wide[:, :8] = 0
    wide[:, 16:] = 255
    given = in_memory(a_set(wide, wide), 8, "cpu")
    assert (given.training[0] == torch.tensor([200, 100, 50]).view(3, 1, 1)).all()


def test_gray_pictures_have_one_channel_and_one_in_color_makes_all_of_them_have_three() -> None:
    gray = colored(8, 8, (9, 9, 9))
    assert in_memory(a_set(gray, gray), None, "cpu").channels == 1
    assert in_memory(a_set(gray, gray, colored(8, 8)), None, "cpu").channels == 3


@pytest.mark.parametrize(
    ("sizes", "side"),
    [(((8, 8),), 8), (((28, 28),), 28), (((30, 40), (33, 90)), 32), (((3, 3),), 8), (((500, 300),), 64)],
)
def test_the_own_size_is_the_middle_one_in_steps_of_four(sizes: tuple[tuple[int, int], ...], side: int) -> None:
    assert own_side([png_bytes(colored(*size)) for size in sizes]) == side


def test_the_digits_keep_their_eight_pixels() -> None:
    given = in_memory(digits(), None, "cpu")
    assert tuple(given.training.shape) == (1612, 1, 8, 8)
    assert given.held_out_labels[:10].tolist() == list(range(10))


def test_classes_take_turns() -> None:
    labels = np.array([2, 2, 2, 0, 1, 1])
    assert class_by_class(labels, 9).tolist() == [3, 4, 0, 5, 1, 2]
    assert class_by_class(labels, 4).tolist() == [3, 4, 0, 5]
    assert class_by_class(labels, -1).tolist() == []


def test_no_more_pictures_are_held_out_than_are_needed_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEASURED", 3)
    given = in_memory(squares(each=2, held_out=4), 8, "cpu")
    assert given.held_out_labels.tolist() == [0, 1, 2]


def test_some_are_held_out_ones_first() -> None:
    given = in_memory(squares(each=4, held_out=2), 8, "cpu")
    found, labels = given.some(9)
    assert torch.equal(found[:6], given.held_out)
    assert labels.tolist() == [0, 1, 2] * 3
    assert len(given.some(4)[0]) == 4
    assert len(given.some(1000)[0]) == 18


def test_the_mean_picture_is_the_mean() -> None:
    given = in_memory(squares(), 8, "cpu")
    assert torch.allclose(mean_picture(given.training), as_values(given.training).mean(0), atol=1e-6)


def test_a_gray_autoencoder_sees_the_luminance_of_a_colored_picture() -> None:
    design = Design("dense", 8, 1, 4)
    with PillowImage.open(io.BytesIO(png_bytes(colored(8, 8)))) as image:
        luminance = image.convert("L").getpixel((0, 0))
    assert fitted(colored(20, 12), design, "cpu").unique().tolist() == [luminance]
    assert all_fitted(a_set(colored(8, 8), colored(8, 8)), design, "cpu").shape == (2, 1, 8, 8)


def test_a_gray_picture_is_taken_by_an_autoencoder_of_colors() -> None:
    assert fitted(colored(8, 8, (7, 7, 7)), Design("dense", 8, 3, 4), "cpu").tolist() == [[[[7] * 8] * 8] * 3]


@pytest.mark.parametrize("held_out", [0, 2])
def test_both_parts_must_have_pictures(held_out: int) -> None:
    with pytest.raises(BadInput, match="others that are held out, to measure with"):
        in_memory(a_set(colored(8, 8), colored(8, 8), held_out=held_out), None, "cpu")


def test_what_does_not_fit_into_memory_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 2**20)
    with pytest.raises(BadParameter, match=r"^18 pictures of 300 px take 0.0 GiB of memory, allowed are 0: [^\n]+$"):
        in_memory(squares(each=4, held_out=2), 300, "cpu")
