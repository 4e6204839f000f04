"""Before and after a training: the network that is to learn, and what the one that has learned is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import timm
import torch
from numpy.typing import NDArray
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from core.engine.seeding import seeded
from core.errors import BadParameter
from core.networks import architectures  # noqa: F401  registers our own with timm
from core.networks.folders import arguments_of
from core.networks.network import Network

MOST_CONFUSIONS = 12
_REFUSALS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What timm and torch raise on arguments and sizes that do not go together."""


@dataclass(frozen=True)
class Learner:
    """A network that is to learn: timm's model, how it was built, and what it expects of a picture."""

    model: nn.Module
    architecture: str
    arguments: Mapping[str, Any]
    input_px: int
    mean: tuple[float, float, float] = IMAGENET_DEFAULT_MEAN
    std: tuple[float, float, float] = IMAGENET_DEFAULT_STD
    frozen: bool = False
    """Only the classifier learns."""

    def configuration(self, class_names: Sequence[str]) -> dict[str, Any]:
        """timm's `config.json` for its weights."""
        return {
            "architecture": self.architecture,
            "num_classes": len(class_names),
            "label_names": list(class_names),
            "model_args": dict(self.arguments),
            "pretrained_cfg": {
                "input_size": [3, self.input_px, self.input_px],
                "mean": list(self.mean),
                "std": list(self.std),
                "crop_pct": 1.0,
                "interpolation": "bicubic",
            },
        }


def random_learner(architecture: str, arguments: Mapping[str, Any], classes: int, input_px: int, seed: int) -> Learner:
    """timm's network with random weights, the same for a seed. BadParameter where it cannot be built, or not run."""
    try:
        with seeded(seed):
            model = timm.create_model(architecture, num_classes=classes, **arguments)
    except _REFUSALS as error:
        raise BadParameter(f"{architecture} cannot be built with these arguments: {_one_line(error)}") from None
    return _tried(Learner(model, architecture, arguments, input_px), classes)


def trained_learner(start: Network, classes: int, input_px: int, seed: int, *, frozen: bool) -> Learner:
    """A copy of a trained network with a new classifier; `frozen`: nothing else of it learns."""
    model: Any = deepcopy(start.model).cpu().requires_grad_(requires_grad=not frozen)
    card, arguments = start.card, arguments_of(start.card.name)
    try:
        with seeded(seed):
            model.reset_classifier(classes)
            model.get_classifier().requires_grad_(requires_grad=True)
    except _REFUSALS as error:
        raise BadParameter(f"the classifier of {card.name} cannot be learned anew: {_one_line(error)}") from None
    return _tried(Learner(model, card.architecture, arguments, input_px, card.mean, card.std, frozen), classes)


def _tried(learner: Learner, classes: int) -> Learner:
    """The same, if it gives `classes` logits for a picture of its size."""
    try:
        with torch.no_grad():
            shape = tuple(learner.model.eval()(torch.zeros(1, 3, learner.input_px, learner.input_px)).shape)
    except _REFUSALS as error:
        raise BadParameter(
            f"{learner.architecture} does not run at {learner.input_px} px: {_one_line(error)}"
        ) from None
    if shape != (1, classes):
        raise BadParameter(f"{learner.architecture} must give {classes} logits, it gives {list(shape[1:])}")
    return learner


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def copied(model: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now, whatever becomes of the model."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def halved(model: nn.Module) -> dict[str, Tensor]:
    """The weights in half precision; whole numbers, and values that half precision cannot hold, as they are."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        half = tensor.half() if tensor.is_floating_point() else tensor
        tensors[name] = half if torch.isfinite(half).all() else tensor
    return tensors


def arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as NumPy has them."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def confusions(named: Tensor, labels: Tensor, class_names: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """(class, taken for, times, pictures of the class), the most frequent first."""
    pairs = zip(labels.tolist(), named.tolist(), strict=True)
    wrong = Counter((label, guess) for label, guess in pairs if label != guess)
    there = torch.bincount(labels, minlength=len(class_names)).tolist()
    worst = sorted(wrong.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_CONFUSIONS]
    return [(class_names[label], class_names[guess], times, there[label]) for (label, guess), times in worst]
