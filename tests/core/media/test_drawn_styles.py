from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from core.errors import BadInput
from core.media.drawn_styles import SIDE_PX, STYLES, drawn_style, style_of
from core.media.samples import open_picture, shipped_styles
from core.method_base.method import Context

each_style = pytest.mark.parametrize("name", STYLES)


@each_style
def test_a_style_is_the_same_picture_wherever_it_is_drawn(name: str) -> None:
    assert drawn_style(name).digest == STYLES[name].digest
    assert style_of(STYLES[name].digest) == name


def test_a_process_with_another_number_of_threads_and_another_hash_draws_the_same() -> None:
    program = "from core.media.drawn_styles import drawn_style; print(drawn_style('waves').digest)"
    environment = {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == STYLES["waves"].digest


@each_style
def test_a_style_has_texture_everywhere(name: str) -> None:
    pixels = drawn_style(name).pixels
    assert pixels.shape == (SIDE_PX, SIDE_PX, 3)
    parts = pixels.reshape(4, SIDE_PX // 4, 4, SIDE_PX // 4, 3).astype(float).std(axis=(1, 3)).max(axis=2)
    assert parts.min() > 10
    assert Counter(map(tuple, pixels[::8, ::8].reshape(-1, 3))).most_common(1)[0][1] < 0.65 * (SIDE_PX // 8) ** 2


@each_style
def test_another_seed_is_another_picture(name: str) -> None:
    assert (np.any(STYLES[name].draw(1) != drawn_style(name).pixels, axis=2)).mean() > 0.1


def test_styles_are_sources_like_any_other_picture() -> None:
    sources = shipped_styles()
    assert len({open_picture(source)[0].digest for source in sources}) == len(sources) >= 8
    assert open_picture("style:waves") == (drawn_style("waves"), "style:waves")
    with pytest.raises(BadInput, match=r"no style 'oil': choose one of mosaic, "):
        open_picture("style:oil")


def test_a_context_knows_the_styles_without_a_store_and_nothing_else() -> None:
    assert Context().picture(STYLES["waves"].digest) is drawn_style("waves")
    with pytest.raises(BadInput, match=r"there is no picture 000000000000…: upload it again"):
        Context().picture("0" * 64)
