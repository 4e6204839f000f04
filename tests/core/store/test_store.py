import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput, BadLink, Damaged, StoreError, StoreFull, Superseded
from core.items import KINDS, Result, Scalar
from core.settings import REPOSITORY
from core.store.cache import Cache
from core.store.fsck import check
from core.store.manifest import FILE_NAME
from core.store.store import Store, comparison_path, result_folder
from tests.support.devices import small_device, take_up
from tests.support.kept import PROVENANCE, a_comparison, a_full_result, a_small_result, fill, publish_without_end


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", Cache(tmp_path / "cache", size_mb=16))


def folder_of(store: Store, key: str) -> Path:
    return Path(store.shelf.root) / result_folder(key)


def flip(path: Path, position: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def test_a_result_with_every_kind_of_item_is_read_back(store: Store) -> None:
    result = a_full_result()
    spec = next(a_comparison(store).cells()).spec
    store.publish(spec, result, PROVENANCE)
    found = store.result(spec.key)
    assert found is not None
    assert list(found.items) == list(result.items)
    assert {item.kind for item in found.items.values()} == set(KINDS)
    np.testing.assert_array_equal(found.items["destroyed"].values, result.items["destroyed"].values)
    assert found.metrics == result.metrics


def test_nothing_is_stored_before_publishing(store: Store) -> None:
    key = next(a_comparison(store).cells()).spec.key
    assert (store.manifest(key), store.result(key), store.has(key)) == (None, None, False)
    with pytest.raises(BadInput, match="there is no result"):
        store.read(key, "remaining.png")


def test_the_first_of_two_published_results_stays(store: Store) -> None:
    spec = next(a_comparison(store).cells()).spec
    first = store.publish(spec, a_small_result(1), {"worker": "one"})
    second = store.publish(spec, a_small_result(2), {"worker": "two"})
    assert second == first
    assert store.manifest(spec.key).provenance["worker"] == "one"


def test_who_lost_the_lease_publishes_nothing(store: Store) -> None:
    def no_longer() -> None:
        raise Superseded("another execution holds this job")

    spec = next(a_comparison(store).cells()).spec
    with pytest.raises(Superseded):
        store.publish(spec, a_small_result(), {}, no_longer)
    assert store.manifest(spec.key) is None
    assert list(store.shelf.names("tmp")) == []


def test_a_result_whose_items_share_a_name_with_the_manifest_is_refused(store: Store) -> None:
    spec = next(a_comparison(store).cells()).spec
    with pytest.raises(StoreError, match="must have unique names"):
        store.publish(spec, Result({"manifest": a_full_result().items["top"]}), {})


@pytest.mark.parametrize("text", ["", "../../etc", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", None, 7])
def test_only_keys_become_paths(store: Store, text: str) -> None:
    for ask in (store.manifest, store.has, store.result, store.comparison, store.inputs.picture, store.delete_result):
        with pytest.raises(BadLink, match="64 hex digits"):
            ask(text)


def test_a_file_name_that_the_manifest_does_not_list_is_refused(store: Store) -> None:
    key, *_ = fill(store, a_comparison(store))
    for name in ("../remaining.png", FILE_NAME, "none", "/etc/passwd"):
        with pytest.raises(BadInput, match="has no file"):
            store.read(key, name)


@pytest.mark.parametrize("damage", [flip, lambda path: path.write_bytes(b""), Path.unlink])
def test_a_damaged_file_is_reported_set_aside_and_computed_again(store: Store, damage) -> None:
    cell = next(a_comparison(store).cells())
    store.publish(cell.spec, a_small_result(), {})
    damage(folder_of(store, cell.spec.key) / "remaining.png")
    with pytest.raises(Damaged, match=r"remaining\.png .* set aside"):
        store.result(cell.spec.key)
    assert store.manifest(cell.spec.key) is None
    assert len(list(store.shelf.names("damaged"))) == 2
    store.publish(cell.spec, a_small_result(), {})
    assert store.result(cell.spec.key) is not None


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100, b"[" * 5000])
def test_a_damaged_manifest_counts_as_no_result(store: Store, content: bytes) -> None:
    key, *_ = fill(store, a_comparison(store))
    store.forget(key)
    (folder_of(store, key) / FILE_NAME).write_bytes(content)
    assert store.manifest(key) is None
    assert not folder_of(store, key).exists()


def test_a_damaged_fast_copy_does_not_harm_the_result(store: Store) -> None:
    key, other, *_ = fill(store, a_comparison(store))
    for content in (b"garbage", store.manifest(other).to_bytes()):
        store.cache.set(f"manifest:{key}", content)
        assert store.manifest(key).key == key
    assert folder_of(store, key).is_dir()


def test_a_fast_tier_that_was_lost_is_filled_again_from_the_store(store: Store, tmp_path: Path) -> None:
    keys = fill(store, a_comparison(store, pictures=3))
    empty = Store(store.shelf.root, Cache(tmp_path / "other", size_mb=16))
    assert [empty.manifest(key) for key in keys] == [store.manifest(key) for key in keys]
    assert all(empty.cache.get(f"manifest:{key}") for key in keys)


def test_keys_are_the_results_and_nothing_else(store: Store) -> None:
    keys = fill(store, a_comparison(store))
    for stray in ("results/.DS_Store", "results/ab/junk", "results/ab/" + "0" * 64):
        store.shelf.write(f"{stray}/x" if "ab" in stray else stray, b"")
    assert sorted(store.result_keys()) == sorted(keys)


def test_comparisons_are_read_by_key_and_listed_newest_first(store: Store) -> None:
    first, second = a_comparison(store, 1), a_comparison(store, 2)
    assert store.comparison(first.key) == first
    assert {key for key, _ in store.comparisons()} == {first.key, second.key}
    changed = store.shelf.read(comparison_path(first.key)).replace(b'"seed":1', b'"seed":3')
    store.shelf.write(comparison_path(first.key), changed)
    with pytest.raises(Damaged, match="damaged on disk"):
        store.comparison(first.key)
    store.shelf.write(comparison_path(first.key), b"{}")
    with pytest.raises(Damaged, match="damaged on disk"):
        store.comparison(first.key)
    assert [key for key, _ in store.comparisons()] == [second.key]


def test_a_bucket_keeps_results_as_a_folder_does() -> None:
    store = Store(f"memory://bucket-{os.getpid()}/team")
    comparison = a_comparison(store)
    keys = fill(store, comparison, full=True)
    assert sorted(store.result_keys()) == sorted(keys)
    assert store.comparison(comparison.key) == comparison
    store.shelf.write(f"{result_folder(keys[0])}/remaining.png", b"damaged")
    with pytest.raises(Damaged):
        store.result(keys[0])
    assert store.manifest(keys[0]) is None
    assert store.result(keys[1]) is not None


@pytest.mark.parametrize("bucket", [False, True], ids=["folder", "bucket"])
def test_a_checkpoint_can_be_read_by_another_store_until_it_is_cleared(tmp_path: Path, bucket: bool) -> None:
    place = f"memory://checkpoints-{os.getpid()}/team" if bucket else tmp_path / "store"
    here, there = (Store(place).checkpoint("1" * 64) for _ in range(2))
    assert there.read() is None
    for content in (b"one step", b"two"):
        here.write(content)
        assert there.read() == content
    assert Store(place).checkpoint("2" * 64).read() is None
    assert Store(place).shared("1" * 64).read() is None
    there.clear()
    there.clear()  # nothing is there any more, and that is fine
    assert here.read() is None


def test_what_jobs_share_is_kept_by_its_digest(store: Store) -> None:
    store.shared("1" * 64).write(b"answers")
    assert store.shared("1" * 64).read() == b"answers"
    assert store.shared("2" * 64).read() is None
    for ask in (store.shared, store.checkpoint, store.inputs.dataset):
        with pytest.raises(BadLink):
            ask("../x")


def test_a_reader_never_sees_half_a_result_however_its_writer_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    seed = int(os.environ.get("GAZEGRID_TEST_SEED", time.time_ns() % 10**6))
    print(f"seed {seed}")  # noqa: T201  to run it again
    chance, store = random.Random(seed), Store(tmp_path)  # noqa: S311
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.kept"])
    kills = 0
    while kills < 25 or len(list(store.result_keys())) < 20 or not list(store.shelf.names("tmp")):
        begun = context.Event()
        writer = context.Process(target=publish_without_end, args=(str(tmp_path), 1000 * kills, begun))
        writer.start()
        assert begun.wait(60)
        writer.join(chance.uniform(0.02, 0.25))
        newest = sorted(store.result_keys(), key=lambda key: store.result_size_and_time(key)[1])[-2:]
        assert all(store.result(key) for key in newest)
        writer.kill()
        writer.join()
        writer.close()
        kills += 1
    assert [problem for problem in check(store) if problem.kind != "leftover"] == []
    assert list(store.shelf.names("damaged")) == []


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Path]:
    with small_device(tmp_path / "small", mebibytes=1) as place:
        yield place


def test_a_full_device_raises_and_stored_results_stay_readable(device: Path) -> None:
    store = Store(device / "store")
    comparison = a_comparison(store, pictures=21)
    specs = [cell.spec for cell in comparison.cells()]
    store.publish(specs[0], a_full_result(), PROVENANCE)
    chance = random.Random(1)  # noqa: S311
    for case, spec in enumerate(specs[1:41]):
        ballast = take_up(device, leave_bytes=chance.randrange(0, 30_000))
        with pytest.raises(StoreFull, match="no space left"):
            store.publish(spec, a_full_result(case, side=64), PROVENANCE)
        assert store.manifest(spec.key) is None
        assert store.result(specs[0].key) is not None
        ballast.unlink()
    store.publish(specs[1], a_full_result(1), PROVENANCE)
    assert list(check(store)) == []


def test_a_scalar_alone_is_a_result(store: Store) -> None:
    spec = next(a_comparison(store).cells()).spec
    assert store.publish(spec, Result({"answer": Scalar(value=42)}), {}).files == ()
    assert store.result(spec.key).metrics == {"answer": 42}


def test_a_result_deleted_by_another_process_is_not_served_from_the_cache(tmp_path: Path) -> None:
    here, elsewhere = Store(tmp_path, Cache(tmp_path / "cache", 16)), Store(tmp_path)
    (key, *_) = fill(here, a_comparison(here))
    assert here.manifest(key) is not None
    elsewhere.delete_result(key)
    assert here.manifest(key) is None
