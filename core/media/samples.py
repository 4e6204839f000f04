"""The pictures that are always there: color photographs from the folder of the installed scikit-image."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from core.errors import BadInput, BadPicture
from core.media.drawn_styles import STYLES, drawn_style
from core.media.picture import Picture, check_bytes, read_picture
from core.media.picture_decoder import over_white

SAMPLE_PREFIX = "sample:"
STYLE_PREFIX = "style:"
_SAMPLES = {
    "cat": ("chelsea.png", "A cat's face, seen from close up"),
    "coffee": ("coffee.png", "A cup of espresso on a wooden table"),
    "rocket": ("rocket.jpg", "A rocket on its launch pad at night"),
    "astronaut": ("astronaut.png", "An astronaut with her helmet, a flag and a model of a shuttle"),
    "motorcycle": ("motorcycle_left.png", "A motorcycle in a garage"),
    "hubble": ("hubble_deep_field.jpg", "Galaxies in the Hubble Ultra-Deep Field"),
    "retina": ("retina.jpg", "The retina of an eye, seen through an ophthalmoscope"),
    "ihc": ("ihc.png", "Stained tissue of a colon, seen through a microscope"),
}


def sample_names() -> tuple[str, ...]:
    """The names of the sample pictures, everyday things first."""
    return tuple(_SAMPLES)


def shipped_styles() -> dict[str, str]:
    """Pictures whose style can be transferred: their sources (`style:mosaic`, `sample:hubble`) with their titles."""
    drawn = {f"{STYLE_PREFIX}{name}": style.title for name, style in STYLES.items()}
    ordered = dict.fromkeys(("hubble", "ihc", "retina", *_SAMPLES))  # those that are textures first
    return drawn | {f"{SAMPLE_PREFIX}{name}": sample_title(name) for name in ordered}


def shipped_digest(source: str) -> str:
    """The digest of one of them; a style is not drawn for it. Raises BadInput for an unknown name."""
    drawn = STYLES.get(source.removeprefix(STYLE_PREFIX)) if source.startswith(STYLE_PREFIX) else None
    return drawn.digest if drawn else open_picture(source)[0].digest


def sample_title(name: str) -> str:
    """What a sample picture shows. Raises BadInput for an unknown name."""
    return _entry(name)[1]


@lru_cache(maxsize=len(_SAMPLES))
def sample(name: str) -> Picture:
    """The sample picture of this name. Raises BadInput, which names those there are."""
    file_name, _ = _entry(name)
    with PillowImage.open(_folder() / file_name) as image:  # no stranger's file: no process of its own, and far faster
        return Picture.from_pixels(np.asarray(over_white(image)))


def open_picture(source: str) -> tuple[Picture, str]:
    """The picture of `sample:cat`, of `style:mosaic` or of a file on this machine, and a name for its row.

    For the command line only: a path is never taken from a page. Raises BadInput, BadPicture.
    """
    if source.startswith(SAMPLE_PREFIX):
        return sample(source.removeprefix(SAMPLE_PREFIX)), source
    if source.startswith(STYLE_PREFIX):
        return drawn_style(source.removeprefix(STYLE_PREFIX)), source
    path = Path(source).expanduser()
    try:
        if not path.is_file():
            raise BadPicture(f"there is no picture file {source[:200]!r}; give a file's path or sample:cat")
        check_bytes(path.stat().st_size, path.name)
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise BadPicture(f"the picture file {source[:200]!r} cannot be opened: {reason}") from None
    return read_picture(data, path.name), path.name


def _entry(name: str) -> tuple[str, str]:
    """Its file and its title, by our name for it or by scikit-image's, such as `hubble_deep_field`."""
    name = next((own for own, (file, _) in _SAMPLES.items() if Path(file).stem == name), name)
    if name not in _SAMPLES:
        raise BadInput(f"there is no sample picture {name[:80]!r}; there are: {', '.join(_SAMPLES)}")
    return _SAMPLES[name]


def _folder() -> Path:
    """scikit-image's own folder of pictures, found without importing it."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput("the sample pictures come with scikit-image, which is not installed; run make setup")
    return Path(spec.submodule_search_locations[0]) / "data"
