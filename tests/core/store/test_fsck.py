import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import BadInput, Damaged, StoreUnreadable
from core.media.video import Video
from core.store.fsck import LEFTOVER_S, check, repair
from core.store.gallery import load_gallery
from core.store.inputs import dataset_path, video_path
from core.store.store import Store, result_folder
from tests.support.kept import a_comparison, a_gallery, fill
from tests.support.squares import squares


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path, random.Random], object]] = {
    "flipped bit": flip,
    "cut short": lambda path, chance: path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)]),
    "emptied": lambda path, _: path.write_bytes(b""),
    "zeros": lambda path, _: path.write_bytes(b"\0" * path.stat().st_size),
    "lengthened": lambda path, _: path.write_bytes(path.read_bytes() + b"\0"),
    "lost": lambda path, _: path.unlink(),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def root(store: Store) -> Path:
    return Path(store.shelf.root)


def test_a_sound_store_has_no_problem_and_is_left_alone(store: Store) -> None:
    gallery = a_gallery(store, comparisons=2, full=True)
    before = {path: path.read_bytes() for path in root(store).rglob("*") if path.is_file()}
    assert repair(store) == []
    assert {path: path.read_bytes() for path in root(store).rglob("*") if path.is_file()} == before
    assert load_gallery(store, gallery.id) == gallery


def test_every_one_of_300_damaged_results_is_reported_and_none_is_accepted(store: Store) -> None:
    chance = random.Random(7)  # noqa: S311
    keys = [key for seed in range(31) for key in fill(store, a_comparison(store, seed, pictures=5))]
    sound = set(chance.sample(keys, len(keys) - 300))
    contents = {}
    for number, key in enumerate(key for key in keys if key not in sound):
        files = sorted((root(store) / "results" / key[:2] / key).iterdir())
        DAMAGES[sorted(DAMAGES)[number % len(DAMAGES)]](chance.choice(files), chance)
        contents[key] = [path.read_bytes() for path in sorted(files[0].parent.iterdir())]
    assert len(contents) == 300
    assert {problem.name for problem in check(store)} == set(contents)
    assert {problem.name for problem in repair(store)} == set(contents)
    assert set(store.result_keys()) == sound
    kept = {path.name[-64:]: path for path in (root(store) / "damaged").iterdir() if path.is_dir()}
    assert {key: [file.read_bytes() for file in sorted(kept[key].iterdir())] for key in contents} == contents
    assert repair(store) == []


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "lost"])
def test_damaged_pictures_comparisons_and_galleries_are_reported(store: Store, damage: str) -> None:
    a_gallery(store)
    chance = random.Random(3)  # noqa: S311
    for folder, ending in (("pictures", "png"), ("comparisons", "json"), ("galleries", "json")):
        path = next((root(store) / folder).rglob(f"*.{ending}"))
        DAMAGES["zeros" if (damage, folder) == ("lengthened", "pictures") else damage](path, chance)
    found = [problem for problem in check(store) if problem.kind != "result"]
    assert {problem.kind for problem in found} == {"picture", "comparison", "gallery"}
    repair(store)
    assert list(check(store)) == []
    assert len([path for path in (root(store) / "damaged").iterdir() if path.suffix != ".txt"]) == 3


@pytest.mark.parametrize("damage", ["cut short", "emptied", "lengthened", "zeros"])
def test_a_damaged_data_set_is_set_aside_and_can_be_added_again(store: Store, damage: str) -> None:
    sound, damaged = squares(each=2, held_out=1), squares(each=3, held_out=1)
    for dataset in (sound, damaged):
        store.inputs.put_dataset(dataset)
    assert list(check(store)) == []
    DAMAGES[damage](root(store) / dataset_path(damaged.digest), random.Random(3))  # noqa: S311
    assert [(problem.kind, problem.name) for problem in repair(store)] == [("dataset", damaged.digest)]
    assert list(check(store)) == []
    assert store.inputs.dataset(sound.digest).digest == sound.digest
    with pytest.raises(BadInput, match="add it again"):
        store.inputs.dataset(damaged.digest)
    assert store.inputs.dataset(store.inputs.put_dataset(damaged)).digest == damaged.digest


def test_a_damaged_video_is_set_aside_and_can_be_added_again(store: Store) -> None:
    sound, damaged = Video(b"one video"), Video(b"another video")
    for video in (sound, damaged):
        store.inputs.put_video(video)
    assert list(check(store)) == []
    (root(store) / video_path(damaged.digest)).write_bytes(b"another fil")
    assert [(problem.kind, problem.name) for problem in repair(store)] == [("video", damaged.digest)]
    assert store.inputs.video(sound.digest).content == sound.content
    with pytest.raises(BadInput, match="upload it again"):
        store.inputs.video(damaged.digest)
    store.inputs.put_video(damaged)
    store.shelf.write(video_path(damaged.digest), b"")
    with pytest.raises(Damaged, match="damaged on disk"):
        store.inputs.video(damaged.digest)
    assert list(check(store)) == []


def test_what_a_training_keeps_until_it_ends_is_no_problem(store: Store) -> None:
    store.checkpoint("1" * 64).write(b"how far it is")
    store.shared("2" * 64).write(b"what a teacher said")
    assert repair(store) == []
    assert store.checkpoint("1" * 64).read() == b"how far it is"


def test_what_lies_in_a_wrong_place_is_set_aside(store: Store) -> None:
    key, other = fill(store, a_comparison(store, pictures=1))
    (root(store) / result_folder(key)).rename(root(store) / "results" / key[:2] / ("0" * 64))
    (root(store) / "results" / other[:2]).rename(root(store) / "results" / "xx")
    strays = ("results/zz/junk/file", "pictures/ab/x.png", "comparisons/ab/y.json", "galleries/z.json")
    for stray in (*strays, "datasets/ab/z.parquet"):
        store.shelf.write(stray, b"?")
    assert len(list(check(store))) == 7
    repair(store)
    assert list(check(store)) == []
    assert list(store.result_keys()) == []


def test_a_folder_in_a_files_place_is_a_problem_and_no_crash(store: Store) -> None:
    gallery = a_gallery(store)
    for path in (next((root(store) / "pictures").rglob("*.png")), root(store) / "galleries" / f"{gallery.id}.json"):
        path.unlink()
        path.mkdir()
    assert sorted(problem.kind for problem in repair(store)) == ["gallery", "picture"]
    assert list(check(store)) == []


def test_a_write_that_never_ended_is_cleared_and_one_that_goes_on_is_not(store: Store) -> None:
    store.shelf.write(f"tmp/{1_700_000_000}-1-abc/group/remaining.png", b"half")
    store.shelf.write("tmp/stranger/file", b"half")
    now = int(store.shelf.size_and_time("tmp")[1])
    store.shelf.write(f"tmp/{now}-2-def/group/remaining.png", b"half")
    assert [problem.kind for problem in repair(store)] == ["leftover"] * 2
    assert list(store.shelf.names("tmp")) == [f"{now}-2-def"]
    assert LEFTOVER_S > 60


def test_a_store_that_went_away_is_not_called_sound(store: Store) -> None:
    fill(store, a_comparison(store))
    root(store).rename(root(store).with_name("elsewhere"))
    with pytest.raises(StoreUnreadable, match="does not exist"):
        list(check(store))


def test_a_result_that_was_set_aside_is_computed_again(store: Store) -> None:
    comparison = a_comparison(store)
    key, *_ = fill(store, comparison)
    flip(root(store) / "results" / key[:2] / key / "remaining.png", random.Random(1))  # noqa: S311
    repair(store)
    assert not store.has(key)
    fill(store, comparison)
    assert store.result(key) is not None
