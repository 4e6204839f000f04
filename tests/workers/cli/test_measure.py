from __future__ import annotations

import json

import pytest

from core.findings.measured_attributions import MeasuredAttribution, Measurement, from_bytes, to_bytes
from core.measures.attributions import FULLY_RANDOMIZED, NO_CORRELATION
from core.measures.intervals import ONE_PICTURE, Interval
from workers.cli.console import print_json
from workers.cli.measure import _document, _print_measurement

ONE = MeasuredAttribution(
    "random/test_resnet", "Saliency", baseline=False,
    measures={
        "insertion": Interval(0.3, None, None, 1, ONE_PICTURE),
        FULLY_RANDOMIZED: Interval(None, None, None, 0, NO_CORRELATION),
    },
)  # fmt: skip
QUALITY = Measurement({}, (ONE,))


def test_numbers_without_a_meaning_or_an_interval_have_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    _print_measurement(QUALITY, ())
    printed = capsys.readouterr().out
    assert "0.3 (one picture has no spread)" in printed
    assert "- (a constant map has no rank correlation)" in printed
    assert "Saliency on test_resnet: the parameter-randomization sanity check is open." in printed
    assert "fails" not in printed


def test_in_json_they_are_null_beside_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(_document(QUALITY, ()))
    (one,) = json.loads(capsys.readouterr().out)["attributions"]
    assert one["fails_sanity_check"] is None
    assert one["measures"]["insertion"] == {
        "value": 0.3, "low": None, "high": None, "pictures": 1, "reason": "one picture has no spread",
    }  # fmt: skip
    assert one["measures"][FULLY_RANDOMIZED]["value"] is None
    assert from_bytes(to_bytes(QUALITY)) == QUALITY
