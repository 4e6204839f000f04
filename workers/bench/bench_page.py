"""The first page in a real browser: seconds from the server's first response to the complete page."""

from __future__ import annotations

import shutil
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import ComputationFailed
from workers.bench.row import Row, at_most
from workers.bench.sandbox import Sandbox, sandbox
from workers.services.local import responds

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET_S = 3.0
TIMEOUT_MS = 60_000
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
COMPLETE = """() => {
    const shadows = [...document.querySelectorAll('*')].filter((element) => element.shadowRoot)
    const pictures = [document, ...shadows.map((element) => element.shadowRoot)]
        .flatMap((root) => [...root.querySelectorAll('.pictures img')])
    return pictures.length > 0 && pictures.every((picture) => picture.naturalWidth > 0)
        && document.querySelector('.stNumberInput') && !document.querySelector('[data-testid=stSkeleton]')
}"""
"""All sample pictures are loaded, the form is rendered, and no placeholder is left."""
SERVER = """\
import os, sys
os.dup2(2, 1)  # Streamlit's messages are no row
from streamlit.web.cli import main
sys.argv = ["streamlit", "run", "dashboard/app.py", "--server.headless", "true", "--server.port", {port!r}]
main()
"""


def run(*, quick: bool = False) -> Row:
    """The median over fresh servers. Raises ComputationFailed without a browser."""
    with chromium() as browser:
        seconds = [_fresh_start(browser) for _ in range(1 if quick else 3)]
    median_s = statistics.median(seconds)
    detail = f"complete {median_s:.2f} s after the server responds, target {TARGET_S:g} s; {len(seconds)} starts"
    return at_most("page", median_s / TARGET_S, 1.0, detail)


@contextmanager
def chromium() -> Iterator[Browser]:
    """This machine's Chromium, headless. Raises ComputationFailed if it or playwright is missing."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  an extra of the tests
    except ImportError:
        raise ComputationFailed("the benchmark `page` needs playwright: install the extra `test`") from None
    program = shutil.which("chromium")
    if program is None:
        raise ComputationFailed("the benchmark `page` needs chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET.split())
        try:
            yield browser
        finally:
            browser.close()


def first_page_s(browser: Browser, address: str) -> float:
    """Seconds from the request to the complete first page, in a fresh browser context."""
    context = browser.new_context()
    page = context.new_page()
    started_s = time.perf_counter()
    page.goto(address)
    page.wait_for_function(COMPLETE, timeout=TIMEOUT_MS)
    seconds = time.perf_counter() - started_s
    context.close()
    return seconds


def _fresh_start(browser: Browser) -> float:
    with sandbox() as here:
        address = _serve(here)
        here.wait(lambda: responds(address), "the dashboard's response", timeout_s=60.0)
        return first_page_s(browser, f"{address}/")


def _serve(here: Sandbox) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here.start("-c", SERVER.format(port=str(port)))
    return f"http://127.0.0.1:{port}"
