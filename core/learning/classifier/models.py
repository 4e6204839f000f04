"""Models before and after a training: the network to train, its weights, and its confusions."""

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

MAX_CONFUSIONS = 12
_BUILD_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""Errors of timm and torch on incompatible arguments and sizes."""


@dataclass(frozen=True)
class Learner:
    """A network to train: timm's model, its arguments, and its input format."""

    model: nn.Module
    architecture: str
    arguments: Mapping[str, Any]
    input_px: int
    mean: tuple[float, float, float] = IMAGENET_DEFAULT_MEAN
    std: tuple[float, float, float] = IMAGENET_DEFAULT_STD
    frozen: bool = False
    """Whether only the classifier is trained."""

    def configuration(self, class_names: Sequence[str]) -> dict[str, Any]:
        """Content of timm's `config.json` for the weights."""
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
    """A timm network with random weights that depend on the seed.

    Raises BadParameter where it cannot be built or does not run.
    """
    try:
        with seeded(seed):
            model = timm.create_model(architecture, num_classes=classes, **arguments)
    except _BUILD_ERRORS as error:
        raise BadParameter(f"{architecture} cannot be built with these arguments: {_one_line(error)}") from None
    return _checked(Learner(model, architecture, arguments, input_px), classes)


def trained_learner(start: Network, classes: int, input_px: int, seed: int, *, frozen: bool) -> Learner:
    """A copy of a trained network with a new classifier; `frozen`: train the classifier alone. Raises BadParameter."""
    model: Any = deepcopy(start.model).cpu().requires_grad_(requires_grad=not frozen)
    card, arguments = start.card, arguments_of(start.card.name)
    try:
        with seeded(seed):
            model.reset_classifier(classes)
            model.get_classifier().requires_grad_(requires_grad=True)
    except _BUILD_ERRORS as error:
        raise BadParameter(f"the classifier of {card.name} cannot be replaced: {_one_line(error)}") from None
    return _checked(Learner(model, card.architecture, arguments, input_px, card.mean, card.std, frozen), classes)


def _checked(learner: Learner, classes: int) -> Learner:
    """The learner, after a check that it gives `classes` logits for a picture of its size. Raises BadParameter."""
    try:
        with torch.no_grad():
            shape = tuple(learner.model.eval()(torch.zeros(1, 3, learner.input_px, learner.input_px)).shape)
    except _BUILD_ERRORS as error:
        raise BadParameter(
            f"{learner.architecture} does not run at {learner.input_px} px: {_one_line(error)}"
        ) from None
    if shape != (1, classes):
        raise BadParameter(f"{learner.architecture} must give {classes} logits, got shape {list(shape[1:])}")
    return learner


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def copied(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's current weights."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def halved(model: nn.Module) -> dict[str, Tensor]:
    """The weights in half precision; integers, and tensors beyond its range, unchanged."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        half = tensor.half() if tensor.is_floating_point() else tensor
        tensors[name] = half if torch.isfinite(half).all() else tensor
    return tensors


def arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as NumPy arrays."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def confusions(predicted: Tensor, labels: Tensor, class_names: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """(class, predicted class, count, pictures of the class), the most frequent confusions first."""
    pairs = zip(labels.tolist(), predicted.tolist(), strict=True)
    wrong = Counter((label, prediction) for label, prediction in pairs if label != prediction)
    class_sizes = torch.bincount(labels, minlength=len(class_names)).tolist()
    worst = sorted(wrong.items(), key=lambda entry: (-entry[1], entry[0]))[:MAX_CONFUSIONS]
    return [
        (class_names[label], class_names[prediction], count, class_sizes[label]) for (label, prediction), count in worst
    ]
