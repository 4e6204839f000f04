"""Optimizer steps that all learners share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Adam, Optimizer


def adam(model: nn.Module, learning_rate: float, beta1: float = 0.9) -> Adam:
    """Adam over all parameters of `model`; after a restart it gives the same weights bit for bit."""
    # foreach, not fused: a fused step depends on where tensors lie in memory, which a restart changes
    return Adam(model.parameters(), lr=learning_rate, betas=(beta1, 0.999), foreach=True)


def take_step(optimizer: Optimizer, loss: Tensor, learning_rate: float) -> None:
    """One step along the gradient of the scalar `loss`, at `learning_rate`."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
