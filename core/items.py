"""The kinds of items that results are made of, and how each is written to files and read back.

Items are independent of methods: the dashboard draws an item by its `kind` alone. They hold raw values, so that a row
of networks can share one color scale; what is displayed is derived from them.
"""

from __future__ import annotations

import io
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from safetensors.numpy import load as read_safetensors
from safetensors.numpy import save as write_safetensors

from core.canonical import canonical_json

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
ROUNDING = 1e-6
"""Differences within a map, relative to its greatest magnitude, that are rounding in single precision."""
Files = dict[str, bytes]
"""File ending (such as `png`) -> content."""

KINDS: dict[str, type[Item]] = {}
VISUAL_KINDS = ("image", "map", "points", "animation")
"""Kinds that a cell of a grid can show."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """One part of a result. `caption`: what it shows, one sentence."""

    kind: ClassVar[str]
    caption: str = ""

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__.lower()
        KINDS[cls.kind] = cls

    def meta(self) -> dict[str, Any]:
        """The part of this item that goes into the manifest, as JSON values."""
        return {"caption": self.caption}

    def files(self) -> Files:
        """The files of this item, beside the manifest."""
        return {}

    @property
    def is_finite(self) -> bool:
        """Whether it holds neither NaN nor infinities."""
        return True

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:  # noqa: ARG003  most kinds have files
        """The item that gave `meta` and `files`."""
        return cls(**meta)


@dataclass(frozen=True, kw_only=True, eq=False)
class Map(Item):
    """One number per pixel: `values` (H, W) float32 in `unit`, with the nominal range `low` to `high`.

    `signed`: zero is the center of a diverging color scale.
    """

    values: Floats
    low: float = 0.0
    high: float = 1.0
    signed: bool = False
    unit: str = ""

    @property
    def remark(self) -> str:
        """What must be said of a constant map, one sentence; empty for others."""
        if not self.values.size or np.ptp(self.values) > ROUNDING * np.abs(self.values).max():
            return ""
        value = float(self.values.flat[0])
        return f"All values are {value:.3g}: the map marks nothing."

    def meta(self) -> dict[str, Any]:
        remark = {"remark": self.remark} if self.remark else {}
        scale = {"low": self.low, "high": self.high, "signed": self.signed, "unit": self.unit}
        return super().meta() | scale | remark

    def files(self) -> Files:
        return {"safetensors": write_safetensors({"values": np.ascontiguousarray(self.values, dtype=np.float32)})}

    @property
    def is_finite(self) -> bool:
        return _finite(self.values)

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        own = {name: value for name, value in meta.items() if name != "remark"}
        return cls(**own, values=read_safetensors(files["safetensors"])["values"])


@dataclass(frozen=True, kw_only=True, eq=False)
class Image(Item):
    """An image: `pixels` (H, W, 3) uint8, stored losslessly."""

    pixels: Pixels

    def files(self) -> Files:
        return {"png": png_bytes(self.pixels)}

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        return cls(**meta, pixels=decode_own(files["png"]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Points(Item):
    """Points in a picture of `width` x `height` pixels: `xy` (K, 2) x, y in pixels.

    `weights` (K,), if given, in descending order.
    """

    xy: Floats
    width: int
    height: int
    weights: Floats | None = None

    def meta(self) -> dict[str, Any]:
        return super().meta() | {"width": self.width, "height": self.height}

    def files(self) -> Files:
        weights = None if self.weights is None else self.weights.tolist()
        return {"json": canonical_json({"xy": self.xy.tolist(), "weights": weights})}

    @property
    def is_finite(self) -> bool:
        return _finite(self.xy) and (self.weights is None or _finite(self.weights))

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        raw = json.loads(files["json"])
        weights = None if raw["weights"] is None else np.asarray(raw["weights"], np.float32)
        return cls(**meta, xy=np.asarray(raw["xy"], np.float32).reshape(-1, 2), weights=weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class Series(Item):
    """A curve: `y` (steps,) over `x` (steps,); curves with the same labels share one chart."""

    x: Floats
    y: Floats
    x_label: str
    y_label: str

    def meta(self) -> dict[str, Any]:
        return super().meta() | {"x_label": self.x_label, "y_label": self.y_label}

    def files(self) -> Files:
        return {"json": canonical_json({"x": self.x.tolist(), "y": self.y.tolist()})}

    @property
    def is_finite(self) -> bool:
        return _finite(self.x) and _finite(self.y)

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        raw = json.loads(files["json"])
        return cls(**meta, x=np.asarray(raw["x"], np.float32), y=np.asarray(raw["y"], np.float32))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scalar(Item):
    """One number with its unit; a result's metrics are its scalars. `subject`: what it refers to, such as a class.

    `value` is None where the number has no meaning, and `reason` then says why, without a full stop.
    """

    value: float | None
    unit: str = ""
    subject: str = ""
    reason: str = ""

    def meta(self) -> dict[str, Any]:
        value = None if self.value is None else float(self.value)
        reason = {"reason": self.reason} if self.reason else {}
        return super().meta() | {"value": value, "unit": self.unit, "subject": self.subject} | reason

    @property
    def is_finite(self) -> bool:
        return self.value is None or math.isfinite(self.value)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Item):
    """A table of text and numbers with named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def files(self) -> Files:
        return {"json": canonical_json({"columns": self.columns, "rows": self.rows})}

    @property
    def is_finite(self) -> bool:
        return all(math.isfinite(cell) for row in self.rows for cell in row if isinstance(cell, float))

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        raw = json.loads(files["json"])
        return cls(**meta, columns=tuple(raw["columns"]), rows=tuple(map(tuple, raw["rows"])))


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding(Item):
    """Latent codes: `points` (N, D) float32, each with a label and, if given, the thumbnail of its picture."""

    points: Floats
    labels: tuple[str, ...]
    thumbnails: Pixels | None = None
    """(N, h, w, 3) uint8; stored as one PNG."""

    @property
    def is_finite(self) -> bool:
        return _finite(self.points)

    def meta(self) -> dict[str, Any]:
        size = {} if self.thumbnails is None else {"thumbnail_px": list(self.thumbnails.shape[1:3])}
        return super().meta() | size

    def files(self) -> Files:
        points = write_safetensors({"points": np.ascontiguousarray(self.points, dtype=np.float32)})
        sprite = {} if self.thumbnails is None else {"png": png_bytes(_sprite(self.thumbnails))}
        return {"safetensors": points, "json": canonical_json({"labels": self.labels})} | sprite

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        own = dict(meta)
        points = read_safetensors(files["safetensors"])["points"]
        height, width = own.pop("thumbnail_px", (0, 0))
        thumbnails = _cut(decode_own(files["png"]), len(points), height, width) if height else None
        return cls(**own, points=points, labels=tuple(json.loads(files["json"])["labels"]), thumbnails=thumbnails)


@dataclass(frozen=True, kw_only=True, eq=False)
class Animation(Item):
    """An animation: `frames` (T, H, W, 3) uint8, `frame_ms` milliseconds each, stored as WebP (quality 90).

    `whole`: the complete animation as MP4 or GIF, where `frames` are only some of its frames, and smaller.
    """

    frames: Pixels
    frame_ms: int = 100
    durations_ms: tuple[int, ...] = ()
    """Milliseconds of each frame, where they differ, in place of `frame_ms`."""
    whole: bytes = b""
    labels: tuple[str, ...] = ()
    """One label per frame, in place of its number; dropped where equal frames were merged."""

    def meta(self) -> dict[str, Any]:
        durations_ms = self._stored_durations_ms()
        count, total_ms = len(durations_ms), sum(durations_ms)
        times: dict[str, Any] = {"frame_ms": round(total_ms / count), "count": count}
        if len(set(durations_ms)) > 1:
            times |= {"durations_ms": durations_ms}
        labels = {"labels": list(self.labels)} if len(self.labels) == count else {}
        return super().meta() | times | labels

    def files(self) -> Files:
        ending = "gif" if self.whole.startswith(b"GIF8") else "mp4"
        return ({ending: self.whole} if self.whole else {}) | {"webp": self._webp}

    @cached_property
    def _webp(self) -> bytes:
        first, *rest = [PillowImage.fromarray(frame) for frame in self.frames]
        buffer = io.BytesIO()
        first.save(
            buffer, "WEBP", save_all=True, append_images=rest, duration=self._given_durations_ms(), loop=0, quality=90,
            method=2,
        )  # fmt: skip
        return buffer.getvalue()

    def _given_durations_ms(self) -> list[int]:
        return list(self.durations_ms or (self.frame_ms,) * len(self.frames))

    def _stored_durations_ms(self) -> list[int]:
        """Of each frame of the file: WebP merges equal frames, which then last longer."""
        with PillowImage.open(io.BytesIO(self._webp), formats=("WEBP",)) as animation:
            count, durations_ms = getattr(animation, "n_frames", 1), []
            for index in range(count):
                animation.seek(index)
                animation.load()
                durations_ms.append(animation.info["duration"])
        return durations_ms if count > 1 else [sum(self._given_durations_ms())]  # a single frame is stored without

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        own = {name: value for name, value in meta.items() if name not in ("count", "labels", "durations_ms")}
        with PillowImage.open(io.BytesIO(files["webp"]), formats=("WEBP",)) as animation:
            frames = []
            for index in range(getattr(animation, "n_frames", 1)):
                animation.seek(index)
                frames.append(np.asarray(animation.convert("RGB")))
        whole = next((content for ending, content in files.items() if ending != "webp"), b"")
        durations_ms, labels = tuple(meta.get("durations_ms", ())), tuple(meta.get("labels", ()))
        return cls(**own, frames=np.stack(frames), durations_ms=durations_ms, whole=whole, labels=labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights(Item):
    """Trained weights: named arrays, and the configuration of the network that they belong to."""

    tensors: dict[str, NDArray[Any]]
    config: dict[str, Any] = field(default_factory=dict)

    def files(self) -> Files:
        return {"safetensors": write_safetensors(self.tensors), "json": canonical_json(self.config)}

    @property
    def is_finite(self) -> bool:
        """Whether no weight is NaN: masks hold infinities."""
        return not any(np.isnan(tensor).any() for tensor in self.tensors.values())

    @classmethod
    def load(cls, meta: Mapping[str, Any], files: Files) -> Self:
        return cls(**meta, tensors=read_safetensors(files["safetensors"]), config=json.loads(files["json"]))


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a method: name -> item, in display order."""

    items: dict[str, Item]

    @property
    def metrics(self) -> dict[str, float | None]:
        """Name -> value of each scalar; None where it has no meaning."""
        return {name: item.value for name, item in self.items.items() if isinstance(item, Scalar)}


def _finite(values: NDArray[Any]) -> bool:
    return bool(np.isfinite(values).all())


def _sprite(thumbnails: Pixels) -> Pixels:
    """Thumbnails (N, h, w, 3) in an almost square grid, as one picture (rows * h, columns * w, 3)."""
    count, height, width = thumbnails.shape[:3]
    columns = max(1, math.ceil(math.sqrt(count)))
    rows = max(1, math.ceil(count / columns))
    padded = np.zeros((rows * columns, height, width, 3), np.uint8)
    padded[:count] = thumbnails
    grid = padded.reshape(rows, columns, height, width, 3)
    return grid.swapaxes(1, 2).reshape(rows * height, columns * width, 3)


def _cut(sprite: Pixels, count: int, height: int, width: int) -> Pixels:
    """The thumbnails (N, h, w, 3) that `_sprite` combined."""
    rows, columns = sprite.shape[0] // height, sprite.shape[1] // width
    grid = sprite.reshape(rows, height, columns, width, 3).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(-1, height, width, 3)[:count])


def png_bytes(pixels: Pixels) -> bytes:
    """`pixels` (H, W, 3) or (H, W) uint8 as a PNG file."""
    buffer = io.BytesIO()
    # twice as fast as level 4, for files about 10 % larger
    PillowImage.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def decode_own(png: bytes) -> Pixels:
    """Pixels (H, W, 3) uint8 of a PNG that Gazegrid wrote; uploads go through `core.media.picture` instead."""
    with PillowImage.open(io.BytesIO(png), formats=("PNG",)) as image:
        return np.asarray(image.convert("RGB"))
