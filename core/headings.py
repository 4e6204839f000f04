"""What stands over the columns of a grid and beside its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.comparison import Cell, Comparison
from core.method import Method, field_extra, matters
from core.networks.card import NetworkCard
from core.networks.catalog import get_card
from core.wording import formatted, network_facts, network_name, picture_name, words


@dataclass(frozen=True)
class Heading:
    """Of a column: a network, or a variant of a method."""

    title: str
    facts: str = ""
    note: str = ""
    """What a reader must not miss."""
    licence: str = ""


def column_headings(comparison: Comparison) -> list[Heading]:
    """One for each column, in order."""
    if comparison.networks:
        return [_network_heading(get_card(name)) for name in comparison.networks]
    return variant_headings(comparison.methods)


def column_name(comparison: Comparison, cell: Cell) -> str:
    """The title of the cell's column."""
    if comparison.networks:
        return network_name(cell.network)
    return variant_headings(comparison.methods)[comparison.methods.index(cell.method)].title


def cell_name(comparison: Comparison, cell: Cell) -> str:
    """`cat in resnet18`, `digits: decoder transposed`; without a row, its column's name."""
    name = column_name(comparison, cell)
    if cell.row is None:
        return name
    return f"{row_name(cell)} in {name}" if comparison.networks else f"{row_name(cell)}: {name}"


def row_name(cell: Cell) -> str:
    """The name of its picture or data set; empty where it has none."""
    return picture_name(cell.row.name) if cell.row else ""


def _network_heading(card: NetworkCard) -> Heading:
    note = "random weights" if card.random_weights else ""
    return Heading(network_name(card.name), network_facts(card), note, card.licence)


def variant_headings(methods: Sequence[Method]) -> list[Heading]:
    """Each by what tells it from the others: its method's title, and the parameters in which they differ."""
    several = len({type(method) for method in methods}) > 1
    return [
        _variant_heading(method, [kin for kin in methods if type(kin) is type(method)], titled=several)
        for method in methods
    ]


def _variant_heading(method: Method, kin: Sequence[Method], *, titled: bool) -> Heading:
    told = [
        f"{words(name).lower()} {_in_words(method, name)}"
        for name in type(method).model_fields
        if len({repr(getattr(other, name)) for other in kin}) > 1 and matters(type(method), name, dict(method))
    ]
    if not told:
        return Heading(method.title)
    return Heading(method.title, ", ".join(told)) if titled else Heading(", ".join(told))


def _in_words(method: Method, name: str) -> str:
    value: Any = getattr(method, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return formatted(value, field_extra(type(method).model_fields[name]).get("unit") or "")
    return str(value)[:12] + "…" if len(str(value)) == 64 else str(value)
