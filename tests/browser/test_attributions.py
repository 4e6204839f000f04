"""All attribution methods on all bundled networks, in one grid of a real browser."""

from __future__ import annotations

import re

import pytest

from core.methods import METHODS
from core.presets import DEFAULT_NETWORKS
from tests.browser.visit import DONE_MS, TIMEOUT_S

ATTRIBUTIONS = [name for name, method in METHODS.items() if method.family in ("attribution", "fixation")]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]


def test_every_cell_shows_a_map_or_the_reason_for_none(visit):
    cells = len(ATTRIBUTIONS) * len(DEFAULT_NETWORKS)
    others, networks = ",".join(ATTRIBUTIONS[1:]), ",".join(DEFAULT_NETWORKS)
    query = f"?method={ATTRIBUTIONS[0]}&beside={others}&pictures=sample:cat&networks={networks}"
    visit.open(visit.address + query)
    visit.page.get_by_role("button", name=re.compile(r"Run \d+ cells")).click()
    ended = visit.page.locator(".grid .cell:is(.done, .undefined, .failed)")
    ended.nth(cells - 1).wait_for(timeout=DONE_MS)
    assert visit.page.locator(".grid .cell.failed").count() == 0
    reasons = visit.page.locator(".grid .cell.undefined").all_inner_texts()
    assert all(re.fullmatch(r"Not defined here\n.+\.", reason) for reason in reasons)
    pictures = visit.page.locator(".grid .cell.done img").evaluate_all("all => all.map(one => one.src)")
    assert len(pictures) == cells - len(reasons) > cells / 2
    responses = [visit.page.request.get(picture) for picture in pictures]
    assert {(response.status, response.headers["content-type"]) for response in responses} == {(200, "image/png")}
    assert visit.faults() == []
