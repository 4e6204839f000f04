"""What stands over the columns of a grid and beside its rows."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from core.display.wording import formatted, network_facts, network_name, picture_name, reference, words
from core.jobs.comparison import Cell, Comparison
from core.method_base.method import Method, field_extra, matters
from core.networks.card import NetworkCard
from core.networks.catalog import get_card


@dataclass(frozen=True)
class Heading:
    """Of a column: a network, or a variant of a method."""

    title: str
    facts: str = ""
    note: str = ""
    """What a reader must not miss."""
    license: str = ""


def column_headings(comparison: Comparison) -> list[Heading]:
    """One for each column, in order."""
    if comparison.networks:
        return [_network_heading(get_card(name)) for name in comparison.networks]
    return variant_headings(comparison.methods)


def column_heading(comparison: Comparison, cell: Cell) -> Heading:
    """Of the cell's column."""
    if comparison.networks:
        return _network_heading(get_card(cell.network))
    return variant_headings(comparison.methods)[comparison.methods.index(cell.method)]


def column_name(comparison: Comparison, cell: Cell) -> str:
    """The title of the cell's column."""
    return column_heading(comparison, cell).title


def cell_name(comparison: Comparison, cell: Cell) -> str:
    """`cat in resnet18`, `digits: decoder transposed`; without a row, its column's name."""
    name = column_name(comparison, cell)
    if cell.row is None:
        return name
    return f"{row_name(cell)} in {name}" if comparison.networks else f"{row_name(cell)}: {name}"


def row_name(cell: Cell) -> str:
    """The name of its picture or data set; empty where it has none."""
    return picture_name(cell.row.name) if cell.row else ""


def size_in_words(comparison: Comparison) -> str:
    """`3 pictures · 2 networks`, `1 data set · 3 variants`; a row or a column that stands for nothing is left out."""
    rows = _counted(len(comparison.datasets), "data set") or _counted(len(comparison.pictures), "picture")
    variants = "" if comparison.width == 1 else _counted(comparison.width, "variant")
    return " · ".join(filter(None, [rows, _counted(len(comparison.networks), "network") or variants]))


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}" if number else ""


def titles(comparison: Comparison) -> list[str]:
    """Of its methods, each once."""
    return list(dict.fromkeys(method.title for method in comparison.methods))


def _network_heading(card: NetworkCard) -> Heading:
    note = "random weights" if card.random_weights else ""
    return Heading(network_name(card.name), network_facts(card), note, card.license)


def variant_headings(methods: Sequence[Method]) -> list[Heading]:
    """Each by what tells it from the others: its method's title, and the parameters in which they differ."""
    several = len({type(method) for method in methods}) > 1
    return [
        _variant_heading(method, [kin for kin in methods if type(kin) is type(method)], titled=several)
        for method in methods
    ]


def differing(methods: Sequence[Method]) -> set[str]:
    """The parameters that are not the same in all methods, which are of one class."""
    return {name for name in type(methods[0]).model_fields if len({repr(getattr(one, name)) for one in methods}) > 1}


def _variant_heading(method: Method, kin: Sequence[Method], *, titled: bool) -> Heading:
    told = [
        f"{words(name).lower()} {_in_words(method, name)}"
        for name in type(method).model_fields
        if name in differing(kin) and matters(type(method), name, dict(method))
    ]
    if not told:
        return Heading(method.title)
    return Heading(method.title, ", ".join(told)) if titled else Heading(", ".join(told))


def parameters_line(method: Method, but: Container[str] = ()) -> str:
    """The parameters that differ from their defaults, or that none does; all `but` these."""
    changed = {
        name: getattr(method, name)
        for name, field in type(method).model_fields.items()
        if getattr(method, name) != field.default and name not in but
    }
    return ", ".join(f"{name} = {_said(value)}" for name, value in changed.items()) or "default parameters"


def _said(value: Any) -> str:
    """A parameter's value in a line; networks and pictures by their names."""
    if isinstance(value, tuple):
        return " and ".join(map(reference, value))
    return f"{value:g}" if isinstance(value, float) else reference(str(value))


def _in_words(method: Method, name: str) -> str:
    value: Any = getattr(method, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return formatted(value, field_extra(type(method).model_fields[name]).get("unit") or "")
    return _said(value)
