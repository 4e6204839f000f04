import io
import random
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.canonical import canonical_json, digest_of, parsed_json
from core.errors import BadInput, Damaged, GazegridError
from core.export import archive
from core.items import Animation, Image, Result
from core.jobs.comparison import Comparison, PictureRef
from core.media.drawn_styles import STYLES
from core.methods import METHODS, make_method
from core.store.gallery import Gallery, add_to_gallery, galleries, load_gallery
from core.store.inputs import video_path
from core.store.manifest import FILE_NAME
from core.store.store import Store
from tests.support.archives import exported, imported
from tests.support.kept import PROVENANCE, a_comparison, a_gallery, a_picture, fill
from tests.support.videos import a_video, pan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    return Store(tmp_path / "elsewhere")


def kept_files(store: Store) -> dict[str, bytes]:
    root = Path(store.shelf.root)
    folders = ("results", "pictures", "videos", "comparisons", "galleries")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def test_an_exported_gallery_is_imported_with_the_same_keys_and_bytes(store: Store, elsewhere: Store) -> None:
    gallery = a_gallery(store, comparisons=3, full=True)
    assert imported(elsewhere, exported(store, gallery)) == gallery
    here, there = kept_files(store), kept_files(elsewhere)
    assert sorted(here) == sorted(there)
    assert {name for name in here if here[name] != there[name]} <= {name for name in here if "comparisons" in name}
    assert sorted(elsewhere.result_keys()) == sorted(store.result_keys())
    assert exported(elsewhere, gallery) == exported(store, gallery)


def test_importing_twice_changes_nothing(store: Store, elsewhere: Store) -> None:
    data = exported(store, a_gallery(store))
    imported(elsewhere, data)
    once = kept_files(elsewhere)
    imported(elsewhere, data)
    assert kept_files(elsewhere) == once


def test_a_gallery_of_that_name_keeps_its_own_entries(store: Store, elsewhere: Store) -> None:
    gallery = a_gallery(store)
    own = a_comparison(elsewhere, 9)
    add_to_gallery(elsewhere, gallery.name, own.key, "ours")
    merged = imported(elsewhere, exported(store, gallery))
    assert [entry.comparison for entry in merged.entries] == [own.key, gallery.entries[0].comparison]


def test_pictures_that_a_method_names_travel_with_its_comparison(store: Store, elsewhere: Store) -> None:
    style, mask = (store.inputs.put_picture(a_picture(seed)) for seed in (70, 71))
    method = make_method("style_transfer", {"styles": (style, STYLES["waves"].digest), "mask": mask})
    content = PictureRef(store.inputs.put_picture(a_picture(72)), "photo")
    comparison = Comparison((content,), ("random/resnet18",), (method,))
    store.put_comparison(comparison)
    data = exported(store, add_to_gallery(store, "Painted", comparison.key))
    imported(elsewhere, data)
    assert all(elsewhere.inputs.picture(digest).digest == digest for digest in (content.digest, style, mask))
    members = members_of(data)
    for lost in (style, mask, STYLES["waves"].digest):
        rest = {name: content for name, content in members.items() if lost not in name}
        with pytest.raises(BadInput, match="lacks a picture that its comparisons name"):
            imported(Store(Path(elsewhere.shelf.root).with_name("other")), zipped(rest))


def a_painted_video(store: Store) -> tuple[Gallery, str, str]:
    """A gallery with a video that is kept and painted; the digest of the video, the key of the result."""
    digest = store.inputs.put_video(a_video(pan(3), "mp4"))
    comparison = Comparison((), (), (make_method("style_video", {"model": "a" * 64, "video": digest}),))
    store.put_comparison(comparison)
    (cell,) = comparison.cells()
    painted = Animation(frames=np.stack(pan(2)), whole=a_video(pan(2), "mp4").content)
    key = store.publish(cell.spec, Result({"stylized": painted}), PROVENANCE).key
    return add_to_gallery(store, "Videos", comparison.key), digest, key


def test_a_painted_video_travels_with_the_video_that_it_was_made_from(store: Store, elsewhere: Store) -> None:
    gallery, digest, key = a_painted_video(store)
    data = exported(store, gallery)
    assert imported(elsewhere, data) == gallery
    assert elsewhere.inputs.video(digest).content == store.inputs.video(digest).content
    assert elsewhere.read(key, "stylized.mp4") == store.read(key, "stylized.mp4")
    members = members_of(data)
    other = Store(Path(elsewhere.shelf.root).with_name("other"))
    with pytest.raises(Damaged, match="does not match its"):
        imported(other, zipped({**members, f"videos/{digest}": a_video(pan(4)).content}))
    with pytest.raises(BadInput, match="begins with"):
        imported(other, zipped({**members, f"videos/{digest}": b"no video"}))
    with pytest.raises(BadInput, match="does not name"):
        imported(other, zipped({**members, f"videos/{'0' * 64}": a_video().content}))
    assert kept_files(other) == {}


def test_a_gallery_whose_video_is_gone_travels_without_it(store: Store, elsewhere: Store) -> None:
    gallery, digest, key = a_painted_video(store)
    store.shelf.delete(video_path(digest))
    imported(elsewhere, exported(store, gallery))
    assert elsewhere.has(key)
    assert not elsewhere.inputs.has_video(digest)


def test_cells_that_were_not_computed_stay_away(store: Store, elsewhere: Store) -> None:
    comparison = a_comparison(store)
    key, *_ = fill(store, comparison)
    for other in list(store.result_keys()):
        if other != key:
            store.delete_result(other)
    imported(elsewhere, exported(store, add_to_gallery(store, "Cats", comparison.key)))
    assert list(elsewhere.result_keys()) == [key]


def test_any_flipped_byte_is_refused_or_harmless_and_never_half_imported(store: Store, elsewhere: Store) -> None:
    data = exported(store, gallery := a_gallery(store, comparisons=1))
    chance = random.Random(11)  # noqa: S311
    refused = 0
    for position in sorted(chance.sample(range(len(data)), 150)):
        changed = data[:position] + bytes([data[position] ^ (1 << chance.randrange(8))]) + data[position + 1 :]
        try:
            taken = imported(elsewhere, changed)
        except GazegridError:
            refused += 1
            assert kept_files(elsewhere) == {}
        else:  # a time stamp or an attribute of the zip itself
            assert taken == gallery
            assert exported(elsewhere, taken) == data
            elsewhere = Store(Path(elsewhere.shelf.root).with_name(f"elsewhere{position}"))
    assert refused > 100


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_zip_that_was_cut_short_is_refused(store: Store, elsewhere: Store, share: float) -> None:
    data = exported(store, a_gallery(store))
    with pytest.raises(BadInput, match="not a gallery's zip, or it is incomplete"):
        imported(elsewhere, data[: int(len(data) * share)])
    assert kept_files(elsewhere) == {}


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "results/../../evil", "C:\\evil", "evil.txt", "results/" + "0" * 64 + "/x"]
)
def test_a_file_that_the_gallery_does_not_name_is_refused(store: Store, elsewhere: Store, name: str) -> None:
    members = members_of(exported(store, a_gallery(store)))
    with pytest.raises(BadInput, match="does not name"):
        imported(elsewhere, zipped({**members, name: b"evil"}))
    assert kept_files(elsewhere) == {}
    assert not list(Path(elsewhere.shelf.root).parent.rglob("*evil*"))


@pytest.mark.parametrize("part", ["gallery.json", "comparisons/", "pictures/", "remaining.png"])
def test_a_part_that_is_missing_is_refused(store: Store, elsewhere: Store, part: str) -> None:
    members = members_of(exported(store, a_gallery(store)))
    lost = next(name for name in members if part in name)
    with pytest.raises((BadInput, Damaged)):
        imported(elsewhere, zipped({name: content for name, content in members.items() if name != lost}))
    assert kept_files(elsewhere) == {}


def test_a_part_of_another_gallery_in_its_place_is_refused(store: Store, elsewhere: Store) -> None:
    members = members_of(exported(store, a_gallery(store, "One")))
    others = members_of(exported(store, a_gallery(store, "Two", comparisons=2)))
    strangers = {name.partition("/")[0]: content for name, content in others.items() if name not in members}
    for folder in ("comparisons", "pictures"):
        name = next(name for name in members if name.startswith(folder))
        with pytest.raises(Damaged, match="does not match its"):
            imported(elsewhere, zipped({**members, name: strangers[folder]}))
    assert kept_files(elsewhere) == {}


def test_a_manifest_that_names_a_file_outside_of_its_folder_is_refused(store: Store, elsewhere: Store) -> None:
    gallery = a_gallery(store)
    key = next(store.result_keys())
    manifest = store.manifest(key)
    members = members_of(exported(store, gallery))
    text = manifest.to_bytes().replace(b'"remaining.png"', b'"../../remaining.png"')
    document = parsed_json(text)["manifest"]
    forged = canonical_json({"digest": digest_of(document), "manifest": document})
    members[f"results/{key}/../../remaining.png"] = members.pop(f"results/{key}/remaining.png")
    with pytest.raises(BadInput, match="that is not its own"):
        imported(elsewhere, zipped({**members, f"results/{key}/{FILE_NAME}": forged}))
    assert kept_files(elsewhere) == {}


def test_a_bomb_is_refused_by_the_size_that_it_declares(elsewhere: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("gallery.json", b"\0" * 2**23)
    assert len(bomb.getvalue()) < 10_000
    monkeypatch.setattr(archive, "MAX_ARCHIVE_BYTES", 2**22)
    with pytest.raises(BadInput, match="must have at most 100,000 files and 4 MiB"):
        imported(elsewhere, bomb.getvalue())


def test_too_many_files_are_refused(elsewhere: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 5)
    with pytest.raises(BadInput, match="must have at most 5 files"):
        imported(elsewhere, zipped({f"{number}": b"" for number in range(6)}))


@pytest.mark.parametrize("name", ["MAX_ARCHIVE_BYTES", "MAX_FILES"])
def test_export_refuses_what_import_would_refuse_in_the_same_sentence(
    store: Store, elsewhere: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = exported(store, gallery := a_gallery(store))
    needed = {"MAX_ARCHIVE_BYTES": len(data), "MAX_FILES": len(members_of(data))}[name]
    assert sum(map(len, members_of(data).values())) < len(data)  # the limit holds for the zip itself too
    monkeypatch.setattr(archive, name, needed)
    assert imported(elsewhere, exported(store, gallery)) == gallery
    monkeypatch.setattr(archive, name, needed - 1)
    with pytest.raises(BadInput) as refused_import:
        imported(elsewhere, data)
    with pytest.raises(BadInput) as refused_export:
        exported(store, gallery)
    assert str(refused_export.value) == str(refused_import.value)


@pytest.mark.parametrize(("side", "limit_bytes"), [(12, 25_000_000), (24, 60)])
def test_export_refuses_a_picture_that_import_would_refuse(
    store: Store, elsewhere: Store, monkeypatch: pytest.MonkeyPatch, side: int, limit_bytes: int
) -> None:
    reference = PictureRef(store.inputs.put_picture(a_picture(1, side)), "small")
    comparison = Comparison((reference,), ("random/resnet18",), (make_method("detail_search", {}),))
    store.put_comparison(comparison)
    gallery = add_to_gallery(store, "Small", comparison.key)
    with monkeypatch.context() as unchecked:
        unchecked.setattr(archive, "check_png", lambda *_: None)
        data = exported(store, gallery)
    monkeypatch.setattr("core.media.picture.MAX_BYTES", limit_bytes)
    with pytest.raises(BadInput) as refused_import:
        imported(elsewhere, data)
    with pytest.raises(BadInput) as refused_export:
        exported(store, gallery)
    assert str(refused_export.value) == str(refused_import.value)


def peak_bytes_of_export(store: Store, gallery: Gallery) -> tuple[int, int]:
    """(bytes allocated at most while the gallery is exported, size of the zip in bytes)."""
    tracemalloc.start()
    with archive.export_zip(store, gallery) as file:
        size_bytes = file.seek(0, io.SEEK_END)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak_bytes, size_bytes


def test_the_memory_of_an_export_does_not_grow_with_the_archive(store: Store) -> None:
    comparison = a_comparison(store, pictures=10)
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    first, *others = comparison.cells()
    gallery = add_to_gallery(store, "Large", comparison.key)
    store.publish(first.spec, Result({"remaining": Image(pixels=noise)}), PROVENANCE)
    small_peak_bytes, small_bytes = peak_bytes_of_export(store, gallery)
    for cell in others:
        store.publish(cell.spec, Result({"remaining": Image(pixels=noise)}), PROVENANCE)
    large_peak_bytes, large_bytes = peak_bytes_of_export(store, gallery)
    assert large_bytes > 10 * small_bytes > 10_000_000
    assert large_peak_bytes < 1.5 * small_peak_bytes


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 50_000, b'{"digest": "x", "gallery": {"name": "a", "entries": []}}']
)
def test_a_gallery_that_is_none_is_refused(elsewhere: Store, content: bytes) -> None:
    with pytest.raises(Damaged):
        imported(elsewhere, zipped({"gallery.json": content}))


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 50_000, b"null", b'{"schema": 1}', b'{"schema": 99}'])
def test_a_comparison_that_is_none_is_refused(store: Store, elsewhere: Store, content: bytes) -> None:
    members = members_of(exported(store, a_gallery(store)))
    name = next(name for name in members if name.startswith("comparisons/"))
    with pytest.raises((BadInput, Damaged)):
        imported(elsewhere, zipped({**members, name: content}))
    assert kept_files(elsewhere) == {}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_any_fault_of_a_zip_is_one_sentence(elsewhere: Store, compression: int) -> None:
    buffer, chance = io.BytesIO(), random.Random(5)  # noqa: S311
    with zipfile.ZipFile(buffer, "w", compression) as opened:
        opened.writestr("résultats", bytes(range(256)) * 3)
    for position in range(len(buffer.getvalue())):
        changed = bytearray(buffer.getvalue())
        changed[position] = chance.randrange(256)
        with pytest.raises(BadInput):
            imported(elsewhere, bytes(changed))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip", b"\x89PNG\r\n", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_gallery_is_one_sentence(elsewhere: Store, data: bytes) -> None:
    with pytest.raises(BadInput, match="not a gallery's zip"):
        imported(elsewhere, data)


def test_a_zip_that_names_a_member_twice_is_refused(store: Store, elsewhere: Store) -> None:
    data = io.BytesIO(exported(store, a_gallery(store)))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(data, "a") as opened:
        opened.writestr("gallery.json", Gallery("Other").to_bytes())
    with pytest.raises(BadInput, match="twice"):
        imported(elsewhere, data.getvalue())


def test_a_damaged_gallery_of_that_name_here_is_not_overwritten(store: Store, elsewhere: Store) -> None:
    gallery = a_gallery(store)
    elsewhere.shelf.write(f"galleries/{gallery.id}.json", b"damaged")
    with pytest.raises(Damaged):
        imported(elsewhere, exported(store, gallery))
    assert elsewhere.shelf.read(f"galleries/{gallery.id}.json") == b"damaged"
    assert list(elsewhere.result_keys()) == []


def test_a_damaged_result_is_not_exported(store: Store) -> None:
    gallery = a_gallery(store)
    key = next(store.result_keys())
    (Path(store.shelf.root) / "results" / key[:2] / key / "remaining.png").write_bytes(b"?")
    with pytest.raises(Damaged, match="set aside"):
        exported(store, gallery)
    assert load_gallery(store, gallery.id) in list(galleries(store))


def test_a_comparison_of_an_earlier_version_is_not_exported_as_if_it_were_of_this_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = a_gallery(store)
    monkeypatch.setattr(METHODS["detail_search"], "version", 99)
    with pytest.raises(BadInput, match="an earlier version of its method"):
        exported(store, gallery)
