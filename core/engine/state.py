"""Where a long computation stands, as one file: tensors and numbers, no pickle."""

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
        raise Damaged("a checkpoint is damaged: it has another checksum than when it was written")
    header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    return load(body), json.loads(header["__metadata__"]["numbers"])
