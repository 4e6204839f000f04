"""A real Chromium, and `gazegrid up` for the tests of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from core.errors import ComputationFailed
from tests.browser.visit import Visit, visiting
from tests.support.running import Up, an_up
from workers.bench.bench_page import chromium


@pytest.fixture(scope="module")
def browser():
    try:
        with chromium() as made:
            yield made
    except ComputationFailed as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def up(browser, tmp_path_factory) -> Iterator[Up]:  # noqa: ARG001  no browser, no server
    with an_up(tmp_path_factory.mktemp("story")) as made:
        made.start()
        yield made
        assert made.stop() == 0


@pytest.fixture
def visit(browser, up) -> Iterator[Visit]:
    with visiting(browser, up.address) as made:
        yield made
