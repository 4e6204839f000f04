"""A network whose logits depend on one known patch of the picture alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.networks.card import NetworkCard
from core.networks.network import Network

PIXELS = 24
CLASSES = ("cat", "dog")
WHITE_LOGIT = 40.0
"""Logit of the first class where the patch is white; that of the second is half of it, constant."""


class Looks(nn.Module):
    """Predicts the first class where the patch (rows, columns) is bright, the second where it is dark."""

    def __init__(self, rows: slice, columns: slice) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.fc = nn.Linear(1, 2)
        self.fc.weight.data = torch.tensor([[WHITE_LOGIT], [0.0]])
        self.fc.bias.data = torch.tensor([0.0, WHITE_LOGIT / 2])

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x[:, :, self.rows, self.columns].mean(dim=(1, 2, 3))[:, None])


def looks_at(rows: slice, columns: slice, pixels: int = PIXELS) -> Network:
    return Network(card("looks", pixels), Looks(rows, columns), "0" * 64)


def card(name: str, pixels: int = PIXELS) -> NetworkCard:
    return NetworkCard(
        name=f"local/{name}",
        identity=f"local/{name}#0",
        family="cnn",
        architecture=name,
        input_px=(pixels, pixels),
        class_names=CLASSES,
        parameters=4,
        license="none",
        source="a test",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        crop_share=1.0,
    )
