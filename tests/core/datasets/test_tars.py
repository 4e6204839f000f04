"""Tars: class folders, WebDataset's samples, shards in a folder, and what is made to do harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.datasets import file_tree, files
from core.datasets.files import read_dataset
from core.datasets.upload import read_upload
from core.errors import BadInput
from tests.core.datasets.test_files import BLUE, GREEN, PARTED, RED, TWO, folder, packed, told
from tests.core.datasets.test_idx import FILES
from tests.core.datasets.test_unlabeled import LOOSE

MIB = 2**20


@pytest.fixture(autouse=True)
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found does not depend on what is decoded, which takes a process."""
    monkeypatch.setattr(files, "kept", iter)


def tarred(path: Path, content: Mapping[str, bytes], top: str = "") -> Path:
    """A tar, packed by gzip where the ending says so, with a header for each folder as tar writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name in sorted({str(Path(top + name).parent) for name in content}):
            header = tarfile.TarInfo(name)
            header.type = tarfile.DIRTYPE
            archive.addfile(header)
        for name, data in content.items():
            add(archive, top + name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    archive.addfile(header, io.BytesIO(data))


def samples(labels: Mapping[str, object], kind: str, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files as WebDataset's writer names and encodes them."""
    made: dict[str, bytes] = {}
    for name, label in labels.items():
        text = json.dumps(label) if kind == "json" else str(label)
        made |= {f"{name}.{kind}": text.encode(), f"{name}.png": pictures[name]}
    return made


THREE = {"0000": RED, "0001": GREEN, "0002": BLUE, "0003": RED}


# class folders


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "TAR.GZ"])
@pytest.mark.parametrize("top", ["", "./", "animals/", "./animals/"])
def test_a_tar_is_the_data_set_that_its_zip_is(tmp_path: Path, ending: str, top: str) -> None:
    for number, content in enumerate((TWO, PARTED, LOOSE, FILES)):
        expected = read_dataset([packed(tmp_path / f"{number}.zip", content)], labeled=False)
        path = tarred(
            tmp_path / f"{number}.{ending}", content, top if content is not LOOSE else top[:2] * (top[:1] == ".")
        )
        assert read_dataset([path], labeled=False).digest == expected.digest


def test_an_uploaded_tar_is_read(tmp_path: Path) -> None:
    for ending in ("tar", "tar.gz", "tgz"):
        path = tarred(tmp_path / f"a.{ending}", TWO)
        assert told(read_upload(path.read_bytes(), path.name)) == told(read_dataset([path]))


# WebDataset


def test_samples_have_their_class_in_cls(tmp_path: Path) -> None:
    content = samples({"0000": 1, "0001": "0\n", "0002": 10, "0003": 0}, "cls", THREE)
    path = tarred(tmp_path / "a.tar", content | {"0000.json": b'{"label": 7}', "0001.txt": b"a caption"})
    dataset = read_dataset([path])
    assert [label for _, label, _ in told(dataset)] == ["1", "0", "10", "0"]
    assert dataset.class_names == ("0", "1", "10")
    assert list(dataset.pictures) == list(THREE.values())


def test_names_of_classes_are_beside_the_tar(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", samples({"0000": 1, "0001": 0, "0002": 1, "0003": 0}, "cls", THREE))
    (tmp_path / "classes.json").write_text('["cat", "dog", "bird"]')
    dataset = read_dataset([path])
    assert dataset.class_names == ("cat", "dog", "bird")
    assert [label for _, label, _ in told(dataset)] == ["dog", "cat", "dog", "cat"]


@pytest.mark.parametrize("key", ["label", "class", "labels", "class_name", "fine_label"])
def test_samples_have_their_class_in_json(tmp_path: Path, key: str) -> None:
    labels = {name: {key: ["cat", "dog"][number % 2], "width": 20} for number, name in enumerate(THREE)}
    dataset = read_dataset([tarred(tmp_path / "a.tar", samples(labels, "json", THREE))], labeled=False)
    assert [label for _, label, _ in told(dataset)] == ["cat", "dog", "cat", "dog"]


def test_a_key_that_may_be_the_class_is_never_left_out_in_silence(tmp_path: Path) -> None:
    labels = {name: {"breed": ["x", "y"][number % 2], "width": 20} for number, name in enumerate(THREE)}
    path = tarred(tmp_path / "a.tar", samples(labels, "json", THREE))
    with pytest.raises(BadInput, match=r"^the JSON of a\.tar has no column .* but breed may be one"):
        read_dataset([path], labeled=False)
    assert read_dataset([path], label_column="breed").class_names == ("x", "y")
    assert read_dataset([path], label_column="none", labeled=False).class_names == ("all",)


def test_samples_have_their_class_in_txt(tmp_path: Path) -> None:
    labels = {name: ["cat", "dog\n"][number % 2] for number, name in enumerate(THREE)}
    dataset = read_dataset([tarred(tmp_path / "a.tar", samples(labels, "txt", THREE))], labeled=False)
    assert dataset.class_names == ("cat", "dog")


def test_a_name_ends_at_its_first_dot_and_folders_are_part_of_it(tmp_path: Path) -> None:
    content = {
        "a/1.png": RED,
        "a/1.cls": b"0",
        "b/1.png": BLUE,
        "b/1.cls": b"1",
        "b/1.seg.png": b"mask",
        "b/1.v2.txt": b"?",
    }
    path = tarred(tmp_path / "a.tar", content | {"a/2.png": RED, "a/2.cls": b"0", "b/2.png": BLUE, "b/2.cls": b"1"})
    assert [(data, label) for data, label, _ in told(read_dataset([path]))] == [(RED, "0")] * 2 + [(BLUE, "1")] * 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"2.cls": b"1"}, r"^the sample 2 of a\.tar has a class and no picture$"),
        ({"2.png": RED}, r"^the sample 2 of a\.tar has no class, but others have one$"),
        ({"1.jpg": RED}, r"^the sample 1 of a\.tar has several pictures: "),
        (
            {"2.png": RED, "2.cls": b"-1"},
            r"^the label of sample 2 of a\.tar must be a whole number from 0 to 1, got -1; ",
        ),
        (
            {"2.png": RED, "2.cls": b""},
            r"^the label of sample 2 of a\.tar must be a whole number from 0 to 1 or the name of a class",
        ),
        ({"2.png": RED, "2.cls": b"\xff\xfe"}, r"^2\.cls of a\.tar must be text in UTF-8$"),
    ],
)
def test_a_sample_that_is_not_whole_is_one_sentence(
    tmp_path: Path, content: Mapping[str, bytes], sentence: str
) -> None:
    whole = samples({"0000": 0, "0001": 1, "0002": 0, "1": 1}, "cls", {**THREE, "1": RED})
    (tmp_path / "classes.json").write_text('["cat", "dog"]')
    for labeled in (True, False):
        with pytest.raises(BadInput, match=sentence):
            read_dataset([tarred(tmp_path / "a.tar", whole | content)], labeled=labeled)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff"])
def test_a_description_that_is_no_json_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tarred(tmp_path / "a.tar", {"1.png": RED, "1.json": content})
    with pytest.raises(BadInput, match=r"^1\.json of a\.tar must be (JSON|text in UTF-8)$"):
        read_dataset([path], labeled=False)


def test_captions_are_no_classes(tmp_path: Path) -> None:
    pictures = {f"{number:04}": RED for number in range(20)}
    path = tarred(tmp_path / "a.tar", samples({name: f"photo number {name}" for name in pictures}, "txt", pictures))
    with pytest.raises(
        BadInput, match=r"^the \.txt files of a\.tar look like captions, not classes: set the label column"
    ):
        read_dataset([path], labeled=False)
    assert read_dataset([path], labeled=False, label_column="none").class_names == ("all",)


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_folder_of_tars_is_read_in_order_with_its_parts(tmp_path: Path, ending: str) -> None:
    for part, numbers in (("train", (0, 1)), ("val", (2, 3))):
        names = dict(zip((f"{number:04}" for number in numbers), (RED, BLUE), strict=True))
        content = samples({name: label for label, name in enumerate(names)}, "cls", names)
        tarred(tmp_path / "a" / f"mnist-{part}-000000.{ending}", content)
    (tmp_path / "a" / "classes.json").write_text('{"0": "cat", "1": "dog"}')
    expected = [(RED, "cat", False), (BLUE, "dog", False), (RED, "cat", True), (BLUE, "dog", True)]
    assert told(read_dataset([tmp_path / "a"])) == expected


def test_a_folder_of_zips_is_read_with_its_parts(tmp_path: Path) -> None:
    for part, content in (("train", TWO), ("test", {"dog/3.png": RED})):
        (tmp_path / "a").mkdir(exist_ok=True)
        packed(tmp_path / "a" / f"{part}.zip", content)
    assert read_dataset([tmp_path / "a"]).held_out.tolist() == [False] * 4 + [True]


# what is made to do harm


def harmful(path: Path, header: tarfile.TarInfo) -> Path:
    tarred(path, TWO)
    with tarfile.open(path, "a") as archive:
        archive.addfile(header)
    return path


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("cat/3.png")
    header.type, header.linkname = kind, "/etc/passwd"
    with pytest.raises(
        BadInput, match=r"^the files in a tar must be files and folders, not links, got 'cat/3\.png' in"
    ):
        read_dataset([harmful(tmp_path / "a.tar", header)])


@pytest.mark.parametrize(
    "name", ["../../cat/1.png", "/etc/cat/1.png", "x/../../dog/2.png", "..\\..\\dog.png", "a/" * 3000]
)
def test_a_tar_with_paths_outside_of_it_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = harmful(tmp_path / "b" / "a.tar", tarfile.TarInfo(name))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=r"^the files in a tar must have names [^\n]+$"):
        read_dataset([path])
    assert sorted(tmp_path.rglob("*")) == before


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", TWO)
    with tarfile.open(path, "a") as archive:
        add(archive, "./cat/1.png", BLUE)
    with pytest.raises(BadInput, match=r"^a\.tar holds two files named 'cat/1\.png'$"):
        read_dataset([path])


@pytest.mark.parametrize("name", ["cat/3.png", "cat/readme.md", "cat/3.cls"])
def test_a_tar_of_nothing_but_zeros_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(file_tree, "MAX_PICTURE_BYTES", MIB)
    monkeypatch.setattr(file_tree, "MAX_BYTES", 32 * MIB)
    header = tarfile.TarInfo(name)
    header.size = 50 * MIB
    with gzip.open(tmp_path / "a.tar.gz", "w", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(50):
            file.write(bytes(MIB))
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"^(cat/3.... has more than 1 MiB|a\.tar\.gz holds more than 0 GiB)"):
        read_dataset([tmp_path / "a.tar.gz"])
    assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    tracemalloc.stop()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_that_fills_the_memory_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 50 * MIB
    with gzip.open(tmp_path / "a.tar.gz", "w", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(50):
            file.write(bytes(MIB))
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"^a\.tar\.gz cannot be read: it has a header of more than 1 MiB$"):
        read_dataset([tmp_path / "a.tar.gz"])
    assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    tracemalloc.stop()


def test_headers_without_end_are_one_sentence(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XGLTYPE
    (tmp_path / "a.tar").write_bytes(header.tobuf() * 5000)
    with pytest.raises(BadInput, match=r"^a\.tar cannot be read: [^\n]+$"):
        read_dataset([tmp_path / "a.tar"])


def test_a_tar_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_tree, "MAX_FILES", 3)
    for path in (tarred(tmp_path / "a.tar", TWO), packed(tmp_path / "a.zip", TWO)):
        with pytest.raises(BadInput, match=r"^a\.(tar|zip) holds more than 3 files, which is the limit$"):
            read_dataset([path])


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_damaged_tar_is_one_sentence_or_whole(tmp_path: Path, ending: str) -> None:
    """Cut anywhere or with a changed byte in a header, it never gives fewer pictures than it had."""
    path = tarred(tmp_path / f"a.{ending}", {name: os.urandom(300) for name in TWO})
    whole = path.read_bytes()
    cuts = range(0, len(whole) - 1024 if ending == "tar" else len(whole), 512 if ending == "tar" else 97)
    flips = [at for at in range(0, len(whole), 64) if ending == "tar.gz" or whole[at : at + 8].strip(b"\0")]
    damaged = [whole[:cut] for cut in cuts] + [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in flips]
    for content in damaged:
        path.write_bytes(content)
        try:
            count = len(read_dataset([path], labeled=False))
        except BadInput as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert count == len(TWO)


def test_several_tars_in_one_are_refused(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", TWO)
    path.write_bytes(path.read_bytes() + tarred(tmp_path / "b.tar", {"cat/9.png": RED}).read_bytes())
    with pytest.raises(BadInput, match=r"^a\.tar has more files after its end mark"):
        read_dataset([path])


def test_an_archive_beside_what_was_unpacked_of_it_is_left_out(tmp_path: Path) -> None:
    tarred(folder(tmp_path / "a", TWO) / "a.tar", TWO)
    assert len(read_dataset([tmp_path / "a"])) == len(TWO)


def test_a_tar_in_a_folder_beside_pictures_without_classes_is_one_sentence(tmp_path: Path) -> None:
    tarred(folder(tmp_path / "a", LOOSE) / "b.tar", TWO)
    with pytest.raises(BadInput, match=r"^a holds both pictures and b\.tar: give one of them$"):
        read_dataset([tmp_path / "a"])


def test_a_picture_has_a_class_whatever_stands_before_its_ending(tmp_path: Path) -> None:
    content = {f"{number}.{kind}": data for number in range(4) for kind, data in (
        ("image.png", RED), ("cls", str(number % 2).encode()),
    )}  # fmt: skip
    assert read_dataset([tarred(tmp_path / "a.tar", content)], labeled=False).labels.tolist() == [0, 1, 0, 1]


def test_samples_without_a_class_leave_it_to_the_folders(tmp_path: Path) -> None:
    content = {f"{name}/{number}.{kind}": data for name in ("cat", "dog") for number in range(2) for kind, data in (
        ("png", RED), ("json", b'{"width": 3}'),
    )}  # fmt: skip
    assert read_dataset([tarred(tmp_path / "a.tar", content)], labeled=False).class_names == ("cat", "dog")
