from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as PillowImage

from core.canonical import canonical_json
from core.items import (
    KINDS,
    Animation,
    Embedding,
    Image,
    Item,
    Map,
    Points,
    Result,
    Scalar,
    Series,
    Table,
    Weights,
    decode_own,
    png_bytes,
)
from tests.support.bad_pictures import photo

EXAMPLES: dict[str, Item] = {
    "map": Map(
        values=np.linspace(-3, 7, 30, dtype=np.float32).reshape(5, 6),
        low=-3,
        high=7,
        signed=True,
        unit="px",
        caption="ü",
    ),
    "image": Image(pixels=photo(), caption="a picture"),
    "points": Points(
        xy=np.array([[1.5, 2], [3, 0.1]], np.float32), width=9, height=7, weights=np.array([0.1, 0.2], np.float32)
    ),
    "series": Series(
        x=np.arange(3, dtype=np.float32), y=np.array([0.1, 1e-30, 3e30], np.float32), x_label="step", y_label="loss"
    ),
    "scalar": Scalar(value=0.1, unit="s", caption="how long"),
    "table": Table(columns=("class", "probability"), rows=(("tabby <b>", 0.5), ("ünknown", None))),
    "embedding": Embedding(points=np.eye(3, 4, dtype=np.float32), labels=("a", "b", "c")),
    "animation": Animation(frames=np.stack([photo(), photo()[::-1].copy()]), frame_ms=40, caption="an animation"),
    "weights": Weights(
        tensors={"layer.0": np.ones((2, 3), np.float32), "steps": np.array([7])}, config={"width": 8, "name": "small"}
    ),
}


def again(item: Item) -> Item:
    """What is read back from what was written, by way of JSON as in a manifest."""
    meta = json.loads(canonical_json(item.meta()))
    return KINDS[item.kind].load(meta, item.files())


def values(item: Item) -> dict[str, Any]:
    return dict(vars(item))


def test_there_is_an_example_of_every_kind() -> None:
    assert {kind: type(item) for kind, item in EXAMPLES.items()} == KINDS


@pytest.mark.parametrize("kind", sorted(set(EXAMPLES) - {"animation"}))
def test_an_item_is_read_back_exactly_as_it_was_written(kind: str) -> None:
    np.testing.assert_equal(values(again(EXAMPLES[kind])), values(EXAMPLES[kind]))


def test_arrays_keep_their_type() -> None:
    for kind in ("map", "image", "points", "series", "embedding"):
        before, after = values(EXAMPLES[kind]), values(again(EXAMPLES[kind]))
        types = {name: value.dtype for name, value in before.items() if isinstance(value, np.ndarray)}
        assert types
        assert {name: after[name].dtype for name in types} == types


def test_a_animation_keeps_its_length_size_and_pace_and_nearly_its_colors() -> None:
    animation = EXAMPLES["animation"]
    read = again(animation)
    assert isinstance(animation, Animation)
    assert isinstance(read, Animation)
    assert (read.frames.shape, read.frame_ms, read.caption) == (animation.frames.shape, 40, "an animation")
    assert np.abs(read.frames.astype(int) - animation.frames).mean() < 6


def test_frames_keep_what_they_are_unless_some_were_joined() -> None:
    other = photo()[::-1].copy()
    apart, alike = (
        again(Animation(frames=np.stack([photo(), second]), labels=("a", "b"))) for second in (other, photo())
    )
    assert isinstance(apart, Animation)
    assert isinstance(alike, Animation)
    assert (apart.labels, alike.labels) == (("a", "b"), ())


def test_every_frame_keeps_its_time_and_merged_frames_last_together() -> None:
    first, other = photo(), photo()[::-1].copy()
    uneven = Animation(frames=np.stack([first, other, first]), durations_ms=(20, 1000, 333))
    assert uneven.meta()["durations_ms"] == [20, 1000, 333]
    merged = Animation(frames=np.stack([first, first, other]), frame_ms=40)
    assert (merged.meta()["count"], merged.meta()["durations_ms"]) == (2, [80, 40])
    assert Animation(frames=np.stack([first] * 3), frame_ms=40).meta() == {"caption": "", "frame_ms": 120, "count": 1}
    for animation in (uneven, merged):
        assert again(animation).meta() == animation.meta()
    with PillowImage.open(io.BytesIO(uneven.files()["webp"])) as file:
        assert sum(durations(file)) == 1353


def durations(file: PillowImage.Image) -> list[int]:
    """As another reader of the file has them."""
    found = []
    for number in range(file.n_frames):
        file.seek(number)
        file.load()
        found.append(file.info["duration"])
    return found


def test_a_animation_of_one_frame_is_a_video() -> None:
    read = again(Animation(frames=photo()[None]))
    assert isinstance(read, Animation)
    assert read.frames.shape == (1, *photo().shape)


def test_points_may_be_none_at_all_and_without_weights() -> None:
    read = again(Points(xy=np.zeros((0, 2), np.float32), width=5, height=5))
    assert isinstance(read, Points)
    assert read.xy.shape == (0, 2)
    assert read.weights is None


@given(
    pixels=arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)), elements=st.integers(0, 255)
    )
)
def test_png_is_lossless(pixels: np.ndarray) -> None:
    assert np.array_equal(decode_own(png_bytes(pixels)), pixels)


def test_a_strided_view_is_written_as_it_is_seen() -> None:
    for item in (Image(pixels=photo()[::2, ::-3]), Map(values=np.arange(20, dtype=np.float32).reshape(4, 5).T)):
        np.testing.assert_equal(values(again(item)), values(item))


def test_a_map_keeps_what_is_no_number() -> None:
    odd = Map(values=np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32))
    np.testing.assert_array_equal(values(again(odd))["values"], odd.values)


def test_our_own_decoder_takes_png_alone() -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(photo()).save(buffer, "JPEG")
    with pytest.raises(PillowImage.UnidentifiedImageError):
        decode_own(buffer.getvalue())


def test_the_metrics_of_a_result_are_its_scalars() -> None:
    result = Result(
        {"picture": Image(pixels=photo()), "seconds": Scalar(value=2.5, unit="s"), "steps": Scalar(value=3)}
    )
    assert result.metrics == {"seconds": 2.5, "steps": 3}


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_pictures_of_codes_come_back_as_they_were(count: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (count, 4, 6, 3), np.uint8)
    item = Embedding(points=np.zeros((count, 2), np.float32), labels=("a",) * count, thumbnails=pictures)
    back = again(item)
    assert isinstance(back, Embedding)
    assert np.array_equal(back.thumbnails, pictures)


def test_codes_without_pictures_are_written_as_they_always_were() -> None:
    assert EXAMPLES["embedding"].meta().keys() == {"caption"}
    assert EXAMPLES["embedding"].files().keys() == {"safetensors", "json"}


@pytest.mark.parametrize(("value", "says"), [(0.0, "All values are 0:"), (-2.5, "All values are -2.5:")])
def test_a_constant_map_says_so(value: float, says: str) -> None:
    values = np.full((4, 4), value, np.float32)
    item = Map(values=values)
    assert item.remark.startswith(says)
    assert item.meta()["remark"] == item.remark
    assert Map.load(item.meta(), {"safetensors": item.files()["safetensors"]}).remark == item.remark
    values[0, 0] += 1e-3
    assert not Map(values=values).remark
    assert "remark" not in Map(values=values).meta()


def test_a_number_without_a_meaning_is_none_with_its_reason() -> None:
    item = Scalar(value=None, unit="share", reason="one class")
    assert item.meta() == {"caption": "", "value": None, "unit": "share", "subject": "", "reason": "one class"}
    assert Scalar.load(item.meta(), {}).reason == "one class"
    assert item.is_finite
    assert Result({"accuracy": item}).metrics == {"accuracy": None}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_items_know_whether_they_are_finite(value: float) -> None:
    odd = np.array([[0, value]], np.float32)
    items = [
        Map(values=odd), Points(xy=odd, width=2, height=2), Series(x=odd[0], y=odd[0], x_label="", y_label=""),
        Scalar(value=value), Table(columns=("a",), rows=((value,),)), Embedding(points=odd, labels=("a",)),
    ]  # fmt: skip
    assert not any(item.is_finite for item in items)
    fine = np.zeros((1, 2), np.float32)
    assert Map(values=fine).is_finite
    assert Table(columns=("a", "b"), rows=((None, "text"), (1, 0.5))).is_finite
    assert Weights(tensors={"mask": np.array([-np.inf])}).is_finite  # as in attention
    assert not Weights(tensors={"weight": np.array([np.nan])}).is_finite
