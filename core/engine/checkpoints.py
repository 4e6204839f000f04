"""The state of a long computation as one file of tensors and numbers, without pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from core.errors import Damaged

Numbers = dict[str, Any]
"""Name -> value; JSON."""
CHECKSUM_BYTES = 32


class Checkpoint(Protocol):
    """`core.method_base.method.Checkpoint`."""

    def read(self) -> bytes | None: ...

    def write(self, content: bytes) -> None: ...


def resume(checkpoint: Checkpoint, restore: Callable[[bytes], None]) -> None:
    """Call `restore` with the checkpoint's content, if any; a damaged one is ignored, so that the work starts over."""
    if (content := checkpoint.read()) is not None:
        with suppress(Damaged):
            restore(content)


def to_bytes(tensors: Mapping[str, Tensor], numbers: Numbers) -> bytes:
    """Both as safetensors with `numbers` in the metadata, followed by their SHA-256."""
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save(owned, {"numbers": json.dumps(numbers)})
    return content + hashlib.sha256(content).digest()


def from_bytes(content: bytes) -> tuple[dict[str, Tensor], Numbers]:
    """The tensors and numbers that were given to `to_bytes`. Raises Damaged where the checksum differs."""
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest() != checksum:
        raise Damaged("the checkpoint is damaged: its checksum has changed since it was written")
    header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    return load(body), json.loads(header["__metadata__"]["numbers"])


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with `prefix` and a dot before each name, so that several parts fit into one file."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix` and a dot, by the rest of the name."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def fits(tensors: Mapping[str, Tensor], model: nn.Module) -> bool:
    """Whether names and shapes are those of the model: loading others would change the model before it fails."""
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return {name: tensor.shape for name, tensor in tensors.items()} == own


def optimizer_state(optimizer: Optimizer) -> dict[str, Tensor]:
    """State of an optimizer, such as Adam's moments: `number.name` -> tensor, by the number of the parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": tensor for number, part in state.items() for name, tensor in part.items()}


def load_optimizer_state(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load what `optimizer_state` gave into an optimizer of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, inner = name.partition(".")
        state.setdefault(int(number), {})[inner] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
