from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.media.file_names import comma_joined
from core.method_base.class_weights import MAX_CLASSES, MAX_NAME, MAX_WEIGHT, ClassWeights, class_problem
from core.networks.card import NetworkCard
from core.networks.catalog import get_card

CLASSES = TypeAdapter(ClassWeights)
NAMES = st.text(st.characters(exclude_characters="="), min_size=1, max_size=20).map(str.strip).filter(bool)
ENORMOUS = pytest.param(10**5000, id="enormous")
WEIGHTS = st.floats(0, MAX_WEIGHT, exclude_min=True)


@pytest.fixture
def card() -> NetworkCard:
    """A card with three classes; the name of the last is the index of another one."""
    return get_card("random/test_resnet").model_copy(update={"class_names": ("cat", "dog", "0")})


@pytest.mark.parametrize(
    ("given_as", "weights"),
    [
        ({"tabby": 2}, {"tabby": 2.0}),
        (["tabby", "lynx"], {"lynx": 1.0, "tabby": 1.0}),
        (("7",), {"7": 1.0}),
        ("tabby = 2, lynx", {"lynx": 1.0, "tabby": 2.0}),
        ("a=b=0.5", {"a=b": 0.5}),
        ('"tabby, tabby cat=2", lynx', {"lynx": 1.0, "tabby, tabby cat": 2.0}),
        ('5" disk=2', {'5" disk': 2.0}),
        (" ,tabby,, ", {"tabby": 1.0}),
        ("", {}),
        ({}, {}),
    ],
)
def test_classes_can_be_given_in_several_forms(given_as: Any, weights: dict[str, float]) -> None:
    assert CLASSES.validate_python(given_as) == weights


@given(st.dictionaries(NAMES, WEIGHTS, max_size=10), st.randoms())
def test_order_and_form_have_no_influence(weights: dict[str, float], random: Any) -> None:
    shuffled = random.sample(list(weights.items()), len(weights))
    written = comma_joined(f"{name}={weight!r}" for name, weight in shuffled)
    expected = CLASSES.dump_json(CLASSES.validate_python(weights))
    assert CLASSES.dump_json(CLASSES.validate_python(dict(shuffled))) == expected
    assert CLASSES.dump_json(CLASSES.validate_python(written)) == expected
    assert CLASSES.dump_json(CLASSES.validate_json(expected)) == expected


@pytest.mark.parametrize("weight", [0, -1, 1000.1, "x", None, [], float("nan"), float("inf"), 10**400, ENORMOUS])
def test_a_weight_out_of_bounds_is_refused_with_its_class(weight: Any) -> None:
    with pytest.raises(ValidationError, match="the weight of tabby must be more than 0 and at most 1000, got "):
        CLASSES.validate_python({"tabby": weight})


@pytest.mark.parametrize("name", ["", "  ", "x" * (MAX_NAME + 1), 7, None, ENORMOUS, ["tabby"]])
def test_a_name_is_a_short_text(name: Any) -> None:
    with pytest.raises(ValidationError, match="a class must be a name or an index as text, got "):
        CLASSES.validate_python([name])


@pytest.mark.parametrize("twice", ["tabby, tabby=2", ["tabby", "tabby "], {"tabby": 1, " tabby": 2}])
def test_a_class_that_is_given_twice_is_refused(twice: Any) -> None:
    with pytest.raises(ValidationError, match="'tabby' is given twice"):
        CLASSES.validate_python(twice)


@pytest.mark.parametrize("value", [7, True, None, ENORMOUS, b"tabby", {"tabby"}])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="classes must be names, or names with weights as name=1, got "):
        CLASSES.validate_python(value)


def test_the_number_of_classes_is_bounded() -> None:
    names = [str(number) for number in range(MAX_CLASSES + 1)]
    assert len(CLASSES.validate_python(names[1:])) == MAX_CLASSES
    with pytest.raises(ValidationError, match="at most 100 classes, got 101"):
        CLASSES.validate_python(names)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["cat", "dog"], None),
        (["1", "0"], None),
        (["lynx"], "This network has no class 'lynx'."),
        (["3"], "This network has no class '3'."),
        (["-1"], "This network has no class '-1'."),
        (["1" * 5000], f"This network has no class {'1' * 60!r}."),
        (["dog", "1"], "'dog' and '1' are the same class of this network."),
    ],
)
def test_missing_and_equal_classes_are_a_sentence(card: NetworkCard, names: list[str], problem: str) -> None:
    assert class_problem(card, names) == problem


def test_a_name_takes_precedence_over_an_index(card: NetworkCard) -> None:
    assert class_problem(card, ["0", "2"]) == "'0' and '2' are the same class of this network."
    assert class_problem(card, ["0", "cat"]) is None
