from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadParameter
from core.method_base.method import Method, parameter
from core.method_base.parameters import allowed, named_pictures, picture_fields, validated
from core.methods import make_method
from tests.support.methods import DECLARATION, Sample


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("steps", 0, "steps must be a whole number from 1 to 2000000000 steps, got 0"),
        ("steps", 2.5, "steps must be a whole number from 1 to 2000000000 steps, got 2.5"),
        pytest.param(
            "steps",
            10**5000,
            "steps must be a whole number from 1 to 2000000000 steps, got an enormous number",
            id="enormous",
        ),
        ("steps", None, "steps must be a whole number from 1 to 2000000000 steps, got None"),
        ("rate", 0, "rate must be above 0 to 1, got 0"),
        ("rate", 1e300, "rate must be above 0 to 1, got 1e+300"),
        ("rate", "nan", "rate must be above 0 to 1, got 'nan'"),
        ("rate", float("-inf"), "rate must be above 0 to 1, got -inf"),
        ("rate", [0.5], "rate must be above 0 to 1, got [0.5]"),
        ("share", 1, "share must be 0 to below 1, got 1"),
        ("side", 129, "side must be 4 to 128 px, got 129"),
        ("loss", "l2", "loss must be one of mse, mae, got 'l2'"),
        ("clamp", "maybe", "clamp must be true or false, got 'maybe'"),
        ("layer", 7, "layer must be text, got 7"),
        ("classes", 7, "classes must be names, or names with weights as name=1, got 7"),
        ("sizes", 7, "sizes must be a table of names and values, got 7"),
        ("sizes", {"depth": None}, "sizes must be a table of names and values, got None for depth"),
        (
            "color",
            1,
            "sample has no parameter 'color'; it has steps, rate, share, side, loss, clamp, layer, classes, sizes",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_one_sentence(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(BadParameter) as refusal:
        validated(Sample, {name: value})
    assert str(refusal.value) == sentence.replace("sample", Sample.name)


@given(rate=st.floats().filter(lambda rate: not 0 < rate <= 1))
def test_every_number_out_of_bounds_is_refused(rate: float) -> None:
    with pytest.raises(BadParameter, match=r"rate must be above 0 to 1, got"):
        validated(Sample, {"rate": rate})


@given(rate=st.floats(0, 1, exclude_min=True), steps=st.integers(1, 2_000_000_000))
def test_every_number_within_bounds_is_taken(rate: float, steps: int) -> None:
    method = validated(Sample, {"rate": rate, "steps": steps})
    assert (method.model_dump()["rate"], method.model_dump()["steps"]) == (rate, steps)


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=3)


@given(name=st.sampled_from(list(Sample.model_fields)) | st.text(), value=ANYTHING)
def test_any_value_is_taken_or_refused_in_one_short_sentence(name: str, value: Any) -> None:
    try:
        validated(Sample, {name: value})
    except BadParameter as refusal:
        sentence = str(refusal)
    else:
        sentence = ""
    assert "\n" not in sentence
    assert len(sentence) < 600


def test_a_parameter_without_effect_gets_its_default() -> None:
    plain = make_method("detail_search", {"range": "clamp"})
    assert make_method("detail_search", {"range": "clamp", "rescale_every": 3}) == plain
    assert make_method("detail_search", {"wanted": "tabby", "range": "clamp"}) == plain
    rescaled = {"range": "rescale", "rescale_every": 3}
    assert make_method("detail_search", rescaled) != make_method("detail_search", {"range": "rescale"})


def test_pictures_of_the_parameters_are_listed_once() -> None:
    fields = {
        "styles": parameter(("1" * 64, "2" * 64, "1" * 64), "Styles", choices="pictures"),
        "mask": parameter("", "Mask", choices="pictures"),
        "text": parameter("3" * 64, "No picture"),
    }
    types = {"styles": tuple[str, ...], "mask": str, "text": str}
    cls = type(Method)(
        "Painted", (Method,), {"__module__": __name__, "__annotations__": types, **DECLARATION, **fields}
    )
    assert picture_fields(cls) == ["styles", "mask"]
    assert [allowed(cls.model_fields[name]) for name in types] == ["pictures", "a picture", "text"]
    assert named_pictures(cls()) == ["1" * 64, "2" * 64]
    assert named_pictures(cls(styles=(), mask="4" * 64)) == ["4" * 64]
    assert named_pictures(Sample()) == []
