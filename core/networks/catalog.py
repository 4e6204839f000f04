"""All networks by name, without torch and timm.

Names are matched exactly: user input never becomes a path, or a name that timm would resolve.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks import folders, tables
from core.networks.card import Family, NetworkCard
from core.networks.lite import lite_cards

MAX_SHOWN = 80


@dataclass(frozen=True)
class Source:
    """The networks whose names share a prefix."""

    entries: Callable[[], Mapping[str, Any]]
    """Name -> what its card is made of."""
    card: Callable[[str, Any], NetworkCard] = lambda _, card: card
    """(name, what its card is made of) -> card. Raises NetworkUnavailable."""


SOURCES: Mapping[str, Source] = {
    "bundled": Source(folders.bundled_files, folders.bundled_card),
    "lite": Source(lite_cards),
    "local": Source(folders.local_entries, folders.local_card),
    "hub": Source(folders.fetched_files, folders.card_of_files),
    "timm": Source(tables.pretrained_cards),
    "random": Source(tables.random_cards),
}
"""Prefix -> networks that can be listed. Networks of a hub (`hub/owner/name@revision`) are known once fetched."""


def get_card(name: str) -> NetworkCard:
    """The card of this network. Raises UnknownNetwork, or NetworkUnavailable for a known one with unusable files."""
    if not isinstance(name, str):
        raise UnknownNetwork(f"a network's name must be a text, got {str(name)[:MAX_SHOWN]!r}")
    prefix = name.partition("/")[0]
    if prefix == "hub":
        return folders.hub_card(name)
    entries = SOURCES[prefix].entries() if prefix in SOURCES else {}
    if name not in entries:
        raise UnknownNetwork(_unknown(name))
    return SOURCES[prefix].card(name, entries[name])


def all_cards() -> tuple[NetworkCard, ...]:
    """Cards of all networks that can be listed, except those of `unusable_networks`."""
    return tuple(card for _, card in _listed() if isinstance(card, NetworkCard))


def unusable_networks() -> dict[str, str]:
    """Name -> reason of the networks that could be listed, but have unusable files."""
    return {name: reason for name, reason in _listed() if isinstance(reason, str)}


def search(text: str = "", families: Collection[Family] = ()) -> list[NetworkCard]:
    """Cards whose name or license contains every word of `text`, in any case; `families`: only of these, if any."""
    words = text.lower().split()
    return [
        card
        for card in all_cards()
        if (not families or card.family in families)
        and all(word in card.name.lower() or word in card.license.lower() for word in words)
    ]


def _listed() -> Iterator[tuple[str, NetworkCard | str]]:
    """Every name with its card, or with the reason why its files cannot be used."""
    for source in SOURCES.values():
        for name, entry in source.entries().items():
            try:
                yield name, source.card(name, entry)
            except NetworkUnavailable as error:
                yield name, str(error)


def _all_names() -> list[str]:
    return list(chain.from_iterable(source.entries() for source in SOURCES.values()))


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name[:MAX_SHOWN], _all_names(), n=3, cutoff=0.6)
    hint = f"; similar names are {', '.join(close)}" if close else "; `gazegrid networks` lists all"
    return f"there is no network {name[:MAX_SHOWN]!r}{hint}"
