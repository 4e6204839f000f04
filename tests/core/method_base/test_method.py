from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import BadParameter, NetworkUnavailable, UnknownMethod
from core.items import Scalar
from core.method_base.method import (
    Context,
    Method,
    Needs,
    Output,
    allowed,
    field_bounds,
    named_pictures,
    parameter,
    picture_fields,
    validated,
)
from core.methods import discover, make_method
from core.networks.card import NetworkCard

DECLARATION: dict[str, Any] = {
    "title": "A title",
    "summary": "What is shown? It is computed.",
    "source": "A paper",
    "family": "inspection",
    "version": 1,
    "outputs": (Output("map", "map", "Caption"),),
}
FILE = """
from core.method_base.method import Method, Output, parameter

class {name}(Method):
    title = "{title}"
    summary = "What is shown? It is computed."
    source = "A paper"
    family = "inspection"
    version = 1
    outputs = (Output("map", "map", "Caption"),)
    steps: int = parameter(5, "Steps of the search", unit="steps", ge=1, le=9)
"""


class Sample(Method):
    title = "Sample"
    summary = "What is there? One parameter of each kind."
    source = "none"
    family = "inspection"
    version = 1
    outputs = (Output("map", "map", "Caption"),)
    undefined: ClassVar = {"mixer": "a mixer has no heads"}

    steps: int = parameter(5, "How many steps", unit="steps", ge=1, le=2_000_000_000)
    rate: float = parameter(0.5, "How large a step is", unit="", gt=0, le=1)
    share: float = parameter(0.0, "How much is left out", unit="", ge=0, lt=1)
    side: int | None = parameter(None, "Side of a patch", unit="px", ge=4, le=128)
    loss: Literal["mse", "mae"] = parameter("mse", "What is minimized")
    clamp: bool = parameter(True, "Whether values stay in range")
    layer: str = parameter("", "Which layer")
    classes: dict[str, float] = parameter({}, "Classes with weights")
    sizes: dict[str, int | list[int]] = parameter({}, "What it is built with")


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
            "test_method has no parameter 'color'; it has steps, rate, share, side, loss, clamp, layer, classes, sizes",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_one_sentence(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(BadParameter) as refusal:
        validated(Sample, {name: value})
    assert str(refusal.value) == sentence.replace("test_method", Sample.name)


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


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match=r"there is no method 'os\.system'; there are: "):
        make_method("os.system", {})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package of methods."""
    folder = tmp_path / "some_methods"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def discovered(package: Path) -> dict[str, type[Method]]:
    return discover(package.name, [str(package)])


def test_a_file_is_a_method_with_its_name(package: Path) -> None:
    (package / "second.py").write_text(FILE.format(name="Second", title="Two"))
    (package / "first.py").write_text(FILE.format(name="First", title="One"))
    methods = discovered(package)
    assert {name: method.name for name, method in methods.items()} == {"first": "first", "second": "second"}
    assert list(methods) == ["first", "second"]
    assert validated(methods["first"], {"steps": 3}).model_dump() == {"steps": 3}


def test_a_broken_file_raises_and_is_never_skipped(package: Path) -> None:
    (package / "fine.py").write_text(FILE.format(name="Fine", title="Fine"))
    (package / "broken.py").write_text("import no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        discovered(package)


def test_a_file_with_two_methods_or_none_is_refused(package: Path) -> None:
    (package / "empty.py").write_text("from core.method_base.method import Method")
    with pytest.raises(TypeError, match=r"some_methods\.empty must hold one Method, it holds 0"):
        discovered(package)
    (package / "empty.py").unlink()
    (package / "double.py").write_text(FILE.format(name="One", title="One") + FILE.format(name="Two", title="Two"))
    with pytest.raises(TypeError, match=r"some_methods\.double must hold one Method, it holds 2"):
        discovered(package)


def test_two_methods_of_one_title_are_refused(package: Path) -> None:
    for name in ("first", "second"):
        (package / f"{name}.py").write_text(FILE.format(name="Any", title="The same"))
    with pytest.raises(TypeError, match=r"some_methods\.second and first have the same title"):
        discovered(package)


def test_a_parameter_without_effect_gets_its_default() -> None:
    plain = make_method("detail_search", {"range": "clamp"})
    assert make_method("detail_search", {"range": "clamp", "rescale_every": 3}) == plain
    assert make_method("detail_search", {"wanted": "tabby", "range": "clamp"}) == plain
    rescaled = {"range": "rescale", "rescale_every": 3}
    assert make_method("detail_search", rescaled) != make_method("detail_search", {"range": "rescale"})


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
