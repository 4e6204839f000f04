"""A page of the dashboard, opened as its address would open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

import dashboard

ENTRY = Path(dashboard.__file__).with_name("navigation.py")
PATIENCE_S = 60.0
"""How long a page may take beside other work before a test gives it up."""


def opened(name: str, **query: str) -> AppTest:
    """The page `app_pages/NAME.py`, run once."""
    page = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE_S).run()
    page.switch_page(f"app_pages/{name}.py")
    for field, value in query.items():
        page.query_params[field] = value
    page.run()
    assert not page.exception
    return page


def shown(page: AppTest, query: dict[str, str]) -> AppTest:
    """The first page at this address."""
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def run_button(page: AppTest) -> Any:
    """Run, with how many cells there would be."""
    return next(button for button in page.button if button.label.startswith("Run"))


def texts(page: AppTest) -> str:
    """All that the page says, without the backslashes that keep markup away."""
    elements = (
        *page.markdown,
        *page.caption,
        *page.error,
        *page.warning,
        *page.success,
        *page.info,
        *page.title,
        *page.text,
    )
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def press(page: AppTest, label: str) -> AppTest:
    """Click the first button of this label, and let the page run."""
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception
    return page
