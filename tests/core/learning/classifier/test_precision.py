from __future__ import annotations

import os

import pytest
import torch

from core.learning.classifier.precision import half_precision, spare_cores


@pytest.mark.parametrize(("cores", "spare"), [(1, 0), (2, 1), (9, 8), (64, 8), (None, 0)])
def test_pictures_are_prepared_beside_a_gpu_on_the_cores_that_are_free(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, spare: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert spare_cores(torch.device("cuda")) == spare
    assert spare_cores(torch.device("cpu")) == 0


@pytest.mark.parametrize("supported", [True, False])
def test_half_precision_is_taken_where_it_is_computed_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported or including_emulation)
    assert half_precision(torch.device("cpu")) is supported
    assert half_precision(torch.device("cuda")) is supported
    assert half_precision(torch.device("mps")) is False
