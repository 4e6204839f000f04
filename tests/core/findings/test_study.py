from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadInput
from core.findings.conclusions import conclusions, interval_text
from core.findings.study import NAME_SEPARATOR, Findings, findings, from_bytes, is_study, study, to_bytes
from core.items import Result, Table
from core.store.store import Store
from tests.support.kept import PROVENANCE, a_comparison, damage
from tests.support.squares import squares
from tests.support.studied import CNN, MIXER, SIDE, VIT, a_study

SIZES = {CNN: 8.0, VIT: 16.0, MIXER: 24.0}
SHARES = {CNN: 1.0, VIT: 0.5, MIXER: 0.25}


@pytest.fixture
def store(tmp_path: object) -> Store:
    return Store(str(tmp_path))


def test_measurements_come_from_stored_results(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    assert [network.name for network in found.networks] == list(SIZES)
    assert found.pictures == 12
    for network in found.networks:
        radius = SIZES[network.name] + 1  # 0 to 2 more, in turn
        assert network.feature_size.value == pytest.approx((2 * radius + 1) / SIDE, abs=1 / SIDE)
        assert network.feature_size.low < network.feature_size.value < network.feature_size.high
        assert network.accuracy(1).value == 1
        assert network.accuracy(4).value == network.accuracy_retained(4).value == pytest.approx(SHARES[network.name])


def test_a_small_disc_has_no_weight_at_the_border_and_a_large_one_has(store: Store) -> None:
    small, _, large = findings(a_study(store, SIZES, SHARES), store).networks
    assert small.border_weight.value < 0.01 < large.border_weight.value
    assert np.isnan(small.rings[0])  # the originals have no edge in their middle
    assert large.rings[5] > small.rings[5] == 0


def test_families_differ_if_paired_differences_are_significant(store: Store) -> None:
    claims = conclusions(findings(a_study(store, SIZES, SHARES), store))
    assert [claim.verdict for claim in claims[:2]] == ["supported", "supported"]
    assert "Significant: vit_tiny_patch16_224 more than resnet18" in claims[0].reason
    same = conclusions(findings(a_study(store, dict.fromkeys(SIZES, 10.0), SHARES, pictures=13), store))
    assert [claim.verdict for claim in same[:2]] == ["not supported", "not supported"]


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [((1.0, 0.75, 0.75), "supported"), ((0.25, 0.0, 0.25), "not supported"), ((1.0, 0.25, 0.25), "inconclusive")],
)
def test_the_use_of_shape_is_judged_by_accuracy_retained_on_shuffled_patches(
    store: Store, shares: tuple[float, ...], verdict: str
) -> None:
    found = findings(a_study(store, SIZES, dict(zip(SIZES, shares, strict=True))), store)
    assert conclusions(found)[2].verdict == verdict


def test_few_pictures_decide_nothing(store: Store) -> None:
    """Differences that are certain in 12 pictures are open in 9 of them."""
    found = findings(a_study(store, SIZES, SHARES), store)
    networks = tuple(
        replace(
            network,
            remaining=dict(list(network.remaining.items())[:9]),
            shuffled=dict(list(network.shuffled.items())[:9]),
        )
        for network in found.networks
    )
    claims = conclusions(replace(found, networks=networks))
    assert {claim.verdict for claim in claims} == {"inconclusive"}
    assert all("too few pictures to say" in claim.reason for claim in claims)


def test_a_single_picture_has_no_interval(store: Store) -> None:
    (network, *_) = findings(a_study(store, SIZES, SHARES), store).networks
    alone = replace(network, remaining=dict(list(network.remaining.items())[:1]))
    assert interval_text(alone.feature_size).endswith("(one picture has no spread)")
    assert interval_text(alone.border_weight).endswith("(one picture has no spread)")


def test_numbers_that_are_missing_survive_a_file(store: Store) -> None:
    (network, *_) = findings(a_study(store, SIZES, SHARES), store).networks
    digest, detail = next(iter(network.remaining.items()))
    plain = replace(detail, feature_size=math.nan, rings=np.full_like(detail.rings, np.nan))
    (restored,) = from_bytes(to_bytes(Findings((replace(network, remaining={digest: plain}),)))).networks
    assert np.isnan(restored.remaining[digest].rings).all()
    assert interval_text(restored.feature_size) == "- (no picture has a value)"
    assert np.isnan(restored.rings).all()


def test_without_networks_nothing_is_said_of_families() -> None:
    claims = conclusions(Findings(()))
    assert {claim.verdict for claim in claims} == {"inconclusive"}
    assert claims[0].reason == "Extent of connected edges, as a share of the width: no network is measured."


def test_without_data_a_verdict_is_inconclusive(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    assert conclusions(found)[3].verdict == "inconclusive"  # random networks have no training record
    assert "- (no picture has a value)" in conclusions(found)[3].reason  # a single disc has a single size
    alone = findings(a_study(store, {CNN: 8.0}, {CNN: 1.0}, pictures=11), store)
    assert [claim.verdict for claim in conclusions(alone)] == [
        "inconclusive",
        "inconclusive",
        "supported",
        "inconclusive",
    ]


def test_an_incomplete_grid_gives_the_networks_that_are_done(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES, absent=[VIT]), store)
    assert [network.name for network in found.networks] == [CNN, MIXER]


def test_predictions_of_detail_search_are_no_shuffled_predictions(store: Store) -> None:
    comparison = a_study(store, SIZES, SHARES)
    cell = next(cell for cell in comparison.cells() if cell.method.name == "detail_search")
    table = Table(columns=("class", "before", "after"), rows=(("tabby", 0.9, 0.8),))
    items = {name: store.item(store.manifest(cell.spec.key), name) for name in ("remaining", "original")}
    store.delete_result(cell.spec.key)
    store.publish(cell.spec, Result(items | {"predictions": table}), PROVENANCE)
    assert findings(comparison, store).networks[0].accuracy(1).value == 1


def test_damaged_cells_are_counted_and_left_out(store: Store) -> None:
    comparison = a_study(store, SIZES, SHARES)
    assert findings(comparison, store).caveat == ""
    for cell in [cell for cell in comparison.cells() if cell.method.name == "detail_search"][:2]:
        damage(store, cell.spec.key)
    found = findings(comparison, store)
    assert found.unreadable == 2
    assert found.caveat == "2 cells are left out: damaged in the store and set aside. Run again to recompute."
    assert [len(network.remaining) for network in found.networks] == [11, 11, 12]


def test_a_grid_of_few_pictures_is_refused(store: Store) -> None:
    few = a_comparison(store, pictures=2)
    assert not is_study(few)
    with pytest.raises(BadInput, match="at least 10 pictures"):
        findings(few, store)


def test_a_study_takes_held_out_pictures_balanced_over_classes(store: Store) -> None:
    dataset = squares(each=8, held_out=4)
    comparison = study(dataset, [CNN, VIT], 9, store)
    assert Counter(ref.name.partition(NAME_SEPARATOR)[0] for ref in comparison.pictures) == dict.fromkeys(
        dataset.class_names, 3
    )
    indices = [int(ref.name.rpartition(NAME_SEPARATOR)[2]) for ref in comparison.pictures]
    assert dataset.held_out[indices].all()
    assert len(set(indices)) == 9
    assert study(dataset, [CNN, VIT], 9, store).key == comparison.key
    assert study(dataset, [CNN, VIT], 9, store, seed=1).key != comparison.key


def test_more_pictures_than_are_held_out_are_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="pictures must be at most 6, the held-out pictures of the data set, got 10"):
        study(squares(each=8, held_out=2), [CNN], 10, store)


def test_findings_survive_a_file(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    again = from_bytes(to_bytes(found))
    assert again.comparison is None
    assert again.pictures == found.pictures
    assert [claim.verdict for claim in conclusions(again)] == [claim.verdict for claim in conclusions(found)]
    for network, read in zip(found.networks, again.networks, strict=True):
        assert read.feature_size.value == pytest.approx(network.feature_size.value, rel=1e-4)
        assert read.accuracy_retained(4) == network.accuracy_retained(4)
        assert read.octaves.keys() == network.octaves.keys()
