"""A network as methods use it: pictures in [0, 1] -> logits, with frozen weights."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import cast

import torch
from PIL import Image as PillowImage
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn

from core.errors import BadParameter
from core.media.picture import Picture
from core.networks.card import NetworkCard

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
STAGE_PARTS = ("blocks", "layers", "cells")
"""timm's names for the blocks of a stage."""
PASS_THROUGH = (nn.Identity, nn.Dropout, nn.Flatten)
"""Modules that are not listed as layers."""
MAX_SIMPLE_PARTS = 4
"""A sequence of at most so many simple modules (a stem's convolution and norm) is one layer."""


class Network(nn.Module):
    """timm's `model` with its normalization as part of the graph.

    All methods use pictures in [0, 1] at `card.input_px`, so that distances and step sizes are comparable between
    networks with different means and standard deviations. `weights_sha256`: SHA-256 of the weight file (for random
    weights of the tensors).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, card: NetworkCard, model: nn.Module, weights_sha256: str) -> None:
        super().__init__()
        self.card = card
        self.model = model
        self.weights_sha256 = weights_sha256
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)
        for module in self.modules():
            if getattr(module, "inplace", False):
                setattr(module, "inplace", False)  # noqa: B010 - an attribute that nn.Module does not declare

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K) of pictures `x` (N, 3, H, W) in [0, 1] at the network's input size."""
        return cast(Tensor, self.model((x - self.mean) / self.std))

    def features(self, x: Tensor) -> Tensor:
        """Features before the head, of pictures `x` as in `forward`, without the scales of a concentrator."""
        before_head = getattr(self.model, "forward_features", self.model)
        return cast(Tensor, before_head((x - self.mean) / self.std))

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.mean.device

    @cached_property
    def memory_bytes(self) -> int:
        """Memory of weights and buffers in bytes."""
        return sum(tensor.numel() * tensor.element_size() for tensor in (*self.parameters(), *self.buffers()))

    def prepare(self, picture: Picture, times: float = 1.0) -> Tensor:
        """`picture` as (3, H, W) float32 in [0, 1] on `device`, resized and cropped as timm does for evaluation.

        `times`: size relative to the network's input size.
        """
        card = self.card
        transform = create_transform(
            (round(card.input_px[0] * times), round(card.input_px[1] * times)),
            interpolation=card.interpolation,
            crop_pct=card.crop_share,
            crop_mode=card.crop_mode,
            mean=card.mean,  # the color of a border
            normalize=False,
        )
        pixels: Tensor = transform(PillowImage.fromarray(picture.pixels))
        return pixels.to(self.device).float() / 255

    def prepare_all(self, pictures: Sequence[Picture]) -> Tensor:
        """All pictures as (N, 3, H, W), each as by `prepare`."""
        return torch.stack([self.prepare(picture) for picture in pictures])

    def class_index(self, name: str) -> int:
        """Index of the logit of a class, given by its name or number. Raises BadParameter."""
        if name in self._class_indices:
            return self._class_indices[name]
        count = len(self.card.class_names)
        if name.isdecimal() and len(name) <= len(str(count)) and int(name) < count:
            return int(name)
        close = difflib.get_close_matches(name[:80], self.card.class_names, n=3)
        hint = f"; similar names are {', '.join(close)}" if close else ""
        raise BadParameter(
            f"a class of {self.card.name} must be a name or a number from 0 to {count - 1}, got {name[:80]!r}{hint}"
        )

    @cached_property
    def _class_indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.card.class_names)}

    def layers(self) -> list[str]:
        """Names of stem, blocks and head, by depth; each is a path in `model.named_modules()`."""
        return layer_names(self.model)

    def layer(self, name: str) -> nn.Module:
        """The module of this name, any of `model.named_modules()`. Raises BadParameter."""
        modules: dict[str, nn.Module] = dict(self.model.named_modules())
        if not name or name not in modules:
            raise BadParameter(
                f"a layer of {self.card.name} must be one of {', '.join(self.layers())}, got {name[:80]!r}"
            )
        return modules[name]


def layer_names(model: nn.Module) -> list[str]:
    """Names of a model's layers, see `Network.layers`."""
    return [name for name, module in _layers("", model) if not isinstance(module, PASS_THROUGH)]


def _layers(path: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, module) of the layers within `module`, in order."""
    for name, child in module.named_children():
        child_path = f"{path}.{name}" if path else name
        if _holds_layers(child):
            yield from _layers(child_path, child)
        else:
            yield child_path, child


def _holds_layers(module: nn.Module) -> bool:
    """Whether `module` is a stage or a list of blocks, rather than a layer."""
    if type(module) in {nn.ModuleList, nn.ModuleDict}:  # these have no forward pass
        return True
    if isinstance(module, CONTAINERS):
        parts = list(module.children())
        return len(parts) > MAX_SIMPLE_PARTS or any(any(True for _ in part.children()) for part in parts)
    return any(isinstance(getattr(module, part, None), CONTAINERS) for part in STAGE_PARTS)
