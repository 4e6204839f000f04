"""Where a training stands, as one file: tensors and numbers, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from core.errors import Damaged

Numbers = dict[str, Any]
"""JSON."""
CHECKSUM_BYTES = 32


def to_bytes(tensors: Mapping[str, Tensor], numbers: Numbers) -> bytes:
    """Both as safetensors, `numbers` in its metadata, and their SHA-256 behind."""
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save(owned, {"numbers": json.dumps(numbers)})
    return content + hashlib.sha256(content).digest()


def from_bytes(content: bytes) -> tuple[dict[str, Tensor], Numbers]:
    """What `to_bytes` was given. Raises Damaged."""
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest() != checksum:
        body = content  # of before there were checksums; behind a damaged one is too much, which safetensors refuses
    try:
        header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
        return load(body), json.loads(header["__metadata__"]["numbers"])
    except Exception as error:  # noqa: BLE001  safetensors raises what it likes on damaged files
        raise Damaged(f"a training's checkpoint is damaged: {type(error).__name__}") from None
