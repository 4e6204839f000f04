"""Small networks and short recipes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.datasets.dataset import Dataset
from core.learning.classifier.models import Learner, random_learner
from core.learning.classifier.targets import MixRecipe
from core.learning.classifier.teacher import TeacherPredictions
from core.learning.classifier.trainer import Recipe, Trainer
from core.learning.classifier.views import Examples, ViewRecipe

SIDE = 16
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("test_resnet", {"output_stride": 8, "drop_rate": 0.2, "drop_path_rate": 0.1}),
    "vit": ("test_vit", {"img_size": SIDE, "patch_size": 4, "drop_rate": 0.1}),
    "mixer": ("open_mixer", {"img_size": SIDE, "patch_size": 4, "embed_dim": 16, "num_blocks": 2, "drop_rate": 0.1}),
    "concentrator": ("concentrator", {"layers": [1] * 4, "channels": [8, 16, 16, 24], "output_stride": 8}),
}
"""Family -> timm's name and arguments, with everything that is random in training."""
VIEWS = ViewRecipe(SIDE, SIDE, min_crop=0.5, flip=True, magnitude=3)
RECIPE: dict[str, Any] = {
    "views": VIEWS,
    "mix": MixRecipe(0.5, 0.2, 1.0),
    "epochs": 2,
    "batch": 4,
    "learning_rate": 0.01,
    "warmup_epochs": 0.5,
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "ema_decay": 0.9,
    "distillation_weight": 0.5,
    "distinct_views": 0,
    "seed": 0,
}


def learner(family: str, classes: int = 3, seed: int = 0) -> Learner:
    """A small network of this family with random weights."""
    return random_learner(*ARCHITECTURES[family], classes, SIDE, seed)


def trainer(
    dataset: Dataset, who: Learner | str = "cnn", teacher: TeacherPredictions | None = None, **changes: Any
) -> Trainer:
    """A trainer of `who`, a learner or a family, on the CPU."""
    network = learner(who, len(dataset.class_names)) if isinstance(who, str) else who
    return Trainer(network, Examples(dataset, SIDE, SIDE), Recipe(**RECIPE | changes), "cpu", teacher)


def trained(trainer: Trainer) -> Trainer:
    """A trainer after all of its epochs."""
    while not trainer.done:
        for _ in trainer.epoch():
            pass
    return trainer


def weights(trainer: Trainer, averaged: bool = False) -> dict[str, Tensor]:
    """A copy of the current weights and buffers."""
    model = trainer.ema.module if averaged else trainer.model
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether both are equal bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
