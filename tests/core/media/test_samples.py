from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput, BadPicture
from core.media.picture import read_picture
from core.media.samples import _entry, _folder, open_picture, sample, sample_names, sample_title
from tests.support.bad_pictures import photo, photo_file


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_is_a_color_photograph_that_is_large_enough_for_a_network(name: str) -> None:
    picture = sample(name)
    assert min(picture.height, picture.width) >= 224
    assert np.ptp(picture.pixels.astype(int), axis=2).max() > 50
    assert sample_title(name)


@pytest.mark.parametrize("name", sample_names())
def test_a_sample_has_the_pixels_that_an_upload_of_its_file_has(name: str) -> None:
    file = _folder() / _entry(name)[0]
    assert read_picture(file.read_bytes()).digest == sample(name).digest


def test_samples_differ() -> None:
    assert len({sample(name).digest for name in sample_names()}) == len(sample_names()) >= 5


def test_an_unknown_sample_is_refused_with_a_list_of_samples() -> None:
    for ask in (sample, sample_title, lambda name: open_picture(f"sample:{name}")):
        with pytest.raises(BadInput, match=r"no sample picture 'dog': choose one of cat, "):
            ask("dog")


def test_a_source_is_a_sample_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.png"
    file.write_bytes(photo_file())
    picture, name = open_picture(str(file))
    assert (name, picture.pixels.tolist()) == ("mine.png", photo().tolist())
    assert open_picture("sample:cat") == (sample("cat"), "sample:cat")


@pytest.mark.parametrize("source", ["", "/no/such/file.png", "/", "/dev/zero", "a\0b", "~nobody/x.png", "x" * 5000])
def test_a_source_without_a_file_is_refused_in_one_sentence(source: str) -> None:
    with pytest.raises(
        BadPicture, match=r"picture file .*give a path, or a sample such as sample:cat|cannot be opened"
    ) as refusal:
        open_picture(source)
    assert len(str(refusal.value)) < 300


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.png"
    with file.open("wb") as sparse:
        sparse.truncate(10**12)
    with pytest.raises(BadPicture, match=r"huge\.png has 1000000\.00 MB, the limit is 25 MB"):
        open_picture(str(file))


def test_samples_are_found_without_importing_scikit_image() -> None:
    program = "import sys; from core.media.samples import sample; sample('cat'); sys.exit('skimage' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_sample_also_has_the_name_that_scikit_image_gives_it() -> None:
    assert sample("hubble_deep_field").digest == sample("hubble").digest
