"""Where a long computation stands, as one file: tensors and numbers, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

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


def named(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under names that begin with `part` and a dot, so that several parts go into one file."""
    return {f"{part}.{name}": tensor for name, tensor in tensors.items()}


def below(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin with `part` and a dot, by the rest of the name."""
    start = f"{part}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def fits(tensors: Mapping[str, Tensor], model: nn.Module) -> bool:
    """Whether these are the model's, by names and shapes: loading others would change it before it fails."""
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return {name: tensor.shape for name, tensor in tensors.items()} == own


def moments(optimizer: Optimizer) -> dict[str, Tensor]:
    """What an optimizer has gathered on its way, `number.name` -> tensor."""
    gathered = optimizer.state_dict()["state"]
    return {f"{number}.{name}": tensor for number, part in gathered.items() for name, tensor in part.items()}


def restore_moments(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Go on with what `moments` gave."""
    gathered: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, inner = name.partition(".")
        gathered.setdefault(int(number), {})[inner] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": gathered})
