"""Bundled style pictures, drawn by code, so that style transfer needs no painting.

They have the same bytes on every machine: random numbers are the raw output of a generator with a fixed stream, and
floating-point arithmetic is limited to + - * / and the square root, which IEEE 754 rounds in one way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.items import Pixels
from core.media.picture import Picture

SIDE_PX = 512
_SIDE = 2 * SIDE_PX
"""Side of the drawing in pixels; it is shrunk by half, which smooths the edges."""
_TURN = 1024
_SINE = np.array([round(1000 * math.sin(2 * math.pi * step / _TURN)) for step in range(_TURN)], np.int64)
"""Sine of a full turn in `_TURN` steps, in thousandths."""

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """A drawn style picture."""

    draw: Callable[[int], Pixels]
    """Seed -> (H, W, 3) uint8."""
    title: str
    digest: str
    """Digest of the picture with seed 0, known without drawing it."""


def mosaic(seed: int) -> Pixels:
    """Stones of colored glass in dark grout, in rings around three centers; (H, W, 3) uint8."""
    cells = 26
    pitch = _SIDE // cells + 1
    shift = _random(seed, 2 * (cells + 2) ** 2, pitch * 4 // 5).reshape(2, cells + 2, cells + 2)
    grid = (np.arange(cells + 2) - 1) * pitch + pitch // 10
    stone_y, stone_x = (shift[0] + grid[:, None]).ravel(), (shift[1] + grid[None]).ravel()
    nearest, second, own, other = _nearest_two(stone_y, stone_x, pitch)
    apart = (stone_y[own] - stone_y[other]) ** 2 + (stone_x[own] - stone_x[other]) ** 2
    grout = (second - nearest) ** 2 < 9**2 * apart  # nearer than 4.5 px to the line between the two
    far = _distances(stone_y, stone_x, _places(seed + 1, 3)) // 40
    tones = _random(seed + 2, own.max() + 1, 5) * 11 - 22
    colors = _palette("f2e3bc 1d6996 0f4c5c d1495b edae49 66a182 2e4057 f7f7f2")[
        (far + (_random(seed + 3, far.size, 6) == 0)) % 8
    ]
    y, x = _grid()
    shine = ((stone_y[own] - y) + (stone_x[own] - x)) * 3 // 4
    painted = colors[own] + (tones[own] + shine)[..., None]
    return _shrunk(np.where(grout[..., None], _palette("1b1a1f")[0], painted))


def _nearest_two(stone_y: Ints, stone_x: Ints, pitch: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Squared distances to the nearest and second-nearest stone, and the indices of both, each (H, W)."""
    y, x = _grid()
    rows = columns = math.isqrt(len(stone_y))
    row, column = np.broadcast_arrays(y // pitch + 1, x // pitch + 1)
    far = np.full((_SIDE, _SIDE), 2**40)
    nearest, second, own, other = far, far, np.zeros_like(far), np.zeros_like(far)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            stone = np.clip(row + down, 0, rows - 1) * columns + np.clip(column + right, 0, columns - 1)
            distance = (stone_y[stone] - y) ** 2 + (stone_x[stone] - x) ** 2
            first, between = distance < nearest, (distance < second) & (distance >= nearest) & (stone != own)
            second = np.where(first, nearest, np.where(between, distance, second))
            other = np.where(first, own, np.where(between, stone, other))
            nearest, own = np.where(first, distance, nearest), np.where(first, stone, own)
    return nearest, second, own, other


def strokes(seed: int) -> Pixels:
    """Thick brush strokes that swirl around five centers, yellow near them and blue far away; (H, W, 3) uint8."""
    canvas = np.zeros((_SIDE, _SIDE, 3), np.int64) + _palette("16325c")
    places = _places(seed, 5)
    colors = _palette("fff3c4 fbd45c f2a541 8fc1d4 4f8fc0 2f6aa8 9fd0d8 1f4e8c 3d7ab5 16325c 274f86 0f2347")
    spots = _random(seed + 1, 2 * 3400, _SIDE + 80).reshape(-1, 2) - 40
    near = _distances(spots[:, 0], spots[:, 1], places)
    moods = _random(seed + 2, len(spots), 160)
    lengths, bristles = 26 + _random(seed + 3, len(spots), 34), _random(seed + 4, 12 * len(spots), 60) - 30
    for number, (top, left) in enumerate(spots):
        color = colors[min(int(near[number] + moods[number]) // 46, len(colors) - 1)]
        along = _flow(float(top), float(left), places)
        _stroke(canvas, (top, left), along, int(lengths[number]), color, bristles[12 * number : 12 * number + 12])
    return _shrunk(canvas)


def _flow(y: float, x: float, places: Ints) -> tuple[float, float]:
    """Unit direction (down, right) of the swirls around `places`, which turn in alternating directions."""
    down = right = 0.0
    for number, (place_y, place_x) in enumerate(places.tolist()):
        away_y, away_x = y - place_y, x - place_x
        strength = (1 - number % 2 * 2) / (away_y * away_y + away_x * away_x + 4000.0)
        down, right = down + away_x * strength, right - away_y * strength
    right += 0.0015
    length = math.sqrt(down * down + right * right) + 1e-9
    return down / length, right / length


def _stroke(
    canvas: Ints, middle: tuple[int, int], along: tuple[float, float], half_length: int, color: Ints, bristles: Ints
) -> None:
    """Draw a straight stroke into `canvas`: half-width 12 px, each of its 12 bristles a little lighter or darker."""
    half_width = 12.0
    reach = half_length + int(half_width)
    top, left = max(0, middle[0] - reach), max(0, middle[1] - reach)
    part = canvas[top : middle[0] + reach, left : middle[1] + reach]
    y = np.arange(top, top + part.shape[0], dtype=float)[:, None] - middle[0]
    x = np.arange(left, left + part.shape[1], dtype=float)[None] - middle[1]
    forward, aside = y * along[0] + x * along[1], x * along[0] - y * along[1]
    beyond = np.maximum(np.abs(forward) - half_length, 0.0)
    inside = beyond * beyond + aside * aside <= half_width * half_width
    shade = bristles[np.clip((aside + half_width) / 2, 0, 11).astype(np.int64)]
    part[inside] = color + shade[inside][:, None]


def waves(seed: int) -> Pixels:
    """Bands of water that fold over each other, with dark outlines and foam; (H, W, 3) uint8."""
    y, x = _grid()
    turns = _random(seed, 6, _TURN)
    swell = _sine(x + turns[0] + _sine(y * 2 + turns[1]) // 6)
    chop = _sine(x * 3 - y + turns[2] + swell // 4)
    curl = _sine(x * 2 + y * 2 + turns[3] + chop // 3)
    height = y * 100 + swell * 9 + chop * 6 + curl * 5
    period = 5200
    band, place = height // period, height % period
    colors = _palette("0b2545 13406f 1f6aa5 4fa3c7 a9d6df e9f1e4 2c7da0 14507e")
    painted = colors[band * 3 % 8] + ((place - period // 2) // 90)[..., None]
    ripple = (height * 7 // period) % 2 == 0
    painted = painted + np.where(ripple, 10, -6)[..., None]
    foam = (place > period * 80 // 100) & (_sine(x * 9 + curl // 2 + turns[4]) > -200)
    painted = np.where(foam[..., None], _palette("f7f4e9")[0], painted)
    return _shrunk(np.where((place < period * 11 // 100)[..., None], _palette("07162c")[0], painted))


def circles(seed: int) -> Pixels:
    """Squares with uneven rings of strong colors; (H, W, 3) uint8."""
    count = 6
    side = _SIDE // count + 1
    y, x = _grid()
    square = y // side * count + x // side
    colors = _palette("d62828 f77f00 fcbf49 eae2b7 003049 2a9d8f 8e3b8a e76f51 264653 f4a9b8 1d7fb8 6a994e")
    rings = _random(seed, count * count * 6, len(colors)).reshape(-1, 6)
    rings = np.where(rings == np.roll(rings, 1, axis=1), (rings + 5) % len(colors), rings)
    shift = _random(seed + 1, count * count * 2, side // 5).reshape(-1, 2) - side // 10
    away_y, away_x = (y % side - side // 2) - shift[square, 0], (x % side - side // 2) - shift[square, 1]
    wobble = _sine(away_y * 5 + shift[square, 0] * 40) // 90 + _sine(away_x * 6 + shift[square, 1] * 40) // 90
    far = np.sqrt((away_y * away_y + away_x * away_x).astype(float)).astype(np.int64) + wobble
    widths = 14 + _random(seed + 2, count * count * 5, 16).reshape(-1, 5)
    ring = sum((far > edge[square]).astype(np.int64) for edge in np.cumsum(widths, axis=1).T)
    grain = _sine(away_y * 31 + away_x * 17) // 120 + _sine(away_x * 37 - away_y * 11) // 120
    return _shrunk(colors[rings[square, ring]] + grain[..., None])


def woodcut(seed: int) -> Pixels:
    """Ink on paper: lines, thick in the shade and thin in the light, crossed where darkest; (H, W, 3) uint8."""
    y, x = _grid()
    turns = _random(seed, 4, _TURN)
    shade = np.full((_SIDE, _SIDE), 0.22)
    for number, (place_y, place_x) in enumerate(_places(seed + 1, 9).tolist()):
        spread = 1.0 + ((y - place_y) ** 2 + (x - place_x) ** 2) / (26000.0 + 9000.0 * (number % 4))
        shade = shade + (0.75 if number % 3 else -0.35) / (spread * spread)
    bend = _sine(x + turns[0]) // 26 + _sine(y + x // 2 + turns[1]) // 34
    rough = _sine(x * 7 + y * 3 + turns[2]) // 400
    ink = np.zeros((_SIDE, _SIDE), bool)
    for lines, least in ((y + bend, 0.0), (x + (y * 3) // 5 - bend, 0.45)):
        place = np.abs((lines + rough) % 24 - 12) / 12.0
        ink |= place < np.clip(shade - least, 0.05 if least == 0.0 else 0.0, 0.72)
    colors = _palette("efe3c8 1c1714")
    return _shrunk(colors[ink.astype(np.int64)])


def _grid() -> tuple[Ints, Ints]:
    """Row indices (H, 1) and column indices (1, W)."""
    return np.arange(_SIDE, dtype=np.int64)[:, None], np.arange(_SIDE, dtype=np.int64)[None]


def _random(seed: int, count: int, below: int) -> Ints:
    """`count` whole random numbers from 0 to `below` - 1."""
    return (np.random.PCG64(seed).random_raw(count) % np.uint64(below)).astype(np.int64)


def _places(seed: int, count: int) -> Ints:
    """Random points (count, 2) y, x, each in another cell of a 3 x 3 grid (up to 9 points)."""
    drawn = _random(seed, 2 * count, _SIDE // 3).reshape(-1, 2)
    order = np.arange(count)
    corners = np.stack(((order * 5 + 1) % 3, (order * 7 // 3) % 3), axis=1)
    places: Ints = drawn + corners * (_SIDE // 3)
    return places


def _distances(y: Ints, x: Ints, places: Ints) -> Ints:
    """Distance from each y, x to the nearest of `places`, in pixels, rounded down."""
    squared = np.min([(y - place_y) ** 2 + (x - place_x) ** 2 for place_y, place_x in places], axis=0)
    rounded: Ints = np.sqrt(squared.astype(float)).astype(np.int64)
    return rounded


def _sine(steps: Ints) -> Ints:
    """Sine, in thousandths, of angles in steps of a `_TURN`-th turn."""
    sine: Ints = _SINE[steps % _TURN]
    return sine


def _palette(text: str) -> Ints:
    """Colors (K, 3), 0 to 255, of space-separated RRGGBB."""
    return np.array([[int(color[part : part + 2], 16) for part in (0, 2, 4)] for color in text.split()], np.int64)


def _shrunk(drawn: Ints) -> Pixels:
    """(2 H, 2 W, 3) shrunk to (H, W, 3) uint8; each pixel is the mean of four."""
    clipped = np.clip(drawn, 0, 255)
    summed = clipped[::2, ::2] + clipped[1::2, ::2] + clipped[::2, 1::2] + clipped[1::2, 1::2]
    return ((summed + 2) // 4).astype(np.uint8)


STYLES = {
    "mosaic": Style(
        mosaic,
        "Stones of colored glass in dark grout",
        "25fd69dbb5d972afc69795bf8f08625278d1359451ee28d2c8b1dfc7197271f5",
    ),
    "strokes": Style(
        strokes,
        "Thick strokes of a brush that turn around each other",
        "9887ae904a045be46c915d0752ac6a03ae0a6148285c6881bd3c3d196eedfaab",
    ),
    "waves": Style(
        waves,
        "Bands of water with dark outlines and foam",
        "062b2519e9cae602816d89d92d04822516a1e0c8d16f3b621914979fea13f8fd",
    ),
    "circles": Style(
        circles,
        "Squares with uneven rings of strong colors",
        "4a876ee2e6c4e651546fc7093cbe4d42f080936565bfe7d16a94dbda040d1634",
    ),
    "woodcut": Style(
        woodcut,
        "Cut lines that swell in the shade, ink on paper",
        "e99aaeb86462b652af0e03de7256cd52abd7b2d1611daf48925f8c476ac56298",
    ),
}


@lru_cache(maxsize=len(STYLES))
def drawn_style(name: str) -> Picture:
    """The style picture of this name. Raises BadInput, which lists the names."""
    if name not in STYLES:
        raise BadInput(f"there is no style {name[:80]!r}: choose one of {', '.join(STYLES)}")
    return Picture.from_pixels(STYLES[name].draw(0))


def style_of(digest: str) -> str | None:
    """Name of the style whose picture has this digest; None if there is none."""
    return next((name for name, style in STYLES.items() if style.digest == digest), None)
