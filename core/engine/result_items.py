"""Result items that every optimization of a picture shares: sheets of pictures, curves, and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.items import Item, Series, Table

TOP_CLASSES = 5
GAP_PX = 2
"""Gap between the pictures of a sheet."""


def tiled(pictures: NDArray[Any], columns: int, fill: float = 255) -> NDArray[Any]:
    """Pictures (N, ..., H, W, C) in a grid of `columns` as one sheet (..., height, width, C).

    Pictures may be uint8 pixels or raw values; the sheet has the same type. `fill` is the value of the gaps.
    """
    count, height, width = len(pictures), pictures.shape[-3], pictures.shape[-2]
    columns = min(columns, count)
    rows = -(-count // columns)
    shape: tuple[int, ...] = (
        rows * (height + GAP_PX) - GAP_PX,
        columns * (width + GAP_PX) - GAP_PX,
        pictures.shape[-1],
    )
    sheet = np.full((*pictures.shape[1:-3], *shape), fill, dtype=pictures.dtype)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + GAP_PX), column * (width + GAP_PX)
        sheet[..., top : top + height, left : left + width, :] = picture
    return sheet


def traces(recorded: Mapping[str, Tensor], labels: Mapping[str, tuple[str, str]]) -> dict[str, Item]:
    """Curves `trace_NAME`, means over the pictures, for each name of `labels`: name -> (label of the y axis, caption).

    `recorded`: name -> (steps + 1, N) float32 on the CPU. A name that was not recorded gets no curve.
    """
    return {
        f"trace_{name}": Series(
            x=np.arange(len(recorded[name]), dtype=np.float32),
            y=recorded[name].mean(dim=1).numpy(),
            x_label="step",
            y_label=y_label,
            caption=caption,
        )
        for name, (y_label, caption) in labels.items()
        if name in recorded
    }


def predictions_table(before: Tensor, after: Tensor, class_names: Sequence[str], caption: str = "") -> Table:
    """The top classes before or after, with their probabilities in both; `before` and `after` are logits (K,)."""
    probabilities = before.softmax(dim=0).tolist(), after.softmax(dim=0).tolist()
    leading = {
        index for logits in (before, after) for index in logits.topk(min(TOP_CLASSES, len(logits))).indices.tolist()
    }
    order = sorted(leading, key=lambda index: (-probabilities[0][index], index))
    rows = tuple((class_names[index], *(round(values[index], 6) for values in probabilities)) for index in order)
    return Table(columns=("class", "probability before", "probability after"), rows=rows, caption=caption)
