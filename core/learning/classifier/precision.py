"""What a device computes fast."""

from __future__ import annotations

import os

import torch


def half_precision(device: torch.device) -> bool:
    """Whether bfloat16 is computed there, and not just imitated."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001  torch has no public question


def spare_cores(device: torch.device) -> int:
    """Processes that prepare pictures beside a GPU; on a CPU they would only take turns with the computing."""
    return 0 if device.type == "cpu" else min(8, (os.cpu_count() or 1) - 1)
