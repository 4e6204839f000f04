import pytest

from core.errors import BadInput
from workers.cli.arguments import comma_separated, parse_parameter


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        (" , ,", ()),
        ("a", ("a",)),
        ("a,b , c", ("a", "b", "c")),
        ("b,a,b,a", ("b", "a")),
        ("a b,c", ("a b", "c")),
        ('"one, two.png",three.png', ("one, two.png", "three.png")),
        ('a, "b, c" , a', ("a", "b, c")),
        ("it's,5\" screen", ("it's", '5" screen')),
        ("sample:cat,result:ab/x,bundled/cnn", ("sample:cat", "result:ab/x", "bundled/cnn")),
    ],
)
def test_a_list_has_no_empty_parts_and_no_repeats(text: str, parts: tuple[str, ...]) -> None:
    assert comma_separated(text) == parts


def test_a_list_is_on_one_line() -> None:
    with pytest.raises(BadInput, match="a list must be on one line, got 'a"):
        comma_separated("a\nb,c")


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("steps=100", ("steps", "100")),
        ("style=a=b", ("style", "a=b")),
        ("empty=", ("empty", "")),
        ('wanted={"tabby": 1}', ("wanted", {"tabby": 1})),
        ("styles=[1, 2]", ("styles", [1, 2])),
    ],
)
def test_a_parameter_is_name_and_value(text: str, parameter: tuple[str, object]) -> None:
    assert parse_parameter(text) == parameter


@pytest.mark.parametrize(("text", "words"), [("steps", "NAME=VALUE"), ("=1", "NAME=VALUE"), ("a={1", "valid JSON")])
def test_a_bad_parameter_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_parameter(text)
