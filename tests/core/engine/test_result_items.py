from __future__ import annotations

import numpy as np
import torch

from core.engine.result_items import GAP_PX, predictions_table, tiled, traces
from core.items import Series


def test_a_trace_is_the_pictures_mean_over_the_steps() -> None:
    recorded = {"loss": torch.tensor([[3.0, 9.0], [2.0, 9.0], [1.0, 9.0]]), "other": torch.zeros(3, 2)}
    curves = traces(recorded, {"loss": ("loss", "Falls")})
    assert list(curves) == ["trace_loss"]
    curve = curves["trace_loss"]
    assert isinstance(curve, Series)
    assert (curve.x.tolist(), curve.y.tolist(), curve.caption) == ([0, 1, 2], [6, 5.5, 5], "Falls")


def test_the_table_has_the_top_classes_before_and_after_sorted_by_the_probability_before() -> None:
    before, after = torch.zeros(20), torch.zeros(20)
    before[:5] = torch.tensor([9.0, 8, 7, 6, 5])
    after[10:15] = torch.tensor([5.0, 6, 7, 8, 9])
    table = predictions_table(before, after, [f"class {index}" for index in range(20)], "")
    assert [row[0] for row in table.rows] == [f"class {index}" for index in (0, 1, 2, 3, 4, 10, 11, 12, 13, 14)]
    assert table.rows[0][1] == round(before.softmax(0)[0].item(), 6)
    assert table.rows[-1][2] == round(after.softmax(0)[14].item(), 6)


def test_a_network_of_two_classes_has_two_rows() -> None:
    table = predictions_table(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]), ["cat", "dog"], "")
    assert [row[0] for row in table.rows] == ["dog", "cat"]


def test_pictures_are_laid_side_by_side_with_white_between() -> None:
    pictures = np.stack([np.full((4, 5, 3), number, np.uint8) for number in range(3)])
    sheet = tiled(pictures, 2)
    assert sheet.shape == (4 + GAP_PX + 4, 5 + GAP_PX + 5, 3)
    assert (sheet[:4, :5] == 0).all()
    assert (sheet[:4, -5:] == 1).all()
    assert (sheet[-4:, :5] == 2).all()
    assert (sheet[-4:, -5:] == 255).all()
    assert np.array_equal(tiled(pictures[:1], 9), pictures[0])


def test_animations_are_laid_side_by_side_frame_by_frame() -> None:
    animations = np.random.default_rng(0).integers(0, 255, (2, 6, 4, 5, 3), np.uint8)  # two pictures of six frames
    sheet = tiled(animations, 2)
    assert sheet.shape == (6, 4, 5 + GAP_PX + 5, 3)
    assert np.array_equal(sheet[3, :, :5], animations[0, 3])
