from __future__ import annotations

import torch

from core.engine.shown import answers, traces
from core.items import Series


def test_a_trace_is_the_first_pictures_curve_over_the_steps() -> None:
    recorded = {"loss": torch.tensor([[3.0, 9.0], [2.0, 9.0], [1.0, 9.0]]), "other": torch.zeros(3, 2)}
    curves = traces(recorded, {"loss": ("loss", "Falls")})
    assert list(curves) == ["trace_loss"]
    curve = curves["trace_loss"]
    assert isinstance(curve, Series)
    assert (curve.x.tolist(), curve.y.tolist(), curve.caption) == ([0, 1, 2], [3, 2, 1], "Falls")


def test_the_table_has_the_leaders_of_before_and_after_by_probability_before() -> None:
    before, after = torch.zeros(20), torch.zeros(20)
    before[:5] = torch.tensor([9.0, 8, 7, 6, 5])
    after[10:15] = torch.tensor([5.0, 6, 7, 8, 9])
    table = answers(before, after, [f"class {index}" for index in range(20)], "")
    assert [row[0] for row in table.rows] == [f"class {index}" for index in (0, 1, 2, 3, 4, 10, 11, 12, 13, 14)]
    assert table.rows[0][1] == round(before.softmax(0)[0].item(), 6)
    assert table.rows[-1][2] == round(after.softmax(0)[14].item(), 6)


def test_a_network_of_two_classes_has_two_rows() -> None:
    table = answers(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]), ["cat", "dog"], "")
    assert [row[0] for row in table.rows] == ["dog", "cat"]
