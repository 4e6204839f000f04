"""The bundled data set `digits`: scikit-learn's handwritten digits, read from the installed package.

1,797 pictures of 8 x 8 px, ten classes; E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core.datasets.dataset import Dataset, every_tenth
from core.errors import BadInput
from core.media.gray_png import gray_png

DIGITS = "digits"
DIGITS_SOURCE = "scikit-learn: handwritten digits of 13 people"
"""Source in the data set's record."""
SIDE_PX = 8
WHITE = 16
"""Value of a pixel whose 4 x 4 dots are all covered with ink, which is drawn white."""


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """The digits in original order; the first of each class and every tenth after it is held out. Raises BadInput."""
    with gzip.open(_file(), "rb") as file:  # importing scikit-learn takes seconds, this takes a twentieth of one
        table = np.loadtxt(file, np.int64, delimiter=",")
    ink, labels = table[:, :-1].reshape(-1, SIDE_PX, SIDE_PX), table[:, -1]
    pixels = ((255 * ink + WHITE // 2) // WHITE).astype(np.uint8)
    return Dataset(tuple("0123456789"), [gray_png(picture) for picture in pixels], labels, every_tenth(labels))


def _file() -> Path:
    """scikit-learn's table, without importing the package. Raises BadInput."""
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput("the digits come with scikit-learn, which is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
