"""Every network that can be asked for by name; needs neither torch nor timm.

Names are matched exactly: what a user types never becomes a path or a name that timm would resolve.
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
    """Networks whose names begin alike: which there are, and the card of one of them."""

    names: Callable[[], Collection[str]]
    card: Callable[[str], NetworkCard]


def _fixed(cards: Callable[[], Mapping[str, NetworkCard]]) -> Source:
    return Source(lambda: cards().keys(), lambda name: cards()[name])


SOURCES: Mapping[str, Source] = {
    "bundled": Source(folders.bundled_files, folders.bundled_card),
    "lite": _fixed(lite_cards),
    "local": Source(folders.local_files, folders.local_card),
    "timm": _fixed(tables.pretrained_cards),
    "random": _fixed(tables.random_cards),
}
"""Those that can be listed; networks of a hub (`hub/owner/name@revision`) are known once they have been fetched."""


def get_card(name: str) -> NetworkCard:
    """The card of this network. UnknownNetwork for any other text, NetworkUnavailable for a known one without files."""
    if not isinstance(name, str):
        raise UnknownNetwork(f"a network's name is a text, got {str(name)[:MAX_SHOWN]!r}")
    prefix = name.partition("/")[0]
    if prefix == "hub":
        return folders.hub_card(name)
    if prefix not in SOURCES or name not in SOURCES[prefix].names():
        raise UnknownNetwork(_unknown(name))
    return SOURCES[prefix].card(name)


def all_cards() -> tuple[NetworkCard, ...]:
    """Every network that can be listed; a local one whose files are damaged is left out (`get_card` says why)."""
    return tuple(filter(None, map(_usable, _all_names())))


def search(text: str = "", families: Collection[Family] = ()) -> list[NetworkCard]:
    """Cards whose name or license holds every word of `text` (any case), of these families (none given: of all)."""
    words = text.lower().split()
    return [
        card
        for card in all_cards()
        if (not families or card.family in families)
        and all(word in card.name.lower() or word in card.license.lower() for word in words)
    ]


def _all_names() -> list[str]:
    return list(chain.from_iterable(source.names() for source in SOURCES.values()))


def _usable(name: str) -> NetworkCard | None:
    try:
        return get_card(name)
    except NetworkUnavailable:
        return None


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name[:MAX_SHOWN], _all_names(), n=3, cutoff=0.6)
    hint = f"; close ones are {', '.join(close)}" if close else "; `gazegrid networks` lists all"
    return f"there is no network {name[:MAX_SHOWN]!r}{hint}"
