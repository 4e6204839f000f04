"""All networks by name, without torch and timm.

Names are matched exactly: user input never becomes a path, or a name that timm would resolve.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import chain

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks import folders, tables
from core.networks.card import Family, NetworkCard
from core.networks.lite import lite_cards

MAX_SHOWN = 80


@dataclass(frozen=True)
class Source:
    """The networks whose names share a prefix."""

    names: Callable[[], Collection[str]]
    """All their names."""
    card: Callable[[str], NetworkCard]
    """Name -> card. Raises NetworkUnavailable."""


def _fixed(cards: Callable[[], Mapping[str, NetworkCard]]) -> Source:
    return Source(lambda: cards().keys(), lambda name: cards()[name])


SOURCES: Mapping[str, Source] = {
    "bundled": Source(folders.bundled_files, folders.bundled_card),
    "lite": _fixed(lite_cards),
    "local": Source(folders.local_files, folders.local_card),
    "timm": _fixed(tables.pretrained_cards),
    "random": _fixed(tables.random_cards),
}
"""Prefix -> networks that can be listed. Networks of a hub (`hub/owner/name@revision`) are known once fetched."""


def get_card(name: str) -> NetworkCard:
    """The card of this network. Raises UnknownNetwork, or NetworkUnavailable for a known one with unusable files."""
    if not isinstance(name, str):
        raise UnknownNetwork(f"a network's name must be a text, got {str(name)[:MAX_SHOWN]!r}")
    prefix = name.partition("/")[0]
    if prefix == "hub":
        return folders.hub_card(name)
    if prefix not in SOURCES or name not in SOURCES[prefix].names():
        raise UnknownNetwork(_unknown(name))
    return SOURCES[prefix].card(name)


def all_cards() -> tuple[NetworkCard, ...]:
    """Cards of all networks that can be listed, except those of `unusable_networks`."""
    return tuple(card for card in map(_card_or_reason, _all_names()) if isinstance(card, NetworkCard))


def unusable_networks() -> dict[str, str]:
    """Name -> reason of the networks that could be listed, but have unusable files."""
    reasons = {name: _card_or_reason(name) for name in _all_names()}
    return {name: reason for name, reason in reasons.items() if isinstance(reason, str)}


def search(text: str = "", families: Collection[Family] = ()) -> list[NetworkCard]:
    """Cards whose name or license contains every word of `text`, in any case; `families`: only of these, if any."""
    words = text.lower().split()
    return [
        card
        for card in all_cards()
        if (not families or card.family in families)
        and all(word in card.name.lower() or word in card.license.lower() for word in words)
    ]


def _all_names() -> list[str]:
    return list(chain.from_iterable(source.names() for source in SOURCES.values()))


def _card_or_reason(name: str) -> NetworkCard | str:
    """The card of a network, or why its files cannot be used."""
    try:
        return get_card(name)
    except NetworkUnavailable as error:
        return str(error)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name[:MAX_SHOWN], _all_names(), n=3, cutoff=0.6)
    hint = f"; similar names are {', '.join(close)}" if close else "; `gazegrid networks` lists all"
    return f"there is no network {name[:MAX_SHOWN]!r}{hint}"
