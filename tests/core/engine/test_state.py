from __future__ import annotations

import pytest
import torch

from core.engine.state import CHECKSUM_BYTES, from_bytes, to_bytes
from core.errors import Damaged

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


def test_what_is_learned_is_kept_without_its_gradient() -> None:
    learned = torch.ones(2, requires_grad=True)
    assert not from_bytes(to_bytes({"w": learned}, {}))[0]["w"].requires_grad


def test_every_damaged_byte_is_found() -> None:
    for place in range(len(CONTENT)):
        damaged = bytearray(CONTENT)
        damaged[place] ^= 1
        with pytest.raises(Damaged, match="checkpoint is damaged"):
            from_bytes(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 8, 100, len(CONTENT) - CHECKSUM_BYTES - 1, len(CONTENT) - 1])
def test_a_file_that_was_cut_short_is_damaged(length: int) -> None:
    with pytest.raises(Damaged):
        from_bytes(CONTENT[:length])
