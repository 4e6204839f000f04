from __future__ import annotations

import torch

from core.engine.optimization.parameterizations import pixel_parameterization
from core.engine.ranges import clamp, rescale


def test_a_sheet_is_a_leaf_of_its_own() -> None:
    start = torch.rand(1, 3, 4, 4)
    sheet = pixel_parameterization(start, clamp)
    assert sheet.picture().requires_grad
    assert sheet.picture().is_leaf
    sheet.pixels.data.zero_()
    assert start.any()


def test_a_sheet_is_contiguous_whatever_the_start() -> None:
    start = torch.rand(1, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    assert pixel_parameterization(start, clamp).pixels.is_contiguous()


def test_the_range_is_restored_when_it_is_its_turn_and_at_the_end() -> None:
    for step, last, restored in ((9, False, False), (10, False, True), (11, True, True)):
        sheet = pixel_parameterization(torch.linspace(-1, 3, 48).view(1, 3, 4, 4), rescale, every=10)
        sheet.settle(step, last=last)
        assert (sheet.pixels.min().item() == 0) is restored
