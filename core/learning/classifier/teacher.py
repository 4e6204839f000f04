"""A teacher: a trained network whose predictions another network learns beside the labels.

It predicts each view of a picture once, however many networks learn from the predictions.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from core.canonical import digest_of
from core.engine import checkpoints
from core.errors import Damaged
from core.learning.classifier.precision import half_precision
from core.learning.classifier.views import Views
from core.method_base.method import Checkpoint
from core.networks.network import Network

MIN_PICTURES_TO_COMPILE = 20_000
"""Minimal number of pictures for compiling: it takes half a minute, and nearly doubles the speed on a CPU."""

Shelf = Callable[[str], Checkpoint]
"""Digest -> where its content is cached."""


class TeacherPredictions:
    """Cached predictions of a teacher for the views of each epoch (Hinton et al. 2015, arXiv:1503.02531)."""

    def __init__(self, teacher: Network, dataset: str, class_names: Sequence[str], shelf: Shelf) -> None:
        """`dataset`: its digest. Raises BadParameter where the teacher lacks one of the classes."""
        self._teacher, self._dataset, self._shelf = teacher, dataset, shelf
        self._columns = torch.tensor([teacher.class_index(name) for name in class_names], device=teacher.device)
        self._forward: Callable[[Tensor], Tensor] = teacher

    def of_epoch(self, views: Views, epoch: int, report: Callable[[float], None]) -> Tensor:
        """Class probabilities for the views of an epoch, (batches, B, K) float16 on the CPU.

        `report` is called with the share that is done, unless all are cached.
        """
        epoch_views = views.epoch(epoch)
        checkpoint = self._shelf(digest_of([self._teacher.card.identity, self._dataset, epoch_views.digest]))
        content = checkpoint.read()
        if content is not None:
            try:
                return checkpoints.from_bytes(content)[0]["predictions"]
            except Damaged:
                pass  # predicted again below
        if (
            self._forward is self._teacher
            and epoch_views.batches.size >= MIN_PICTURES_TO_COMPILE
            and _can_compile(self._teacher)
        ):
            self._forward = torch.compile(self._teacher, options={"freezing": True})
        batches = []
        for number, (pictures, _) in views.batches(epoch):
            report(number / len(epoch_views))
            batches.append(self._predict(pictures))
        predictions = torch.stack(batches)
        checkpoint.write(checkpoints.to_bytes({"predictions": predictions}, {}))
        return predictions

    @torch.no_grad()
    def _predict(self, pictures: Tensor) -> Tensor:
        device, size = self._teacher.device, self._teacher.card.input_px
        inputs = pictures.to(device).float().div_(255)
        if tuple(inputs.shape[-2:]) != size:
            inputs = functional.interpolate(inputs, size=size, mode="bicubic", antialias=True)
        inputs = inputs.clamp_(0, 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=half_precision(device)):
            logits = self._forward(inputs)
        return logits[:, self._columns].float().softmax(dim=1).half().cpu()


def _can_compile(network: Network) -> bool:
    """Whether the network runs on a CPU and a C++ compiler is installed."""
    return network.device.type == "cpu" and shutil.which("g++") is not None
