import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.export import page
from core.export.page import export_html
from core.items import Animation, Image, Map, Result, Scalar, Table
from core.jobs.comparison import Comparison, DatasetRef, variants
from core.media.picture import thumbnail
from core.media.video_writer import VideoKind
from core.methods import METHODS
from core.store.gallery import add_to_gallery
from core.store.store import Store, comparison_path, result_folder
from tests.support.kept import (
    PROVENANCE,
    a_comparison,
    a_full_result,
    a_gallery,
    a_picture,
    a_small_result,
    fill,
    undefine,
)
from tests.support.videos import a_video, pan

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_everything_that_the_page_shows_is_in_the_page(store: Store) -> None:
    tags = Tags(export_html(store, a_gallery(store, full=True)).decode()).seen
    addresses = [value for _, found in tags for name, value in found.items() if name in ("src", "href", "srcset")]
    assert addresses
    assert all(value and value.startswith(("data:image/", "#")) for value in addresses)
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "form"}


def test_the_page_forbids_itself_everything_but_its_own_pictures_and_styles(store: Store) -> None:
    tags = Tags(export_html(store, a_gallery(store)).decode()).seen
    policy = next(found["content"] for tag, found in tags if found.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_text_of_users_is_shown_letter_by_letter(store: Store) -> None:
    comparison = a_comparison(store)
    gallery = add_to_gallery(store, HOSTILE[:70], comparison.key, HOSTILE)
    text = export_html(store, gallery).decode()
    assert "<script" not in text
    assert "onerror" in text
    assert not [found for tag, found in Tags(text).seen if "onerror" in found]


def test_maps_of_a_row_share_one_scale_and_rows_do_not(store: Store) -> None:
    gallery = a_gallery(store)
    (section,) = (page._section(page._Page(store), entry, 1) for entry in gallery.entries)
    bars = [line.scale for block in section.blocks for line in block.lines if line.scale]
    rows = [[store.item(store.manifest(cell.spec.key), "destroyed") for cell in row] for row in _rows(store, gallery)]
    greatest = [f"{max(float(item.values.max()) for item in row):.3g}" for row in rows]
    assert [bar.high for bar in bars] == greatest
    assert len(set(greatest)) == 2


def _rows(store, gallery):
    cells = list(store.comparison(gallery.entries[0].comparison).cells())
    return [cells[:2], cells[2:]]


def test_empty_maps_have_no_scale_in_the_page_and_say_so(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    for cell in comparison.cells():
        item = Map(values=np.zeros((3, 3), np.float32), caption="Destroyed. All values are 0: the map marks nothing.")
        number = Scalar(value=None, reason="there is nothing to measure")
        table = Table(columns=("measure", "value"), rows=(("correlation", None),))
        store.publish(cell.spec, Result({"destroyed": item, "edge_energy": number, "all": table}), PROVENANCE)
    gallery = add_to_gallery(store, "Empty", comparison.key)
    (section,) = (page._section(page._Page(store), entry, 1) for entry in gallery.entries)
    assert [line.scale for line in section.blocks[0].lines] == [None, None]
    text = export_html(store, gallery).decode()
    assert "All values are 0: the map marks nothing." in text
    assert "- (there is nothing to measure)" in text
    assert text.count("<td>-</td>") >= 1


def test_a_caption_stands_at_the_row_or_where_cells_differ_at_each_cell(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    for number, cell in enumerate(comparison.cells()):
        seen = Scalar(value=number, caption=f"Seen at layer {number}", subject="tabby")
        left = Image(pixels=a_picture(1).pixels, caption=f"Lit at layer {number}")
        shared = Map(values=np.eye(3, dtype=np.float32), caption="What all share")
        store.publish(cell.spec, Result({"remaining": left, "destroyed": shared, "edge_energy": seen}), PROVENANCE)
    gallery = add_to_gallery(store, "Captions", comparison.key)
    (section,) = (page._section(page._Page(store), entry, 1) for entry in gallery.entries)
    assert [line.caption for line in section.blocks[0].lines] == ["", "What all share", ""]
    text = export_html(store, gallery).decode()
    assert [text.count(said) for said in ("Seen at layer 1", "Lit at layer 0", "What all share")] == [1, 1, 1]


def test_a_cell_without_a_result_says_so(store: Store) -> None:
    comparison = a_comparison(store)
    keys = fill(store, comparison)
    store.delete_result(keys[0])
    (store.shelf.root / result_folder(keys[1]) / "remaining.png").write_bytes(b"no picture")
    text = export_html(store, add_to_gallery(store, "Holes", comparison.key)).decode()
    assert text.count(page.ABSENT) == 1
    assert text.count("does not match its checksum; the result was set aside") == 1


def test_a_cell_where_the_method_is_undefined_says_why(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    undefine(monkeypatch, "vit", "it has no convolution")
    text = export_html(store, a_gallery(store)).decode()
    assert text.count("Not defined here: it has no convolution") == 2


def test_a_comparison_that_is_gone_leaves_the_others(store: Store) -> None:
    gallery = a_gallery(store, comparisons=2)
    store.shelf.delete(comparison_path(gallery.entries[0].comparison))
    text = export_html(store, gallery).decode()
    assert "This comparison cannot be shown: there is no comparison" in text
    assert text.count('<table class="grid"') == 1


def test_a_animation_is_in_the_page_once(store: Store) -> None:
    comparison = a_comparison(store, pictures=1, networks=["random/resnet18"])
    fill(store, comparison, full=True)
    wider = a_comparison(store, pictures=1)
    add_to_gallery(store, "Animations", comparison.key)
    gallery = add_to_gallery(store, "Animations", wider.key)
    animation = page.b64encode(a_full_result().items["animation"].files()["webp"]).decode()
    text = export_html(store, gallery).decode()
    assert text.count(animation) == 1
    assert text.count("Shown above") == 1


@pytest.mark.parametrize(("kind", "begins"), [("mp4", "data:video/mp4;"), ("gif", "data:image/gif;")])
def test_a_whole_animation_is_played_in_the_page_and_a_huge_one_is_shown_small(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: VideoKind, begins: str
) -> None:
    comparison = a_comparison(store, pictures=1, networks=["random/resnet18"])
    animation = Animation(frames=np.stack(pan(2)), whole=a_video(pan(3), kind).content)
    (cell,) = comparison.cells()
    store.publish(cell.spec, Result({"stylized": animation}), PROVENANCE)
    gallery = add_to_gallery(store, "Animations", comparison.key)

    def animations() -> list[str]:
        tags = Tags(export_html(store, gallery).decode()).seen
        return [str(found["src"]) for tag, found in tags if tag == "video" or "Stylized" in str(found.get("alt"))]

    (source,) = animations()
    assert source.startswith(begins)
    assert page.b64encode(animation.whole).decode() in source
    monkeypatch.setattr(page, "ANIMATION_BYTES", len(animation.whole) - 1)
    assert [source.partition(";")[0] for source in animations()] == ["data:image/webp"]


def test_points_lie_where_the_dashboard_draws_them_over_what_the_network_saw(store: Store) -> None:
    comparison = a_comparison(store, pictures=1, networks=["random/resnet18"])
    weights = page.np.array([4, 1], page.np.float32)
    places = page.Points(xy=page.np.array([[2, 3], [6, 7]], page.np.float32), width=8, height=10, weights=weights)
    saw = page.np.full((10, 8, 3), 200, page.np.uint8)
    (cell,) = comparison.cells()
    store.publish(cell.spec, Result({"fixations": places, "original": page.Image(pixels=saw)}), PROVENANCE)
    text = export_html(store, add_to_gallery(store, "Points", comparison.key)).decode()
    assert f'<image href="{page._Page(store).uri(thumbnail(saw, 100), "image/webp")}" width="8" height="10"' in text
    (light, heavy) = (found for tag, found in Tags(text).seen if tag == "circle")
    radii_px, opacities = page.dot_styles(places)
    assert (heavy["cx"], heavy["cy"], light["cx"], light["cy"]) == ("2.0", "3.0", "6.0", "7.0")
    assert float(heavy["r"] or 0) == pytest.approx(0.1 * radii_px[0], abs=0.01)
    assert float(light["opacity"] or 0) == pytest.approx(opacities[1], abs=0.01)


def test_curves_tables_parameters_and_provenance_are_in_the_details(store: Store) -> None:
    comparison = a_comparison(store, pictures=1, networks=["random/resnet18"])
    (key,) = fill(store, comparison, full=True)
    text = export_html(store, add_to_gallery(store, "One", comparison.key)).decode()
    details = text[text.index("<summary>Details") :]
    assert len(re.findall(r'<path d="M[^"]{40,}" stroke', details)) == 2
    assert "tiger cat" in details
    assert "Loss decision" in details
    assert key in details
    assert "ab" * 32 in details
    assert "2.15.0" in details
    assert "91 % → 95 %" in text


def test_codes_are_drawn_in_the_plane_a_color_a_class(store: Store) -> None:
    tags = Tags(export_html(store, a_gallery(store, full=True)).decode()).seen
    codes = [number for number, (tag, found) in enumerate(tags) if tag == "svg" and found.get("class") == "codes"]
    assert len(codes) == 4, "two pictures, two networks"
    colors = [found["stroke"] for tag, found in tags[codes[0] :] if tag == "path"][:4]
    assert len(set(colors)) == 4


def test_variants_of_a_method_are_told_once_with_all_their_values(store: Store) -> None:
    methods = variants(METHODS["autoencoder"], {"code_size": 8}, {"decoder": ["nearest", "transposed"]})
    comparison = Comparison((), (), methods, 0, (DatasetRef("1" * 64, "digits"),))
    store.put_comparison(comparison)
    text = export_html(store, add_to_gallery(store, "Decoders", comparison.key)).decode()
    assert text.count("description and parameters") == 1
    assert '<dt>Decoder</dt><dd class="changed">nearest, transposed</dd>' in text
    assert '<dt>Code size</dt><dd class="changed">8</dd>' in text
    assert "<dt>Epochs</dt><dd>60</dd>" in text


def test_an_endless_page_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_PAGE_BYTES", 2_000)
    with pytest.raises(BadInput, match="export a zip"):
        export_html(store, a_gallery(store))


def test_a_large_picture_is_reduced(store: Store) -> None:
    shown = page._image_uri(page._Page(store), a_small_result().items["remaining"])
    assert shown.startswith("data:image/png")
    noise = page.np.random.default_rng(0).integers(0, 256, (900, 900, 3), page.np.uint8)
    assert page._image_uri(page._Page(store), page.Image(pixels=noise)).startswith("data:image/webp")
