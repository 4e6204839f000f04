from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.engine.ranges import from_pixels
from core.engine.style.stylization import Region
from core.errors import BadParameter
from core.items import Scalar
from core.media.drawn_styles import drawn_style
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.style import DEFAULT_STYLE, numbers, shares_of, side_by_side, sized, style_measures
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load

ONE, OTHER = "1" * 64, "2" * 64


def made(**parameters: Any) -> Any:
    return make_method("style_transfer", parameters)


def test_the_default_style_is_a_bundled_picture() -> None:
    assert drawn_style("mosaic").digest == DEFAULT_STYLE
    assert made().styles == (DEFAULT_STYLE,)


def test_styles_and_numbers_have_one_canonical_form() -> None:
    assert made(styles=f"{ONE}, {OTHER}") == made(styles=[ONE, OTHER]) == made(styles=(ONE, OTHER))
    assert made(layers="depths", style_depths="10,  30.0,50") == made(layers="depths", style_depths="10, 30, 50")
    assert made(judge="lite/efficientnet_lite0") == made()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"styles": "sample:cat"}, r"styles: a picture must be given by its digest, 64 hex digits, got 'sample"),
        ({"styles": ()}, r"styles: there must be 1 to 8 pictures, got 0"),
        ({"styles": (ONE,) * 9}, r"styles: there must be 1 to 8 pictures, got 9"),
        ({"styles": 3}, r"styles: pictures must be given by their digests"),
        ({"mask": "x"}, r"mask: a picture must be given by its digest"),
        (
            {"layers": "depths", "style_depths": "10, x"},
            r"at most 12 comma-separated numbers from 1 to 100, got '10, x'",
        ),
        ({"layers": "depths", "style_depths": "0"}, r"at most 12 comma-separated numbers from 1 to 100, got '0'"),
        ({"layers": "depths", "style_depths": "nan"}, r"at most 12 comma-separated numbers from 1 to 100"),
        ({"layers": "depths", "style_depths": ""}, r"style_depths must contain at least one depth"),
        ({"layers": "depths", "depth_weights": "1, 2"}, r"depth_weights must give one weight .*: 4, got 2"),
        ({"style_weights": "1, 2"}, r"style_weights must give one weight for each of styles: 1, got 2"),
        ({"judge": ()}, r"judge: there must be one judge, got 0"),
        ({"judge": "lite/efficientnet_lite0, lite/efficientnet_lite1"}, r"judge: there must be one judge, got 2"),
    ],
    ids=str,
)
def test_a_value_that_is_not_allowed_is_refused_in_a_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        made(**parameters)


def test_shares_sum_to_one() -> None:
    assert shares_of("", 4) == [0.25] * 4
    assert shares_of("1, 3", 2) == [0.25, 0.75]
    assert numbers("") == []


def test_the_whole_picture_is_resized() -> None:
    cpu = torch.device("cpu")
    assert sized(sample("cat"), 224, cpu).shape == (1, 3, 149, 224)
    assert sized(sample("cat"), 1000, cpu).shape == (1, 3, 665, 1000)
    strip = Picture.from_pixels(np.zeros((4, 100, 3), np.uint8))
    assert sized(strip, 200, cpu).shape == (1, 3, 32, 800)  # the minimal side of an encoder's input
    exact = sized(sample("cat"), 451, cpu)
    assert torch.equal((exact[0] * 255).round().byte().movedim(0, -1), torch.tensor(sample("cat").pixels))


def test_pictures_of_any_size_form_a_row() -> None:
    row = side_by_side([torch.zeros(1, 3, 5, 7), torch.full((1, 3, 9, 3), 0.5)])
    assert row.shape == (9, 7 + 4 + 3, 3)
    assert row[:5, :7].max() == 0
    assert (row[:, 11:] == 128).all()
    assert (row[5:, :7] == 255).all()


def test_a_photo_of_one_color_has_no_content_although_the_padding_of_the_judge_varies() -> None:
    photo = torch.full((1, 3, 64, 80), 128 / 255)
    region = Region([(from_pixels(sample("cat").pixels[:64, :80].copy()), 1.0)])
    items = style_measures((photo + 0.1).clamp(0, 1), photo, [region], load(get_card("bundled/cnn"), "cpu"))
    content, edges = items["content_distance"], items["edges_kept"]
    assert isinstance(content, Scalar)
    assert isinstance(edges, Scalar)
    assert (content.value, content.reason) == (None, "the photo is plain")
    assert (edges.value, edges.reason) == (None, "the photo has no edges")
