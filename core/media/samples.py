"""Sample pictures: color photographs from the installed scikit-image, and drawn style pictures."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core.errors import BadInput, BadPicture
from core.media.drawn_styles import STYLES, drawn_style
from core.media.picture import Picture, check_bytes, decoded, read_picture

SAMPLE_PREFIX = "sample:"
STYLE_PREFIX = "style:"
_SAMPLES = {
    "cat": ("chelsea.png", "Close-up of a cat's face"),
    "coffee": ("coffee.png", "A cup of espresso on a wooden table"),
    "rocket": ("rocket.jpg", "A rocket on its launch pad at night"),
    "astronaut": ("astronaut.png", "An astronaut with her helmet, a flag and a model of a shuttle"),
    "motorcycle": ("motorcycle_left.png", "A motorcycle in a garage"),
    "hubble": ("hubble_deep_field.jpg", "Galaxies in the Hubble Ultra-Deep Field"),
    "retina": ("retina.jpg", "Retina of an eye, through an ophthalmoscope"),
    "ihc": ("ihc.png", "Stained colon tissue, through a microscope"),
}


def sample_names() -> tuple[str, ...]:
    """Names of the sample pictures, everyday objects first."""
    return tuple(_SAMPLES)


def shipped_styles() -> dict[str, str]:
    """Source (`style:mosaic`, `sample:hubble`) -> title of the bundled style pictures."""
    drawn = {f"{STYLE_PREFIX}{name}": style.title for name, style in STYLES.items()}
    ordered = dict.fromkeys(("hubble", "ihc", "retina", *_SAMPLES))  # textures first
    return drawn | {f"{SAMPLE_PREFIX}{name}": sample_title(name) for name in ordered}


def shipped_digest(source: str) -> str:
    """Digest of a bundled style picture, without drawing it. Raises BadInput for an unknown name."""
    drawn = STYLES.get(source.removeprefix(STYLE_PREFIX)) if source.startswith(STYLE_PREFIX) else None
    return drawn.digest if drawn else open_picture(source)[0].digest


def sample_title(name: str) -> str:
    """Title of a sample picture. Raises BadInput for an unknown name."""
    return _entry(name)[1]


@lru_cache(maxsize=len(_SAMPLES))
def sample(name: str) -> Picture:
    """The sample picture of this name. Raises BadInput, which lists the names."""
    file_name, _ = _entry(name)
    file = _folder() / file_name  # not an upload: no child process needed, which is faster
    return Picture.from_pixels(np.asarray(decoded(file.read_bytes(), file_name)))


def open_picture(source: str) -> tuple[Picture, str]:
    """The picture `sample:cat`, `style:mosaic` or at a path, and the name of its row.

    For the command line only: no page accepts a path. Raises BadInput, BadPicture.
    """
    if source.startswith(SAMPLE_PREFIX):
        return sample(source.removeprefix(SAMPLE_PREFIX)), source
    if source.startswith(STYLE_PREFIX):
        return drawn_style(source.removeprefix(STYLE_PREFIX)), source
    path = Path(source).expanduser()
    try:
        if not path.is_file():
            raise BadPicture(f"there is no picture file {source[:200]!r}: give a path, or a sample such as sample:cat")
        check_bytes(path.stat().st_size, path.name)
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise BadPicture(f"the picture file {source[:200]!r} cannot be opened: {reason}") from None
    return read_picture(data, path.name), path.name


def _entry(name: str) -> tuple[str, str]:
    """(file, title) of a sample, by our name or scikit-image's, such as `hubble_deep_field`. Raises BadInput."""
    name = next((own for own, (file, _) in _SAMPLES.items() if Path(file).stem == name), name)
    if name not in _SAMPLES:
        raise BadInput(f"there is no sample picture {name[:80]!r}: choose one of {', '.join(_SAMPLES)}")
    return _SAMPLES[name]


def _folder() -> Path:
    """scikit-image's folder of pictures, without importing the package. Raises BadInput."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput("the sample pictures come with scikit-image, which is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "data"
