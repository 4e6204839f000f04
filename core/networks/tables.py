"""Cards of timm's networks, from the tables that `make_catalog` writes, without timm and torch."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.networks.card import Family, NetworkCard
from core.networks.families import OWN
from core.networks.layer_texts import unfolded

CATALOG_FILE = Path(__file__).with_name("catalog.json")
CLASSES_FILE = Path(__file__).with_name("classes.json")
IMAGENET_CLASSES = 1000
RANDOM_RECIPE = 1
"""Version of the random weights in `core.networks.loading`: increased when they change."""


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(CATALOG_FILE.read_text(encoding="utf-8"))
    return tables


@lru_cache(maxsize=1)
def _named_classes() -> dict[str, str]:
    names: dict[str, str] = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    return names


@lru_cache(maxsize=64)
def class_names(count: int) -> tuple[str, ...]:
    """Names of `count` classes: those of the ImageNet subset of that size, else `class 0` and so on."""
    named = _named_classes().get(str(count))
    return tuple(named.split("\n")) if named else tuple(f"class {index}" for index in range(count))


@lru_cache(maxsize=1)
def families() -> dict[str, Family]:
    """Architecture -> family, of timm's and our own architectures."""
    known: dict[str, Family] = _tables()["families"]
    return known | OWN


def timm_version() -> str:
    """Version of timm from which the tables were written."""
    return str(_tables()["timm"])


def layers(architecture: str) -> tuple[str, ...]:
    """Layer names of one of timm's architectures; empty for an unknown one."""
    index = _layerings().get(architecture)
    if index is None:
        return ()
    text, *counts = _tables()["layerings"][index]
    return unfolded(_tables()["layer_texts"][text], counts)


@lru_cache(maxsize=1)
def _layerings() -> dict[str, int]:
    """Architecture -> index of its list of layers."""
    return {row[0]: row[-1] for row in _tables()["random"]}


@lru_cache(maxsize=1)
def pretrained_cards() -> dict[str, NetworkCard]:
    """Name -> card of timm's networks with weights: `timm/resnet50.a1_in1k`."""
    return {f"timm/{row[0]}": _pretrained(row) for row in _tables()["pretrained"]}


@lru_cache(maxsize=1)
def random_cards() -> dict[str, NetworkCard]:
    """Name -> card of timm's architectures with random weights: `random/resnet50`.

    Their logits have ImageNet's class names, so that they can be compared with trained networks for the same class.
    """
    return {f"random/{row[0]}": _random(row) for row in _tables()["random"]}


def _pretrained(row: list[Any]) -> NetworkCard:
    *shared, classes, license = row
    tag = str(shared[0])
    return NetworkCard.model_construct(
        name=f"timm/{tag}",
        identity=f"timm/{tag}",
        class_names=class_names(classes),
        license=_tables()["licenses"][license],
        source=f"timm's weights {tag}, fetched once from the Hugging Face hub",
        **_shared(shared),
    )


def _random(row: list[Any]) -> NetworkCard:
    *shared, _layering = row
    name = f"random/{shared[0]}"
    return NetworkCard.model_construct(
        name=name,
        identity=f"{name}#{RANDOM_RECIPE}",
        class_names=class_names(IMAGENET_CLASSES),
        license="none",
        source="random weights, never trained",
        random_weights=True,
        **_shared(shared),
    )


def _shared(row: list[Any]) -> dict[str, Any]:
    """Fields of cards of both kinds; not validated, since there are thousands and the tables are our own."""
    tag, height, width, parameters, preprocessing = row
    mean, std, crop_share, interpolation, crop_mode = _tables()["preprocessings"][preprocessing]
    architecture = tag.partition(".")[0]
    return {
        "architecture": architecture,
        "family": families()[architecture],
        "input_px": (height, width),
        "parameters": parameters,
        "mean": tuple(mean),
        "std": tuple(std),
        "crop_share": crop_share,
        "interpolation": interpolation,
        "crop_mode": crop_mode,
    }
