from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.store.store import Store
from dashboard.session import get_queue, get_store, plain


def test_a_process_has_one_store_and_one_queue(store: Store) -> None:
    assert get_store() is store
    assert get_queue() is get_queue()


@pytest.mark.parametrize("text", ["**bold** _it_", "<b>x</b>", "[a](javascript:1)", "`code` $x$ :red[x]", "# no title"])
def test_text_of_a_user_is_shown_letter_by_letter(text: str) -> None:
    shown = plain(text)
    assert "".join(letter for letter in shown if letter != "\\") == text
    for letter in "*_<[`$:#":
        assert shown.count(letter) == shown.count(f"\\{letter}")


ERROR = """
from core.errors import BadInput
from dashboard.session import show_error

show_error(BadInput("a name must be **short**,\\n got <b>"))
"""


def test_an_error_is_one_sentence_on_one_line() -> None:
    shown = AppTest.from_string(ERROR).run().error[0].value
    assert shown == "A" + plain("a name must be **short**, got <b>")[1:]
