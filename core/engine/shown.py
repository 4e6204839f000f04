"""From what a loop recorded to the items that every optimization of a picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from core.items import Item, Series, Table

TOP = 5


def traces(recorded: Mapping[str, Tensor], labels: Mapping[str, tuple[str, str]]) -> dict[str, Item]:
    """A curve `trace_NAME` for each name of `labels` (name -> what is measured, caption), of the first picture.

    `recorded` holds (steps + 1, N) float32 on the CPU.
    """
    return {
        f"trace_{name}": Series(
            x=np.arange(len(recorded[name]), dtype=np.float32),
            y=recorded[name][:, 0].numpy(),
            x_label="step",
            y_label=measured,
            caption=caption,
        )
        for name, (measured, caption) in labels.items()
    }


def answers(before: Tensor, after: Tensor, class_names: Sequence[str], caption: str) -> Table:
    """The classes that lead before or after, with their probabilities; `before` and `after` are logits (K,)."""
    shares = before.softmax(dim=0).tolist(), after.softmax(dim=0).tolist()
    leading = {index for answer in (before, after) for index in answer.topk(min(TOP, len(answer))).indices.tolist()}
    order = sorted(leading, key=lambda index: (-shares[0][index], index))
    rows = tuple((class_names[index], *(round(share[index], 6) for share in shares)) for index in order)
    return Table(columns=("class", "probability before", "probability after"), rows=rows, caption=caption)
