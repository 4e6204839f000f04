"""From what a loop recorded to the items that every optimization of a picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.items import Item, Series, Table

TOP = 5
GAP_PX = 2
"""Of white between the pictures of a sheet."""


def tiled(pictures: NDArray[Any], columns: int, between: float = 255) -> NDArray[Any]:
    """Pictures (N, ..., H, W, C) side by side, `columns` in a row: (..., rows, columns, C), `between` white by default.

    They may be uint8 pixels or raw values; the sheet is of the same type.
    """
    count, height, width = len(pictures), pictures.shape[-3], pictures.shape[-2]
    columns = min(columns, count)
    rows = -(-count // columns)
    shape: tuple[int, ...] = (
        rows * (height + GAP_PX) - GAP_PX,
        columns * (width + GAP_PX) - GAP_PX,
        pictures.shape[-1],
    )
    sheet = np.full((*pictures.shape[1:-3], *shape), between, dtype=pictures.dtype)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + GAP_PX), column * (width + GAP_PX)
        sheet[..., top : top + height, left : left + width, :] = picture
    return sheet


def traces(recorded: Mapping[str, Tensor], labels: Mapping[str, tuple[str, str]]) -> dict[str, Item]:
    """A curve `trace_NAME` for each name of `labels` (name -> what is measured, caption), mean of the pictures.

    `recorded` holds (steps + 1, N) float32 on the CPU.
    """
    return {
        f"trace_{name}": Series(
            x=np.arange(len(recorded[name]), dtype=np.float32),
            y=recorded[name].mean(dim=1).numpy(),
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
