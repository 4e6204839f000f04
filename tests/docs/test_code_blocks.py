"""Every code block of the tutorial and the how-tos runs, in the order of its page; only sizes and steps are smaller."""

from __future__ import annotations

import io
import json
import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import timm
from PIL import Image as PillowImage
from pyarrow import parquet
from safetensors.torch import save_file
from typer.testing import CliRunner

from core.errors import NetworkUnavailable
from core.media.samples import sample
from core.settings import REPOSITORY, Settings, get_settings
from tests.support.videos import a_video, pan
from workers.cli.main import app

PAGES = [REPOSITORY / "docs" / "tutorial.md", *sorted((REPOSITORY / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"sh", "python", "json", "text"}
"""`text` is no code, such as a layout of files."""
SMALLER = {
    "run autoencoder": "--inline --set epochs=1 --set labels_per_class=0 --set input_px=16",
    "run gan": "--inline --set epochs=1 --set input_px=16",
    "run style_transfer": "--inline --set steps=1 --set size_px=32",
    "run photo_style": "--inline --set steps=1 --set size_px=32",
    "run style_model": "--inline --set steps=1 --set size_px=32 --set width=4",
    "run style_video": "--inline --set max_frames=2",
    "run": "--inline",
    "study": "--inline --pictures 10 --set steps=1",
    "measure": "--inline --any-prediction --pictures 2 --steps 2",
    "train --evaluate": "",
    "train birds-vit": "--inline --set epochs=1 --set batch_size=16 --set randaugment=0",
    "train": "--inline --set epochs=1 --set input_px=32 --set batch_size=16 --set randaugment=0",
}
"""What a command is given besides, so that it takes seconds; the longest beginning counts."""
IN_ITS_PLACE = {"epochs=20,80": "epochs=1,2", "digits": "photos/"}
"""A word of a page -> what is run in its place: a smaller variant, fewer pictures."""
NEEDS_A_HUB = "networks --fetch"
CLASSES = ("goldfish", "banana")
"""Known to the bundled networks."""
EACH = 50
OWN = ("mine", "birds")
"""Networks of a reader's own that pages speak of."""
MODEL_OF = {"reconstruct": "autoencoder", "encode": "autoencoder", "sample": "gan", "stylize": "style_model",
            "style_video": "style_model"}  # fmt: skip
"""A method -> the one whose result a page's `KEY` is."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, code) of each block."""
    return [(language, code) for _, language, code in BLOCK.findall(page.read_text("utf-8"))]


def commands(code: str) -> list[list[str]]:
    """The words of each line; a line that ends in a backslash goes on."""
    return [shlex.split(line) for line in code.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_json_block_is_json(page: Path) -> None:
    for language, code in blocks(page):
        if language == "json":
            json.loads(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_has_a_test_of_its_own(page: Path) -> None:
    if any(language == "python" for language, _ in blocks(page)):
        assert (Path(__file__).parent / f"test_{page.stem.replace('-', '_')}.py").exists()


def a_photo(number: int, label: str) -> bytes:
    """A PNG of 64 px, of another brightness for each class."""
    noise = np.random.default_rng(number).integers(0, 128, (64, 64, 3)) + 100 * (label == CLASSES[0])
    buffer = io.BytesIO()
    PillowImage.fromarray(noise.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def put_own_network(home: Path, name: str) -> None:
    """A small network of the pages' classes, as a reader would have it."""
    folder = home / "networks" / "local" / name
    folder.mkdir(parents=True)
    save_file(timm.create_model("test_resnet", num_classes=len(CLASSES)).state_dict(), folder / "model.safetensors")
    config = {
        "architecture": "test_resnet", "num_classes": len(CLASSES), "label_names": CLASSES,
        "pretrained_cfg": {"input_size": [3, 64, 64]},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files that the pages speak of, and a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / ".gazegrid"))
    get_settings.cache_clear()
    files = {f"{label}/{n}.png": a_photo(n, label) for label in CLASSES for n in range(EACH)}
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    zipfile.ZipFile("photos.zip").extractall("photos")
    rows = [{"image": content, "label": CLASSES.index(name.partition("/")[0])} for name, content in files.items()]
    boxes = {"x0": 8, "y0": 8, "x1": 40, "y1": 40}
    parquet.write_table(pa.Table.from_pylist([row | boxes for row in rows]), "val.parquet")
    Path("classes.json").write_text(json.dumps(CLASSES))
    for name in ("my-photo.jpg", "digit.png"):
        PillowImage.fromarray(sample("cat").pixels).resize((96, 64)).save(name)
    Path("clip.mp4").write_bytes(a_video(pan(3), "mp4").content)
    for name in OWN:
        put_own_network(tmp_path / ".gazegrid", name)
    yield tmp_path
    get_settings.cache_clear()


class Reader:
    """Types what a page says, and remembers the keys that it was shown."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        """Placeholder in a page -> what stands for it: `GRID`, `KEY`."""
        self.models: dict[str, str] = {}
        """Method -> key of its last result."""

    def types(self, words: list[str]) -> None:
        """One line."""
        if words[0] == "gazegrid":
            self._runs(words[1:])
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE), words
        elif words[0] == "export":
            assert words[1].partition("=")[0].removeprefix("GAZEGRID_").lower() in Settings.model_fields, words
        elif words[0] == "docker":
            assert all((REPOSITORY / word).exists() for word in words if word.endswith(".yml")), words
        else:
            raise AssertionError(f"nobody has said how {words[0]} is tested")

    def _runs(self, words: list[str]) -> None:
        begin = " ".join(words)
        words = [IN_ITS_PLACE.get(word, self._filled_in(word, words)) for word in words]
        smaller = next(
            (SMALLER[start] for start in sorted(SMALLER, key=len, reverse=True) if begin.startswith(start)), ""
        )
        done = CliRunner().invoke(app, [*words, *shlex.split(smaller)])
        if begin.startswith(NEEDS_A_HUB):
            assert isinstance(done.exception, NetworkUnavailable), done.output
            return
        assert done.exit_code == 0, f"{begin}: {done.output}{done.exception!r}"
        if grid := re.search(r"^grid ([0-9a-f]{64})$", done.output, re.MULTILINE):
            self.shown["GRID"] = grid[1]
        if grid and words[0] == "run":
            cells = [key for key in re.findall(r"\b[0-9a-f]{64}\b", done.output) if key != grid[1]]
            self.models[words[1]] = cells[0]

    def _filled_in(self, word: str, words: list[str]) -> str:
        model = self.models.get(MODEL_OF.get(words[1], ""), "") if len(words) > 1 else ""
        return re.sub(r"\b(GRID|KEY)\b", lambda found: self.shown["GRID"] if found[0] == "GRID" else model, word)


@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_runs(page: Path) -> None:
    if page.name == "add-a-method.md":
        pytest.skip("its command runs the page's own method: test_add_a_method.py")
    reader = Reader()
    for language, code in blocks(page):
        if language == "json":
            Path("recipe.json").write_text(code)
        if language == "sh":
            for words in commands(code):
                reader.types(words)
