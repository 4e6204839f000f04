"""Every method on a network whose output is not finite, and results that are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import methods
from core.errors import ComputationFailed
from core.items import Floats, Map, Result, Scalar
from core.jobs.spec import JobSpec
from core.media.picture import Picture
from core.method_base.method import Context
from core.methods import METHODS
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.networks.pool import NetworkPool
from core.store.store import Store
from tests.support.measured import Knowing, cats_and_dogs
from workers.worker.task import compute

NETWORK, LAYER = "random/test_vit", "blocks.1.mlp.fc1"
OF_PICTURES = sorted(name for name, method in METHODS.items() if method.needs.pictures and method.needs.network)


class Loaded(NetworkPool):
    """One network, whatever is asked for."""

    def __init__(self, network: Network) -> None:
        super().__init__(0, "cpu")
        self.network = network

    def get(self, name: str) -> Network:  # noqa: ARG002
        return self.network


@pytest.fixture
def network() -> Network:
    return load(get_card(NETWORK))


def broken(network: Network, value: float) -> Loaded:
    with torch.no_grad():
        network.model.get_submodule(LAYER).bias[0] = value
    return Loaded(network)


def digest(store: Store) -> str:
    return store.inputs.put_picture(
        Picture.from_pixels(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    )


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", OF_PICTURES)
def test_no_method_shows_anything_of_an_output_that_is_not_finite(
    store: Store, network: Network, name: str, value: float
) -> None:
    spec = JobSpec(METHODS[name](), (digest(store),), get_card(NETWORK).identity)
    with pytest.raises(ComputationFailed, match=f"the network's output is not finite.* in {LAYER}"):
        compute(spec, store, broken(network, value), Context())
    assert store.manifest(spec.key) is None


def test_attributions_of_an_output_that_is_not_finite_are_not_measured(store: Store, network: Network) -> None:
    spec = JobSpec(
        METHODS["measure_attributions"](),
        (),
        get_card(NETWORK).identity,
        dataset=store.inputs.put_dataset(cats_and_dogs()),
    )
    with pytest.raises(ComputationFailed, match="the network's output is not finite"):
        compute(spec, store, broken(network, torch.nan), Context())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_result_that_is_not_finite_is_refused_by_its_items_name(
    store: Store, network: Network, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    values: Floats = np.array([[0, value]], np.float32)
    monkeypatch.setattr(methods, "METHODS", {Knowing.name: Knowing})
    spec = JobSpec(Knowing(), (digest(store),), get_card(NETWORK).identity)
    for name, item in {"attribution": Map(values=values), "score": Scalar(value=value)}.items():
        monkeypatch.setattr(Knowing, "run", lambda *_, found={name: item}: Result(found))
        with pytest.raises(ComputationFailed, match=f"the {name} of this result is not finite"):
            compute(spec, store, Loaded(network), Context())
        assert store.manifest(spec.key) is None


@pytest.mark.parametrize(("level", "says"), [(0.0, "All values are 0: the map marks nothing."), (0.25, "0.25")])
def test_a_constant_map_says_so_in_its_caption(
    store: Store, network: Network, monkeypatch: pytest.MonkeyPatch, level: float, says: str
) -> None:
    monkeypatch.setattr(methods, "METHODS", {Knowing.name: Knowing})
    monkeypatch.setattr(
        Knowing, "run", lambda self, *_: self.result({"attribution": Map(values=np.full((4, 4), level, np.float32))})
    )
    manifest = compute(
        JobSpec(Knowing(), (digest(store),), get_card(NETWORK).identity), store, Loaded(network), Context()
    )
    meta = manifest.item("attribution").meta
    assert says in meta["caption"]
    assert meta["caption"] == f"Where it looks. {meta['remark']}"
    assert isinstance(store.item(manifest, "attribution"), Map)
