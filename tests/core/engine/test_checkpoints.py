from __future__ import annotations

import pytest
import torch

from core.engine.checkpoints import (
    CHECKSUM_BYTES,
    fits,
    from_bytes,
    load_optimizer_state,
    optimizer_state,
    prefixed,
    resume,
    to_bytes,
    with_prefix,
)
from core.errors import Damaged
from tests.support.contexts import MemoryCheckpoint

TENSORS = {
    "a": torch.arange(24.0).reshape(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
    "half": torch.tensor([1.5, float("inf")], dtype=torch.float16),
    "brain": torch.tensor([[1e38]], dtype=torch.bfloat16),
    "count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "none": torch.empty(0, 3),
}
NUMBERS = {"epoch": 3, "seconds": 0.1 + 0.2, "losses": [1e-300, 1 / 3], "name": "größer"}
CONTENT = to_bytes(TENSORS, NUMBERS)


def test_tensors_and_numbers_come_back_bit_for_bit() -> None:
    tensors, numbers = from_bytes(CONTENT)
    assert numbers == NUMBERS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_parameters_are_stored_without_gradients() -> None:
    learned = torch.ones(2, requires_grad=True)
    assert not from_bytes(to_bytes({"w": learned}, {}))[0]["w"].requires_grad


def test_every_damaged_byte_is_detected() -> None:
    for place in range(len(CONTENT)):
        damaged = bytearray(CONTENT)
        damaged[place] ^= 1
        with pytest.raises(Damaged, match="checkpoint is damaged"):
            from_bytes(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 8, 100, len(CONTENT) - CHECKSUM_BYTES - 1, len(CONTENT) - 1])
def test_a_file_that_was_cut_short_is_damaged(length: int) -> None:
    with pytest.raises(Damaged):
        from_bytes(CONTENT[:length])


def trained(steps: int, seed: int = 0) -> tuple[torch.nn.Linear, torch.optim.Adam]:
    """A model after so many steps of Adam."""
    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.randn(2, 3, generator=generator))
        model.bias.zero_()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


def step(model: torch.nn.Linear, optimizer: torch.optim.Adam) -> None:
    optimizer.zero_grad()
    model(torch.ones(4, 3)).square().mean().backward()
    optimizer.step()


def test_an_optimizer_continues_with_its_moments() -> None:
    model, optimizer = trained(3)
    content = to_bytes({**prefixed("model", model.state_dict()), **prefixed("adam", optimizer_state(optimizer))}, {})
    step(model, optimizer)

    other, fresh = trained(1, seed=1)
    tensors, _ = from_bytes(content)
    other.load_state_dict(with_prefix("model", tensors))
    load_optimizer_state(fresh, with_prefix("adam", tensors))
    step(other, fresh)
    assert torch.equal(other.weight, model.weight)


def test_tensors_fit_a_model_by_names_and_shapes() -> None:
    model = torch.nn.Linear(3, 2)
    own = dict(model.state_dict())
    assert fits(own, model)
    assert not fits({"weight": own["weight"]}, model)
    assert not fits(own | {"bias": torch.zeros(3)}, model)


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_a_missing_or_damaged_checkpoint_is_ignored(content: bytes | None) -> None:
    restored: list[bytes] = []

    def restore(content: bytes) -> None:
        from_bytes(content)
        restored.append(content)

    resume(MemoryCheckpoint(content), restore)
    assert not restored
    resume(MemoryCheckpoint(to_bytes({}, {"step": 3})), restore)
    assert from_bytes(restored[0]) == ({}, {"step": 3})
