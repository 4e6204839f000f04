"""Every method that says where a network looked, on every network that comes along, in one grid of a real browser."""

from __future__ import annotations

import re

import pytest

from core.methods import METHODS
from core.presets import DEFAULT_NETWORKS
from tests.browser.visit import DONE_MS, TIMEOUT_S

LOOKING = [name for name, method in METHODS.items() if method.family in ("attribution", "fixation")]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]


def test_every_cell_of_all_methods_shows_a_map_or_says_why_there_is_none(visit):
    cells = len(LOOKING) * len(DEFAULT_NETWORKS)
    asked = (
        f"?method={LOOKING[0]}&beside={','.join(LOOKING[1:])}&pictures=sample:cat&networks={','.join(DEFAULT_NETWORKS)}"
    )
    visit.open(visit.address + asked)
    visit.page.get_by_role("button", name=re.compile(r"Run \d+ cells")).click()
    ended = visit.page.locator(".grid .cell:is(.done, .undefined, .failed)")
    ended.nth(cells - 1).wait_for(timeout=DONE_MS)
    assert visit.page.locator(".grid .cell.failed").count() == 0
    reasons = visit.page.locator(".grid .cell.undefined").all_inner_texts()
    assert all(re.fullmatch(r"Not defined here\n.+\.", reason) for reason in reasons)
    pictures = visit.page.locator(".grid .cell.done img").evaluate_all("all => all.map(one => one.src)")
    assert len(pictures) == cells - len(reasons) > cells / 2
    answers = [visit.page.request.get(picture) for picture in pictures]
    assert {(answer.status, answer.headers["content-type"]) for answer in answers} == {(200, "image/png")}
    assert visit.faults() == []
