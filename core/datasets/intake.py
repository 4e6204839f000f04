"""Pictures as a data set keeps them: each is decoded when the data set is taken, so that all later readers agree.

It happens in one child process with limits, for all of them. A file from which every reader gets the same pixels is
kept as it was, and so is every gray or RGB JPEG, of which a PNG would be several times as large; others become PNG.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from core.datasets.labeled import UNKNOWN, Box, LabeledPicture
from core.media import decoding
from core.media.decoder_process import DecoderProcess
from core.media.process_limits import Refused

WALL_CLOCK_S = 60
"""For each picture; processor time is limited more closely."""
MIRRORED_COLUMNS, MIRRORED_ROWS = (2, 3, 7, 8), (3, 4, 6, 7)
"""Orientations by which columns, and rows, of the file run the other way."""


def kept(pictures: Iterable[LabeledPicture]) -> Iterator[LabeledPicture]:
    """The pictures, each as a data set keeps it, with its box turned alike. Raises BadPicture for the first bad one."""
    with DecoderProcess("dataset", wall_clock_s=WALL_CLOCK_S) as process:
        for picture in pictures:
            one = process.kept(picture.data, picture.name[:200])
            box = turned(picture.box, one.orientation, one.width, one.height)
            yield picture._replace(data=one.data, box=box)


def turned(box: Box, orientation: int, width: int, height: int) -> Box:
    """`box` in the pixels of a file -> the box in the upright picture of `width` x `height` px; UNKNOWN stays.

    What lies outside of the picture is cut away, unless `orientation` (1 to 8) turns nothing.
    """
    if box == UNKNOWN or orientation == 1:
        return box
    columns, rows = (height, width) if orientation in decoding.SIDEWAYS else (width, height)  # of the file
    (left, right), (top, bottom) = _clipped(box[0], box[2], columns), _clipped(box[1], box[3], rows)
    if right < left or bottom < top:
        return UNKNOWN
    if orientation in MIRRORED_COLUMNS:
        left, right = columns - 1 - right, columns - 1 - left
    if orientation in MIRRORED_ROWS:
        top, bottom = rows - 1 - bottom, rows - 1 - top
    return (top, left, bottom, right) if orientation in decoding.SIDEWAYS else (left, top, right, bottom)


def turned_with_pictures(boxes: NDArray[np.int32], pictures: Iterable[bytes]) -> NDArray[np.int32]:
    """Boxes (N, 4) in the pixels of N files -> those in the upright pictures; unchanged where a file is not read."""
    return np.array([_turned_with(box, data) for box, data in zip(boxes.tolist(), pictures, strict=True)], np.int32)


def _turned_with(box: list[int], data: bytes) -> Box:
    left, top, right, bottom = box
    try:
        orientation = decoding.orientation_in_header(decoding.opened(data))
        width, height = decoding.upright_size(data)
    except (Refused, *decoding.UNREADABLE):
        return left, top, right, bottom
    return turned((left, top, right, bottom), orientation, width, height)


def _clipped(first: int, last: int, count: int) -> tuple[int, int]:
    return max(first, 0), min(last, count - 1)
