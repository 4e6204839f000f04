from __future__ import annotations

from pathlib import Path

import pytest

from core.findings import findings, from_bytes, to_bytes
from core.store import Store
from dashboard.findings_figures import ring_figure, shape_figure, spread_figure
from tests.dashboard.opened import opened, texts
from tests.studied import CNN, MIXER, VIT, a_study

SIZES = {CNN: 8.0, VIT: 16.0, MIXER: 24.0}
SHARES = {CNN: 1.0, VIT: 0.5, MIXER: 0.25}


@pytest.mark.usefixtures("store")
def test_without_a_study_it_says_how_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.findings.bundled_findings", lambda: None)
    page = opened("findings")
    assert "gazegrid study" in page.code[0].value
    assert not page.exception


@pytest.mark.usefixtures("store")
def test_without_a_study_the_numbers_that_came_along_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Store(str(tmp_path / "elsewhere"))
    found = from_bytes(to_bytes(findings(a_study(other, SIZES, SHARES), other)))
    monkeypatch.setattr("core.findings.bundled_findings", lambda: found)
    page = opened("findings")
    assert "12 pictures, 3 networks" in texts(page)
    assert "have no grid behind them here" in texts(page)
    assert "gazegrid study" in page.code[0].value


def test_each_conclusion_stands_beside_its_numbers_and_its_rule(store: Store) -> None:
    a_study(store, SIZES, SHARES)
    page = opened("findings")
    assert not page.exception
    text = texts(page)
    for claim in ("features of different size", "the border and the centre", "the whole shape", "The Mixer"):
        assert claim in text
    assert "Borne out where the intervals" in text
    assert "12 pictures, 3 networks" in text
    assert list(page.dataframe[-1].value["Network"]) == ["resnet18", "vit_tiny_patch16_224", "mixer_s16_224"]


def test_a_study_by_its_address(store: Store) -> None:
    first = a_study(store, SIZES, SHARES)
    second = a_study(store, SIZES, SHARES, pictures=14)
    assert "14 pictures" in texts(opened("findings", study=second.key))
    assert "12 pictures" in texts(opened("findings", study=first.key))
    assert "A key is 64 hex digits" in texts(opened("findings", study="no key"))


def test_what_is_not_computed_yet_is_said(store: Store) -> None:
    a_study(store, SIZES, SHARES, absent=[VIT])
    page = opened("findings")
    assert "48 of 72 cells are computed" in texts(page)


def test_every_point_of_a_picture_knows_it(store: Store) -> None:
    comparison = a_study(store, SIZES, SHARES)
    networks = findings(comparison, store).networks
    figure = spread_figure(
        networks, lambda n: {digest: left.feature_size for digest, left in n.left.items()},
        lambda n: n.feature_size, "Size",
    )  # fmt: skip
    points = [point for trace in figure.data if trace.customdata is not None for point in trace.customdata]
    assert {digest for _, digest in points} == {ref.digest for ref in comparison.pictures}
    assert len(points) == 36
    assert len(ring_figure(networks).data) == len(shape_figure(networks).data) == 3
