from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, BadPicture
from core.media.file_names import comma_joined, hinting_at_commas, listed_files
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
        ('"one ""two"".png",a', ('one "two".png', "a")),
        ('"one" two.png,a', ('"one" two.png', "a")),
        ('"one', ('"one',)),
        ('"one,two', ('"one', "two")),
        ('"two\nlines",a', ("two\nlines", "a")),
        (",a,", ("a",)),
        ("sample:cat,result:ab/x,bundled/cnn", ("sample:cat", "result:ab/x", "bundled/cnn")),
    ],
)
def test_a_list_has_no_empty_parts_and_no_repeats(text: str, parts: tuple[str, ...]) -> None:
    assert comma_separated(text) == parts


@pytest.mark.parametrize("name", ["a, b.png", '"a".png', "a\nb.png", " a.png ", "👨‍👩‍👧,2.png", "folder, of"])
def test_a_name_of_a_file_is_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert listed_files(name) == [name]
    assert listed_files(str(tmp_path / name)) == [str(tmp_path / name)]


@given(st.lists(st.text(min_size=1).filter(lambda part: bool(part.strip(" "))), unique=True))
def test_a_joined_list_comes_back(parts: list[str]) -> None:
    assert list(comma_separated(comma_joined(parts))) == parts


@pytest.mark.parametrize("text", ["a,b", "x" * 5000, "a\x00b", "~nobody-of-this-name"])
def test_a_list_that_is_no_file_is_a_list(text: str) -> None:
    assert listed_files(text) == text.split(",")
    assert listed_files(text, lambda name: name == text) == ([text] if "," in text else text.split(","))


def test_an_error_about_a_name_says_how_one_with_a_comma_is_given() -> None:
    for text, sentence in (
        ("a,b", "there is no x; a name with a comma must be in double quotes"),
        ("a", "there is no x"),
    ):
        with pytest.raises(BadPicture) as caught, hinting_at_commas(text):
            raise BadPicture("there is no x")
        assert str(caught.value) == sentence


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
