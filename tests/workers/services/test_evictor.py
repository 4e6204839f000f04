from pathlib import Path

from core.settings import Settings
from core.store.store import open_store
from tests.support.kept import a_comparison, a_gallery, fill
from tests.workers.conftest import wait_for
from workers.services.evictor import evicting


def test_results_over_the_limit_are_evicted_unless_a_gallery_refers_to_them(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, store_limit_gb=1e-9)
    store = open_store(settings)
    kept = {cell.spec.key for cell in store.comparison(a_gallery(store).entries[0].comparison).cells()}
    loose = set(fill(store, a_comparison(store, seed=9)))
    with evicting(settings, every_s=0.1):
        wait_for(lambda: not loose & set(store.result_keys()), what="the eviction")
    assert set(store.result_keys()) == kept


def test_without_a_limit_nothing_is_evicted(tmp_path: Path) -> None:
    store = open_store(settings := Settings(home=tmp_path))
    keys = set(fill(store, a_comparison(store)))
    with evicting(settings, every_s=0.01):
        pass
    assert set(store.result_keys()) == keys
