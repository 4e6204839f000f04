from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest
from pydantic import ValidationError

from core.errors import BadParameter, NetworkUnavailable
from core.items import Scalar
from core.method_base.method import Context, Method, Needs, Output, field_bounds, parameter
from core.method_base.parameters import allowed, validated
from core.networks.card import NetworkCard
from tests.support.methods import DECLARATION, Sample


def declare(**changes: Any) -> type[Method]:
    """A method with `DECLARATION` and `changes`; None leaves an entry out."""
    fields = {name: value for name, value in (DECLARATION | changes).items() if value is not None}
    return type(Method)("Declared", (Method,), {"__module__": __name__, **fields})


def declare_field(annotation: Any, field: Any) -> type[Method]:
    return declare(__annotations__={"knob": annotation}, knob=field)


@pytest.mark.parametrize("left_out", list(DECLARATION))
def test_an_incomplete_declaration_is_refused(left_out: str) -> None:
    with pytest.raises(TypeError, match=f"Declared must declare {left_out}"):
        declare(**{left_out: None})


def test_an_output_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"video is of kind 'movie', not .*animation"):
        declare(outputs=(Output("video", "movie", "Caption"),))


def test_an_unknown_network_family_is_refused() -> None:
    with pytest.raises(TypeError, match="names the family 'rnn', not one of"):
        declare(undefined={"rnn": "why not"})


@pytest.mark.parametrize(
    ("annotation", "field", "refusal"),
    [
        (int, parameter(1, "", unit="px", ge=0, le=9), "Declared.knob has no description"),
        (str, 5, "Declared.knob has no description"),
        (int, parameter(..., "What it does", unit="px", ge=0, le=9), "Declared.knob has no default"),
        (int, parameter(1, "What it does", ge=0, le=9), "Declared.knob has no unit"),
        (float, parameter(1.0, "What it does", unit="px", ge=0), "Declared.knob is not bounded on both sides"),
        (float, parameter(1.0, "What it does", unit="px", lt=9), "Declared.knob is not bounded on both sides"),
        (float, parameter(1.0, "What", unit="", ge=0, le=float("inf")), "Declared.knob is not bounded on both sides"),
        (int | None, parameter(None, "What it does", unit="px"), "Declared.knob is not bounded on both sides"),
    ],
)
def test_an_undescribed_or_unbounded_parameter_is_refused(annotation: Any, field: Any, refusal: str) -> None:
    with pytest.raises(TypeError, match=refusal):
        declare_field(annotation, field)


def test_a_condition_on_a_missing_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Declared\.knob depends on gone, which does not exist"):
        declare_field(str, parameter("", "What it does", when={"gone": ["yes"]}))


def test_a_condition_on_a_later_parameter_is_refused() -> None:
    mode: Any = parameter("a", "How it works")
    size: Any = parameter("", "What it does", when={"mode": ["a"]})
    types = {"size": str, "mode": Literal["a", "b"]}
    declare(__annotations__=dict(reversed(types.items())), size=size, mode=mode)
    with pytest.raises(TypeError, match=r"Declared\.size depends on mode, which must stand before it"):
        declare(__annotations__=types, size=size, mode=mode)


def test_a_default_out_of_its_bounds_is_refused() -> None:
    method = declare_field(int, parameter(10, "What it does", unit="px", ge=0, le=9))
    with pytest.raises(BadParameter, match="knob must be a whole number from 0 to 9 px, got 10"):
        validated(method, {})


def test_a_method_is_frozen() -> None:
    method = validated(Sample, {})
    with pytest.raises(ValidationError, match="frozen"):
        method.steps = 7  # type: ignore[attr-defined]


def test_bounds_of_fields() -> None:
    fields = Sample.model_fields
    assert field_bounds(fields["rate"]) == (0, 1)
    assert field_bounds(fields["side"]) == (4, 128)
    assert allowed(fields["steps"]) == "a whole number from 1 to 2000000000 steps"


def test_undefined_for_depends_on_the_family_of_the_network() -> None:
    card = NetworkCard(
        name="local/x", identity="local/x#1", family="mixer", architecture="x", input_px=(8, 8), class_names=(),
        parameters=1, license="none", source="nowhere",
    )  # fmt: skip
    assert validated(Sample, {}).undefined_for(card) == "a mixer has no heads"
    assert validated(Sample, {}).undefined_for(card.model_copy(update={"family": "vit"})) is None
    assert Sample.needs == Needs(pictures=1, dataset=False, network=True)


@pytest.mark.parametrize(
    ("needs", "grid"),
    [
        (Needs(), True),
        (Needs(pictures=2, dataset=True), True),
        (Needs(pictures=0), False),
        (Needs(network=False), False),
        (Needs(pictures=0, dataset=True, network=False), False),
    ],
)
def test_a_method_with_pictures_and_a_network_has_a_place_in_a_grid(needs: Needs, grid: bool) -> None:
    assert needs.grid is grid


def test_the_base_context_has_no_networks_and_stores_nothing() -> None:
    context = Context(seed=3)
    for kept in (context.checkpoint, context.shared("1" * 64)):
        kept.write(b"far")
        assert kept.read() is None
    with pytest.raises(NetworkUnavailable, match=r"local/x#1 cannot be loaded here"):
        context.network("local/x#1")


def test_a_shared_base_is_no_method_but_its_subclasses_are() -> None:
    fields = {"__module__": __name__, "__annotations__": {"shared": ClassVar[bool]}, "shared": True}
    common = type(Method)("Common", (Method,), fields)
    assert type(Method)("Whole", (common,), {"__module__": __name__, **DECLARATION}).name == "test_method"
    with pytest.raises(TypeError, match="Partly must declare title"):
        type(Method)("Partly", (common,), {"__module__": __name__})


class Question(Method):
    shared = True
    leading = True
    what: str = parameter("", "What is asked")
    depth: int = parameter(1, "How deep", unit="", ge=0, le=9)


class Optimizer(Method):
    shared = True
    steps: int = parameter(5, "How many steps", unit="steps", ge=1, le=9)
    rate: float = parameter(0.5, "How large a step is", unit="", gt=0, le=1)


class Draft(Optimizer):
    shared = True
    frames: int = parameter(2, "How many frames", unit="frames", ge=1, le=9)


@pytest.mark.parametrize(
    ("bases", "own", "order"),
    [
        ((Method,), ("b", "a"), ["b", "a"]),
        ((Optimizer,), ("own",), ["own", "steps", "rate"]),
        ((Draft,), ("own",), ["own", "frames", "steps", "rate"]),
        ((Optimizer, Question), ("own",), ["what", "depth", "own", "steps", "rate"]),
        ((Question, Draft), (), ["what", "depth", "frames", "steps", "rate"]),
        ((Question, Draft), ("own", "rate", "depth"), ["what", "own", "rate", "depth", "frames", "steps"]),
    ],
    ids=str,
)
def test_fields_are_those_of_leading_bases_then_its_own_then_those_of_other_bases(
    bases: tuple[type[Method], ...], own: tuple[str, ...], order: list[str]
) -> None:
    fields = {name: parameter(name, "What it does") for name in own}
    cls = type(Method)(
        "Ordered", bases, {"__module__": __name__, "__annotations__": dict.fromkeys(own, str), **DECLARATION, **fields}
    )
    assert list(cls.model_fields) == list(cls().model_dump()) == order
    assert list(cls.model_json_schema()["properties"]) == order
    assert all(getattr(cls(), name) == name for name in own)


def test_a_subclass_of_a_method_with_the_fields_in_order_keeps_their_values() -> None:
    cls = type(Method)("Kept", (Question, Optimizer), {"__module__": __name__, **DECLARATION})
    assert validated(cls, {"steps": 3, "what": "x"}).model_dump() == {"what": "x", "depth": 1, "steps": 3, "rate": 0.5}
    with pytest.raises(BadParameter, match="steps must be a whole number from 1 to 9 steps, got 10"):
        validated(cls, {"steps": 10})


def test_items_of_a_result_have_the_declared_order_and_captions() -> None:
    outputs = (
        Output("a", "scalar", "First"),
        Output("b", "scalar", "Second", optional=True),
        Output("c", "scalar", "Third"),
    )
    cls = declare(outputs=outputs)
    assert cls.captions() == {"a": "First", "b": "Second", "c": "Third"}
    items = cls.result({"c": Scalar(value=1), "a": Scalar(value=2, caption="Its own")}).items
    assert [(name, item.caption) for name, item in items.items()] == [("a", "Its own"), ("c", "Third")]
    with pytest.raises(KeyError, match="c"):
        cls.result({"a": Scalar(value=2)})
