from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

from core.datasets import digits as module
from core.datasets.digits import digits
from core.errors import BadInput


def test_the_digits_are_the_same_data_set_everywhere() -> None:
    assert digits().digest == "73c81db356cecf3e595eb278ab134d02bdd993bf9ae91e79438ef29bf0ea1c1e"


def test_the_digits_are_scikit_learns_pictures_and_labels_in_gray() -> None:
    from sklearn.datasets import load_digits  # noqa: PLC0415  seconds, and only here

    source = load_digits()
    pixels = np.stack([np.asarray(PillowImage.open(io.BytesIO(png))) for png in digits().pictures])
    assert (pixels.shape, pixels.dtype) == ((1797, 8, 8), np.uint8)
    assert np.abs(pixels - 255 * source.images / 16).max() <= 0.5
    assert np.array_equal(digits().labels, source.target)


def test_the_first_of_each_digit_and_every_tenth_after_it_is_held_out() -> None:
    data = digits()
    assert data.class_names == tuple("0123456789")
    for digit in range(10):
        of_it = np.flatnonzero(data.labels == digit)
        assert np.array_equal(np.flatnonzero(data.held_out[of_it]), np.arange(0, len(of_it), 10))


def test_they_are_read_without_importing_scikit_learn() -> None:
    program = "import sys; from core.datasets.digits import digits; digits(); sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_scikit_learn_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(BadInput, match="the digits come with scikit-learn, which is not installed: run make setup"):
        digits.__wrapped__()
