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
from core.learning.autoencoder.inputs import prepare, prepare_all
from core.learning.pictures import as_values, in_memory, interleaved_by_class, mean_picture, median_side
from tests.support.squares import squares


def colored(width: int, height: int, color: tuple[int, int, int] = (200, 100, 50)) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


def a_set(*pixels: Pixels, held_out: int = 1) -> Dataset:
    """Pictures of two classes in turns; the last ones are held out."""
    count = len(pixels)
    labels = np.arange(count) % 2
    return Dataset(("a", "b"), [png_bytes(one) for one in pixels], labels, np.arange(count) >= count - held_out)


def test_pictures_of_the_size_that_is_requested_are_taken_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), np.uint8)
    loaded = in_memory(a_set(*pixels), 12, "cpu")
    assert np.array_equal(loaded.training.numpy().transpose(0, 2, 3, 1), pixels[:3])
    assert np.array_equal(loaded.held_out.numpy().transpose(0, 2, 3, 1), pixels[3:])
    assert loaded.training_labels.tolist() == [0, 1, 0]


def test_the_middle_of_a_picture_is_kept() -> None:
    wide = colored(24, 8)
    wide[:, :8] = 0
    wide[:, 16:] = 255
    loaded = in_memory(a_set(wide, wide), 8, "cpu")
    assert (loaded.training[0] == torch.tensor([200, 100, 50]).view(3, 1, 1)).all()


def test_gray_pictures_have_one_channel_and_one_in_color_makes_all_of_them_have_three() -> None:
    gray = colored(8, 8, (9, 9, 9))
    assert in_memory(a_set(gray, gray), None, "cpu").channels == 1
    assert in_memory(a_set(gray, gray, colored(8, 8)), None, "cpu").channels == 3


@pytest.mark.parametrize(
    ("sizes", "side"),
    [(((8, 8),), 8), (((28, 28),), 28), (((30, 40), (33, 90)), 32), (((3, 3),), 8), (((500, 300),), 64)],
)
def test_the_default_size_is_the_median_in_steps_of_four(sizes: tuple[tuple[int, int], ...], side: int) -> None:
    assert median_side([png_bytes(colored(*size)) for size in sizes]) == side


def test_the_digits_keep_their_eight_pixels() -> None:
    loaded = in_memory(digits(), None, "cpu")
    assert tuple(loaded.training.shape) == (1612, 1, 8, 8)
    assert loaded.held_out_labels[:10].tolist() == list(range(10))


def test_classes_take_turns() -> None:
    labels = np.array([2, 2, 2, 0, 1, 1])
    assert interleaved_by_class(labels, 9).tolist() == [3, 4, 0, 5, 1, 2]
    assert interleaved_by_class(labels, 4).tolist() == [3, 4, 0, 5]
    assert interleaved_by_class(labels, -1).tolist() == []


def test_the_number_of_held_out_pictures_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_HELD_OUT", 3)
    loaded = in_memory(squares(each=2, held_out=4), 8, "cpu")
    assert loaded.held_out_labels.tolist() == [0, 1, 2]


def test_a_sample_has_held_out_pictures_first() -> None:
    loaded = in_memory(squares(each=4, held_out=2), 8, "cpu")
    result, labels = loaded.sample(9)
    assert torch.equal(result[:6], loaded.held_out)
    assert labels.tolist() == [0, 1, 2] * 3
    assert len(loaded.sample(4)[0]) == 4
    assert len(loaded.sample(1000)[0]) == 18


def test_the_mean_picture_is_the_mean() -> None:
    loaded = in_memory(squares(), 8, "cpu")
    assert torch.allclose(mean_picture(loaded.training), as_values(loaded.training).mean(0), atol=1e-6)


def test_a_gray_autoencoder_takes_the_luminance_of_a_color_picture() -> None:
    design = Design("dense", 8, 1, 4)
    with PillowImage.open(io.BytesIO(png_bytes(colored(8, 8)))) as image:
        luminance = image.convert("L").getpixel((0, 0))
    assert prepare(colored(20, 12), design, "cpu").unique().tolist() == [luminance]
    assert prepare_all(a_set(colored(8, 8), colored(8, 8)), design, "cpu").shape == (2, 1, 8, 8)


def test_a_gray_picture_is_taken_by_an_autoencoder_of_colors() -> None:
    assert prepare(colored(8, 8, (7, 7, 7)), Design("dense", 8, 3, 4), "cpu").tolist() == [[[[7] * 8] * 8] * 3]


@pytest.mark.parametrize("held_out", [0, 2])
def test_training_and_held_out_pictures_are_required(held_out: int) -> None:
    with pytest.raises(BadInput, match="training pictures and held-out pictures"):
        in_memory(a_set(colored(8, 8), colored(8, 8), held_out=held_out), None, "cpu")


def test_what_does_not_fit_into_memory_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 2**20)
    with pytest.raises(
        BadParameter, match=r"^18 pictures of 300 px take 0.0 GiB of memory, at most 0 GiB are allowed: [^\n]+$"
    ):
        in_memory(squares(each=4, held_out=2), 300, "cpu")
