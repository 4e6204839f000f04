"""A trained network whose answers another one learns beside the labels.

Each view of a picture is shown to it once, whichever and however many networks learn from what it says.
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

WORTH_COMPILING = 20_000
"""Pictures: compiling takes half a minute, and nearly doubles the speed on a CPU."""

Shelf = Callable[[str], Checkpoint]
"""Where something of this digest is kept."""


class Answers:
    """What a teacher says of the views of an epoch (Hinton et al. 2015, arXiv:1503.02531)."""

    def __init__(self, teacher: Network, dataset: str, class_names: Sequence[str], shelf: Shelf) -> None:
        """`dataset` is the digest. Raises BadParameter where the teacher does not know one of the classes."""
        self._teacher, self._dataset, self._shelf = teacher, dataset, shelf
        self._columns = torch.tensor([teacher.class_index(name) for name in class_names], device=teacher.device)
        self._ask: Callable[[Tensor], Tensor] = teacher

    def of(self, views: Views, epoch: int, report: Callable[[float], None]) -> Tensor:
        """The probability of each class for the views of an epoch, (batches, B, K) float16 on the CPU.

        `report` is told the share that is answered, where the teacher has to be asked.
        """
        shown = views.epoch(epoch)
        kept = self._shelf(digest_of([self._teacher.card.identity, self._dataset, shown.digest]))
        content = kept.read()
        if content is not None:
            try:
                return checkpoints.from_bytes(content)[0]["answers"]
            except Damaged:
                pass  # they are asked for again
        if self._ask is self._teacher and shown.batches.size >= WORTH_COMPILING and _can_compile(self._teacher):
            self._ask = torch.compile(self._teacher, options={"freezing": True})
        answered = []
        for number, (pictures, _) in views.batches(epoch):
            report(number / len(shown))
            answered.append(self._answer(pictures))
        answers = torch.stack(answered)
        kept.write(checkpoints.to_bytes({"answers": answers}, {}))
        return answers

    @torch.no_grad()
    def _answer(self, pictures: Tensor) -> Tensor:
        device, size = self._teacher.device, self._teacher.card.input_px
        inputs = pictures.to(device).float().div_(255)
        if tuple(inputs.shape[-2:]) != size:
            inputs = functional.interpolate(inputs, size=size, mode="bicubic", antialias=True)
        inputs = inputs.clamp_(0, 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=half_precision(device)):
            logits = self._ask(inputs)
        return logits[:, self._columns].float().softmax(dim=1).half().cpu()


def _can_compile(network: Network) -> bool:
    """On a CPU, where a compiler is at hand."""
    return network.device.type == "cpu" and shutil.which("g++") is not None
