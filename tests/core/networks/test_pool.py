from __future__ import annotations

import pytest
import torch

from core.errors import BadInput, NetworkUnavailable, UnknownNetwork
from core.networks.catalog import get_card
from core.networks.pool import NetworkPool, default_device

A, B, C = "random/test_resnet", "random/test_vit", "random/test_convnext"


def identities(*names: str) -> tuple[str, ...]:
    return tuple(get_card(name).identity for name in names)


def test_a_network_stays_loaded_and_goes_by_name_or_identity() -> None:
    pool = NetworkPool(10**9, "cpu")
    assert pool.get(A) is pool.get(A) is pool.get(get_card(A).identity)


def test_the_least_recently_used_goes_first_and_the_bound_holds() -> None:
    limit = sum(get_card(name).parameters for name in (A, B, C)) * 4 - 1
    pool = NetworkPool(limit, "cpu")
    pool.get(A)
    pool.get(B)
    pool.get(A)
    pool.get(C)
    assert pool.identities == identities(A, C)
    assert pool.memory_bytes <= limit


def test_a_network_larger_than_the_bound_is_given_alone() -> None:
    pool = NetworkPool(1, "cpu")
    pool.get(A)
    assert pool.get(B)(torch.rand(1, 3, *get_card(B).input_px)).shape == (1, 1000)
    assert pool.identities == identities(B)


def test_an_identity_of_other_weights_is_refused() -> None:
    with pytest.raises(NetworkUnavailable, match=f"have changed: they are {A}#1, not {A}#0"):
        NetworkPool(10**9, "cpu").get(f"{A}#0")
    with pytest.raises(UnknownNetwork):
        NetworkPool(10**9, "cpu").get("timm/../../etc")


def test_the_device_is_one_that_is_here() -> None:
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert default_device("auto") == best
    assert default_device("cpu") == "cpu"
    with pytest.raises(BadInput, match="got 'tpu'"):
        default_device("tpu")
