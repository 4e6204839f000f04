"""The networks as rows of a table: what is at hand first, and what the license allows in plain sight."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, get_args

from core.display.wording import FAMILY_NAMES, input_size
from core.networks.card import Family, NetworkCard
from core.networks.catalog import search

FAMILIES: dict[str, Family] = {FAMILY_NAMES[family]: family for family in get_args(Family)}
"""A family as a reader sees it -> as the catalog has it."""
AT_HAND = ("bundled", "lite", "local", "hub", "timm", "random")
"""The sources in the order in which they are shown."""
OFFLINE = ("bundled", "lite", "local", "hub")
"""Sources whose networks are already on this machine."""
NON_COMMERCIAL = ("seer-license",)
"""Licences that forbid commercial use without an `nc` in their name."""


def network_rows(text: str = "", families: Collection[Family] = (), offline: bool = False) -> list[dict[str, Any]]:
    """The networks that hold every word of `text`, of these families; those at hand first, then by name."""
    cards = [card for card in search(text, families) if not offline or source_of(card) in OFFLINE]
    return [_row(card) for card in sorted(cards, key=_order)]


def source_of(card: NetworkCard) -> str:
    """The first part of a network's name."""
    return card.name.partition("/")[0]


def caution(license: str) -> str:
    """What a user of these weights must know, in a word or two; empty where nothing stands out."""
    parts = license.lower().replace("_", "-").split("-")
    if "nc" in parts or license.lower() in NON_COMMERCIAL:
        return "non-commercial"
    if license.lower() in ("unknown", "other", ""):
        return "terms unknown"
    return "own terms" if parts[-1] == "license" else ""


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """How many there are, and how many of them come with a caution."""
    here = sum(row["Weights"] == "on this machine" for row in rows)
    limited = sum(row["Caution"] == "non-commercial" for row in rows)
    return f"{len(rows):,} networks, {here:,} on this machine, {limited:,} for non-commercial use only"


def _order(card: NetworkCard) -> tuple[int, str]:
    return AT_HAND.index(source_of(card)), card.name


def _row(card: NetworkCard) -> dict[str, Any]:
    return {
        "Network": card.name,
        "Compare": f"./?networks={card.name}",
        "Family": FAMILY_NAMES[card.family],
        "Parameters": card.parameters / 1e6,
        "Input": input_size(card),
        "Classes": len(card.class_names),
        "License": card.license,
        "Caution": caution(card.license),
        "Weights": _weights(card),
        "Source": card.source,
    }


def _weights(card: NetworkCard) -> str:
    if card.random_weights:
        return "random, never trained"
    return "on this machine" if source_of(card) in OFFLINE else "fetched once"
