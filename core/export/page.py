"""A gallery as one self-contained HTML page, without scripts and network requests, to read offline and to print."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.display.headings import Heading, cell_names, column_headings, method_titles, row_names
from core.display.line_chart import LineChart, line_charts
from core.display.network_view import dot_styles, points_background
from core.display.parameter_lines import methods_by_class, parameter_lines, value_text
from core.display.scatter_chart import ScatterChart, scatter_chart
from core.display.wording import formatted, numbers, words
from core.errors import BadInput, GazegridError
from core.items import VISUAL_KINDS, Animation, Embedding, Image, Item, Map, Points, Series, Table, Weights, png_bytes
from core.jobs.comparison import Cell, Comparison, PictureRef
from core.media.colors import SCALE_SHARE, colorize, scale_to_show
from core.media.picture import thumbnail
from core.media.video import Video
from core.method_base.method import Method
from core.store.gallery import Entry, Gallery
from core.store.manifest import Manifest, StoredItem
from core.store.store import Store

DIRECT_BYTES = 600_000
"""Images up to this size are embedded as PNG, larger ones as a WebP of `REDUCED_PX`."""
REDUCED_PX = 800
"""Longer side of reduced images."""
PICTURE_PX = 240
"""Longer side of the rows' pictures."""
ANIMATION_BYTES = 20_000_000
"""Animations up to this size are embedded whole, larger ones as the small frames that the dashboard shows."""
MAX_PAGE_BYTES = 400_000_000
MAX_TABLE_ROWS = 200
DRAWN_KINDS = (*VISUAL_KINDS, Embedding.kind)
ABSENT = "Not computed or no longer stored: run it in Gazegrid."


@dataclass(frozen=True)
class Drawing:
    """An image in a cell, with `dots` (x, y, radius, opacity) over it in a frame of `width` x `height` pixels.

    `played`: a video with a player.
    """

    uri: str
    alt: str
    dots: tuple[tuple[float, float, float, float], ...] = ()
    width: int = 0
    height: int = 0
    played: bool = False


@dataclass(frozen=True)
class ScaleBar:
    """The color scale that a row of maps shares."""

    uri: str
    low: str
    high: str
    unit: str


@dataclass(frozen=True)
class Line:
    """The items of one name in a row: `cells` in the order of the columns, None where a cell has no such item.

    `captions`: one per cell. `number`: the cells are scalars.
    """

    label: str
    captions: tuple[str, ...]
    cells: tuple[Drawing | ScatterChart | str | None, ...]
    scale: ScaleBar | None = None
    number: bool = False

    @property
    def caption(self) -> str:
        """The caption that all cells with the item share; empty where they differ."""
        captions = {caption for caption, cell in zip(self.captions, self.cells, strict=True) if cell is not None}
        return captions.pop() if len(captions) == 1 else ""


@dataclass(frozen=True)
class Details:
    """The expandable details of a cell."""

    charts: tuple[LineChart, ...]
    tables: tuple[tuple[str, Table], ...]
    notes: tuple[tuple[str, str], ...]
    """(label, description) of items that the page cannot show."""
    parameters: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Block:
    """A row of the comparison.

    `messages`: for each column without a result, the sentence in its place, else None. `uri`: the row's picture; None
    where the row has none, empty where it is missing.
    """

    name: str
    uri: str | None
    messages: tuple[str | None, ...]
    lines: tuple[Line, ...]
    details: tuple[Details | None, ...]


@dataclass(frozen=True)
class Section:
    """A comparison of the gallery; `fault`: why it cannot be shown, one sentence."""

    title: str
    entry: Entry
    columns: tuple[Heading, ...] = ()
    methods: tuple[tuple[Method, tuple[tuple[str, str, bool], ...]], ...] = ()
    blocks: tuple[Block, ...] = ()
    fault: str | None = None


@dataclass
class _Page:
    """State of a page while it is made."""

    store: Store
    size_bytes: int = 0
    animations: dict[str, str] = field(default_factory=dict)
    """`KEY/ITEM` of an animation -> description of the cell that shows it."""

    def uri(self, content: bytes, content_type: str) -> str:
        """`content` as a data URI. Raises BadInput where the page becomes too large."""
        self.size_bytes += len(content) * 4 // 3
        if self.size_bytes > MAX_PAGE_BYTES:
            raise BadInput(
                f"the HTML page would be larger than the limit of {MAX_PAGE_BYTES // 10**6} MB: "
                "export a zip, or spread the comparisons over several galleries"
            )
        return f"data:{content_type};base64,{b64encode(content).decode('ascii')}"


@dataclass(frozen=True)
class _Loaded:
    """A cell with its items, or with the message in their place."""

    cell: Cell
    name: str
    manifest: Manifest | None
    message: str | None
    items: Mapping[str, Item] = field(default_factory=dict)


def export_html(store: Store, gallery: Gallery) -> bytes:
    """The gallery as an HTML file, UTF-8, with a sentence in place of whatever is missing or damaged.

    Raises BadInput where the page would be larger than 400 MB.
    """
    page = _Page(store)
    sections = [_section(page, entry, number) for number, entry in enumerate(gallery.entries, start=1)]
    text: str = _template().render(gallery=gallery, sections=sections)
    return text.encode("utf-8")


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("gallery.html")


def _section(page: _Page, entry: Entry, number: int) -> Section:
    try:
        comparison = page.store.comparison(entry.comparison)
    except GazegridError as error:
        return Section(f"Comparison {number}", entry, fault=str(error))
    rows, names = _rows(page, comparison), row_names(comparison)
    return Section(
        f"{number}. {_title(comparison)}",
        entry,
        columns=tuple(column_headings(comparison)),
        methods=tuple((kin[0], parameter_lines(kin)) for kin in methods_by_class(comparison.methods)),
        blocks=tuple(_block(page, row, names, several=comparison.rows_each > 1) for row in rows),
    )


def _title(comparison: Comparison) -> str:
    """Methods and the first three rows of a comparison."""
    methods = " and ".join(method_titles(comparison))
    names = list(row_names(comparison).values())
    rows = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return ": ".join(filter(None, [methods, rows]))


def _rows(page: _Page, comparison: Comparison) -> list[list[_Loaded]]:
    width = comparison.width
    named = zip(comparison.cells(), cell_names(comparison), strict=True)
    loaded = [_loaded(page, cell, name) for cell, name in named]
    return [loaded[start : start + width] for start in range(0, len(loaded), width)]


def _loaded(page: _Page, cell: Cell, name: str) -> _Loaded:
    if cell.undefined:
        return _Loaded(cell, name, None, f"Not defined here: {cell.undefined}")
    try:
        manifest = page.store.manifest(cell.spec.key)
        if manifest is None:
            return _Loaded(cell, name, None, ABSENT)
        items = {item.name: page.store.item(manifest, item.name) for item in manifest.items}
    except GazegridError as error:
        return _Loaded(cell, name, None, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return _Loaded(cell, name, manifest, None, items)


def _block(page: _Page, row: Sequence[_Loaded], names: Mapping[str, str], *, several: bool) -> Block:
    cell = row[0].cell
    visuals = dict.fromkeys(
        item.name for loaded in row if loaded.manifest for item in loaded.manifest.items if item.kind in DRAWN_KINDS
    )
    lines = [_visual_line(page, name, row) for name in visuals]
    name = names[cell.row.digest] if cell.row else ""
    return Block(
        f"{name} · {cell.method.title}" if several else name,
        _picture_uri(page, cell.row.digest) if isinstance(cell.row, PictureRef) else None,
        tuple(loaded.message for loaded in row),
        (*lines, *_number_lines(row)),
        tuple(_details(loaded) for loaded in row),
    )


def _picture_uri(page: _Page, digest: str) -> str:
    """The row's picture, reduced; empty where it is missing or damaged."""
    try:
        pixels = page.store.inputs.picture(digest, keep_damaged=True).pixels
    except GazegridError:
        return ""
    return page.uri(thumbnail(pixels, PICTURE_PX), "image/webp")


def _visual_line(page: _Page, name: str, row: Sequence[_Loaded]) -> Line:
    """The visual items of one name in a row; its maps share one color scale."""
    maps = [item for loaded in row if isinstance(item := loaded.items.get(name), Map)]
    scale = scale_to_show(maps, SCALE_SHARE)
    cells = tuple(_drawing(page, loaded, name, scale) if name in loaded.items else None for loaded in row)
    bar = _scale_bar(page, scale, maps[0]) if scale else None
    return Line(words(name), tuple(_caption(loaded, name) for loaded in row), cells, bar)


def _caption(loaded: _Loaded, name: str) -> str:
    return str(loaded.manifest.item(name).meta["caption"]) if loaded.manifest and name in loaded.items else ""


def _scale_bar(page: _Page, scale: tuple[float, float], item: Map) -> ScaleBar:
    ramp = colorize(np.linspace(0, 1, 256, dtype=np.float32)[None], 0.0, 1.0, signed=item.signed)
    return ScaleBar(page.uri(png_bytes(ramp), "image/png"), f"{scale[0]:.3g}", f"{scale[1]:.3g}", item.unit)


def _drawing(
    page: _Page, loaded: _Loaded, name: str, scale: tuple[float, float] | None
) -> Drawing | ScatterChart | str:
    item = loaded.items[name]
    alt = f"{words(name)}: {loaded.name}"
    if isinstance(item, Map):
        low, high = scale or (item.low, item.high)
        return Drawing(page.uri(png_bytes(colorize(item.values, low, high, signed=item.signed)), "image/png"), alt)
    if isinstance(item, Points):
        return _points(page, loaded, item, alt)
    if isinstance(item, Animation):
        return _animation(page, loaded, name, alt)
    if isinstance(item, Embedding):
        return scatter_chart(item, alt)
    return Drawing(_image_uri(page, item), alt) if isinstance(item, Image) else ""


def _image_uri(page: _Page, item: Image) -> str:
    png = png_bytes(item.pixels)
    if len(png) <= DIRECT_BYTES:
        return page.uri(png, "image/png")
    return page.uri(thumbnail(item.pixels, REDUCED_PX), "image/webp")


def _animation(page: _Page, loaded: _Loaded, name: str, alt: str) -> Drawing | str:
    """The animation, once on the page: animations are its largest part."""
    key, item = loaded.cell.spec.key, loaded.items[name]
    identity = f"{key}/{name}"
    if identity in page.animations:
        return f"Shown above: {page.animations[identity]}"
    page.animations[identity] = alt
    if isinstance(item, Animation) and 0 < len(item.whole) <= ANIMATION_BYTES:
        content_type = Video(item.whole).content_type
        return Drawing(page.uri(item.whole, content_type), alt, played=not content_type.startswith("image/"))
    manifest = loaded.manifest
    content = page.store.read(key, manifest.item(name).file("webp").name) if manifest else b""
    return Drawing(page.uri(content, "image/webp"), alt)


def _points(page: _Page, loaded: _Loaded, item: Points, alt: str) -> Drawing:
    """Dots over the network's view of the picture, larger and more opaque with their weight, the heaviest on top."""
    radii, opacities = dot_styles(item)
    order = np.argsort(opacities, kind="stable")
    radii_px = radii * max(item.width, item.height) / 100
    columns = np.column_stack([item.xy, radii_px, opacities])[order].astype(float).round(2).tolist()
    dots = tuple((x, y, radius_px, opacity) for x, y, radius_px, opacity in columns)
    return Drawing(_background_uri(page, loaded, item), alt, dots, item.width, item.height)


def _background_uri(page: _Page, loaded: _Loaded, item: Points) -> str:
    """The picture behind the points; empty where it is missing or damaged."""
    if loaded.manifest is None:
        return ""
    try:
        pixels = points_background(page.store, loaded.manifest, item)
    except GazegridError:
        return ""
    return page.uri(thumbnail(pixels, REDUCED_PX), "image/webp")


def _number_lines(row: Sequence[_Loaded]) -> list[Line]:
    """A line for each scalar of a row."""
    cells = [
        {label: (value, caption) for label, value, caption in numbers(loaded.manifest.items)} if loaded.manifest else {}
        for loaded in row
    ]
    lines = []
    for label in dict.fromkeys(label for cell in cells for label in cell):
        values, captions = zip(*(cell.get(label, (None, "")) for cell in cells), strict=True)
        lines.append(Line(label, captions, values, number=True))
    return lines


def _details(loaded: _Loaded) -> Details | None:
    manifest = loaded.manifest
    if manifest is None:
        return None
    series = {name: item for name, item in loaded.items.items() if isinstance(item, Series)}
    tables = [(words(name), item) for name, item in loaded.items.items() if isinstance(item, Table)]
    notes = [(words(item.name), _note(item, loaded.items[item.name])) for item in manifest.items]
    method = loaded.cell.method
    return Details(
        tuple(line_charts(series)),
        tuple(tables),
        tuple((name, note) for name, note in notes if note),
        tuple((label, value) for label, value, _ in parameter_lines([method])),
        _provenance(manifest),
    )


def _note(stored: StoredItem, item: Item) -> str:
    """Description of an item that only the zip contains; empty for others."""
    if isinstance(item, Embedding):
        return f"{item.points.shape[0]} codes of {item.points.shape[1]} numbers; in the zip: {stored.files[0].name}"
    if isinstance(item, Weights):
        count = sum(array.size for array in item.tensors.values())
        return f"{count:,} trained parameters; in the zip: {stored.files[0].name}"
    return ""


def _provenance(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    spec = manifest.spec
    decided = {
        "key": manifest.key,
        "method": f"{spec['method']['name']}, version {spec['method']['version']}",
        "network": spec["network"],
        "seed": spec["seed"],
    }
    return tuple((words(name), text) for name, text in (*_flat(decided), *_flat(manifest.provenance)))


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(path, value) of each leaf of a JSON document."""
    lines: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{name} ")
        else:
            lines.append((prefix + name, formatted(value) if isinstance(value, float) else value_text(value)))
    return lines
