"""Where a training stands, as one file: tensors and numbers, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from core.errors import Damaged

Numbers = dict[str, Any]
"""JSON."""


def to_bytes(tensors: Mapping[str, Tensor], numbers: Numbers) -> bytes:
    """Both as safetensors; `numbers` in its metadata."""
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(owned, {"numbers": json.dumps(numbers)})


def from_bytes(content: bytes) -> tuple[dict[str, Tensor], Numbers]:
    """What `to_bytes` was given. Raises Damaged."""
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return load(content), json.loads(header["__metadata__"]["numbers"])
    except Exception as error:  # noqa: BLE001  safetensors raises what it likes on damaged files
        raise Damaged(f"a training's checkpoint is damaged: {type(error).__name__}") from None
