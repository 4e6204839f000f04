"""The networks as rows of a table: local ones first, with a caution for restrictive licenses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, get_args
from urllib.parse import quote

from core.display.wording import FAMILY_NAMES, input_size, quantity
from core.networks.card import Family, NetworkCard
from core.networks.catalog import search, unusable_networks
from core.networks.checks import answers_texts

FAMILIES: dict[str, Family] = {FAMILY_NAMES[family]: family for family in get_args(Family)}
"""Label of a family -> its name in the catalog."""
SOURCE_ORDER = ("bundled", "lite", "local", "hub", "timm", "random")
"""The sources in the order of the table."""
OFFLINE = ("bundled", "lite", "local", "hub")
"""Sources whose networks are already on this machine."""
NON_COMMERCIAL = ("seer-license",)
"""Licenses that forbid commercial use without an `nc` in their name."""


def network_rows(text: str = "", families: Collection[Family] = (), offline: bool = False) -> list[dict[str, Any]]:
    """A row for each network of these families that matches every word of `text`, ordered by source and name."""
    cards = [card for card in search(text, families) if not offline or source_of(card) in OFFLINE]
    answers = answers_texts(cards)
    return [_row(card) | {"Answers": answers[card.name]} for card in sorted(cards, key=_order)]


def unusable_rows(text: str = "") -> list[dict[str, str]]:
    """A row for each network that cannot be used and whose name has every word of `text`, with the reason."""
    words = text.lower().split()
    return [
        {"Network": name, "Reason": reason}
        for name, reason in unusable_networks().items()
        if all(word in name.lower() for word in words)
    ]


def source_of(card: NetworkCard) -> str:
    """The first part of a network's name, such as `timm`."""
    return card.name.partition("/")[0]


def caution(license: str) -> str:
    """A restriction of the license in a word or two; empty if there is none."""
    parts = license.lower().replace("_", "-").split("-")
    if "nc" in parts or license.lower() in NON_COMMERCIAL:
        return "non-commercial"
    if license.lower() in ("unknown", "other", ""):
        return "unknown terms"
    return "custom terms" if parts[-1] == "license" else ""


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """The number of networks, of local ones and of those for non-commercial use only."""
    here = sum(row["Weights"] == "on this machine" for row in rows)
    limited = sum(row["Caution"] == "non-commercial" for row in rows)
    return f"{quantity(len(rows), 'network')}, {here:,} on this machine, {limited:,} for non-commercial use only"


def _order(card: NetworkCard) -> tuple[int, str]:
    return SOURCE_ORDER.index(source_of(card)), card.name


def _row(card: NetworkCard) -> dict[str, Any]:
    return {
        "Network": card.name,
        "Compare": f"./?networks={quote(card.name)}",
        "Family": FAMILY_NAMES[card.family],
        "Parameters": card.parameters / 1e6,
        "Input": input_size(card),
        "Classes": len(card.class_names),
        "License": card.license,
        "Caution": caution(card.license),
        "Weights": _weights(card),
        "Source": ", ".join(filter(None, [card.source, card.weights_note])),
    }


def _weights(card: NetworkCard) -> str:
    if card.random_weights:
        return "random"
    return "on this machine" if source_of(card) in OFFLINE else "downloaded at first use"
