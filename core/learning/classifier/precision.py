"""Precision and worker processes that suit a device."""

from __future__ import annotations

import os

import torch


def half_precision(device: torch.device) -> bool:
    """Whether the device has native bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001  torch has no public query


def spare_cores(device: torch.device) -> int:
    """Number of data loader processes beside a GPU; 0 on a CPU, where they would compete with the training."""
    return 0 if device.type == "cpu" else min(8, (os.cpu_count() or 1) - 1)
