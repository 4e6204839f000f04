from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.errors import BadInput
from core.findings.conclusions import conclusions
from core.findings.study import LABEL, can_be_found, findings, from_bytes, study, to_bytes
from core.store.store import Store
from tests.support.kept import a_comparison
from tests.support.squares import squares
from tests.support.studied import CNN, MIXER, SIDE, VIT, a_study

SIZES = {CNN: 8.0, VIT: 16.0, MIXER: 24.0}
SHARES = {CNN: 1.0, VIT: 0.5, MIXER: 0.25}


@pytest.fixture
def store(tmp_path: object) -> Store:
    return Store(str(tmp_path))


def test_numbers_are_read_from_what_is_stored(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    assert [network.name for network in found.networks] == list(SIZES)
    assert found.pictures == 12
    for network in found.networks:
        radius = SIZES[network.name] + 1  # 0 to 2 more, in turn
        assert network.feature_size.value == pytest.approx((2 * radius + 1) / SIDE, abs=1 / SIDE)
        assert network.feature_size.low < network.feature_size.value < network.feature_size.high
        assert network.accuracy(1).value == 1
        assert network.accuracy(4).value == network.kept(4).value == pytest.approx(SHARES[network.name])


def test_a_small_disc_lies_in_the_center_and_a_large_one_weighs_the_border_more(store: Store) -> None:
    small, _, large = findings(a_study(store, SIZES, SHARES), store).networks
    assert small.border_weight.value < 0.01 < large.border_weight.value
    assert np.isnan(small.rings[0])  # the originals have no edge in their middle
    assert large.rings[5] > small.rings[5] == 0


def test_networks_of_different_families_differ_where_they_do_in_the_same_pictures(store: Store) -> None:
    claims = conclusions(findings(a_study(store, SIZES, SHARES), store))
    assert [claim.verdict for claim in claims[:2]] == ["borne out", "borne out"]
    assert "For certain: vit_tiny_patch16_224 more than resnet18" in claims[0].reason
    same = conclusions(findings(a_study(store, dict.fromkeys(SIZES, 10.0), SHARES, pictures=13), store))
    assert [claim.verdict for claim in same[:2]] == ["not borne out", "not borne out"]


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [((1.0, 0.75, 0.75), "borne out"), ((0.25, 0.0, 0.25), "not borne out"), ((1.0, 0.25, 0.25), "open")],
)
def test_the_use_of_shape_is_judged_by_what_survives_the_cutting(
    store: Store, shares: tuple[float, ...], verdict: str
) -> None:
    found = findings(a_study(store, SIZES, dict(zip(SIZES, shares, strict=True))), store)
    assert conclusions(found)[2].verdict == verdict


def test_what_is_not_known_stays_open(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    assert conclusions(found)[3].verdict == "open"  # nobody knows how random networks were trained
    assert "not measured" in conclusions(found)[3].reason  # a single disc has a single size
    alone = findings(a_study(store, {CNN: 8.0}, {CNN: 1.0}, pictures=11), store)
    assert [claim.verdict for claim in conclusions(alone)] == ["open", "open", "borne out", "open"]


def test_a_grid_that_is_not_done_gives_what_there_is(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES, absent=[VIT]), store)
    assert [network.name for network in found.networks] == [CNN, MIXER]


def test_a_grid_of_few_pictures_is_no_study(store: Store) -> None:
    few = a_comparison(store, pictures=2)
    assert not can_be_found(few)
    with pytest.raises(BadInput, match="at least 10 pictures"):
        findings(few, store)


def test_a_study_takes_held_out_pictures_each_class_as_often(store: Store) -> None:
    dataset = squares(each=8, held_out=4)
    comparison = study(dataset, [CNN, VIT], 9, store)
    assert Counter(ref.name.partition(LABEL)[0] for ref in comparison.pictures) == dict.fromkeys(dataset.class_names, 3)
    indices = [int(ref.name.rpartition(LABEL)[2]) for ref in comparison.pictures]
    assert dataset.held_out[indices].all()
    assert len(set(indices)) == 9
    assert study(dataset, [CNN, VIT], 9, store).key == comparison.key
    assert study(dataset, [CNN, VIT], 9, store, seed=1).key != comparison.key


def test_more_pictures_than_there_are_is_a_sentence(store: Store) -> None:
    with pytest.raises(BadInput, match="the data set has 6 held-out pictures, 10 were asked for"):
        study(squares(each=8, held_out=2), [CNN], 10, store)


def test_numbers_go_through_a_file_and_say_the_same(store: Store) -> None:
    found = findings(a_study(store, SIZES, SHARES), store)
    again = from_bytes(to_bytes(found))
    assert again.comparison is None
    assert again.pictures == found.pictures
    assert [claim.verdict for claim in conclusions(again)] == [claim.verdict for claim in conclusions(found)]
    for network, read in zip(found.networks, again.networks, strict=True):
        assert read.feature_size.value == pytest.approx(network.feature_size.value, rel=1e-4)
        assert read.kept(4) == network.kept(4)
        assert read.octaves.keys() == network.octaves.keys()
