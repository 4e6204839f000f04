"""Titles of a grid's columns, rows and cells."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.display.wording import (
    formatted,
    network_facts,
    network_names,
    phrase,
    picture_names,
    quantity,
    reference,
)
from core.jobs.comparison import Cell, Comparison
from core.method_base.method import Method, field_extra
from core.method_base.parameters import matters
from core.networks.card import NetworkCard
from core.networks.catalog import get_card


@dataclass(frozen=True)
class Heading:
    """The title of a column, which stands for a network or for a variant of a method."""

    title: str
    facts: str = ""
    note: str = ""
    """A warning, such as `random weights`."""
    license: str = ""


def column_headings(comparison: Comparison) -> list[Heading]:
    """The heading of each column, in order."""
    if comparison.networks:
        titles = network_names(comparison.networks)
        return [_network_heading(get_card(name), titles[name]) for name in comparison.networks]
    return variant_headings(comparison.methods)


def column_heading(comparison: Comparison, cell: Cell) -> Heading:
    """The heading of the cell's column."""
    if comparison.networks:
        return _network_heading(get_card(cell.network), network_names(comparison.networks)[cell.network])
    return variant_headings(comparison.methods)[comparison.methods.index(cell.method)]


def column_name(comparison: Comparison, cell: Cell) -> str:
    """The title of the cell's column."""
    return column_heading(comparison, cell).title


def cell_name(comparison: Comparison, cell: Cell) -> str:
    """Row and column as text: `cat in resnet18`, `digits: decoder transposed`; the column alone without a row."""
    return _cell_name(comparison, cell, column_name(comparison, cell), row_names(comparison))


def cell_names(comparison: Comparison) -> list[str]:
    """`cell_name` of each cell, in order."""
    columns, rows = [heading.title for heading in column_headings(comparison)], row_names(comparison)
    return [
        _cell_name(comparison, cell, columns[place % comparison.width], rows)
        for place, cell in enumerate(comparison.cells())
    ]


def _cell_name(comparison: Comparison, cell: Cell, column: str, rows: Mapping[str, str]) -> str:
    if cell.row is None:
        return column
    row = rows[cell.row.digest]
    return f"{row} in {column}" if comparison.networks else f"{row}: {column}"


def row_names(comparison: Comparison) -> dict[str, str]:
    """Digest of each picture or data set -> its name, with digits of the digest where several have the same."""
    return picture_names({row.digest: row.name for row in comparison.rows if row})


def row_name(cell: Cell, names: Mapping[str, str]) -> str:
    """The name of the cell's picture or data set among `row_names`; empty without one."""
    return names[cell.row.digest] if cell.row else ""


def grid_size(comparison: Comparison) -> str:
    """`3 pictures · 2 networks` or `1 data set · 3 variants`; numbers that say nothing are left out."""
    variants = 0 if comparison.networks or comparison.width == 1 else comparison.width
    counts = {
        "data set": len(comparison.datasets),
        "picture": 0 if comparison.datasets else len(comparison.pictures),
        "network": len(comparison.networks),
        "variant": variants,
    }
    return " · ".join(quantity(count, noun) for noun, count in counts.items() if count)


def method_titles(comparison: Comparison) -> list[str]:
    """The titles of the comparison's methods, each once."""
    return list(dict.fromkeys(method.title for method in comparison.methods))


def _network_heading(card: NetworkCard, title: str) -> Heading:
    note = "random weights" if card.random_weights else ""
    return Heading(title, network_facts(card), note, card.license)


def variant_headings(methods: Sequence[Method]) -> list[Heading]:
    """A heading for each variant: the parameters in which variants differ, and the method's title where methods do."""
    several = len({type(method) for method in methods}) > 1
    return [
        _variant_heading(method, [other for other in methods if type(other) is type(method)], with_title=several)
        for method in methods
    ]


def differing_parameters(methods: Sequence[Method]) -> set[str]:
    """The parameters that are not equal in all of these methods, which are of one class."""
    return {name for name in type(methods[0]).model_fields if len({repr(getattr(one, name)) for one in methods}) > 1}


def _variant_heading(method: Method, variants: Sequence[Method], *, with_title: bool) -> Heading:
    differences = ", ".join(
        _parameter_text(method, name)
        for name in type(method).model_fields
        if name in differing_parameters(variants) and matters(type(method), name, dict(method))
    )
    if not differences:
        return Heading(method.title)
    return Heading(method.title, differences) if with_title else Heading(differences)


def parameters_line(method: Method, omit: Container[str] = ()) -> str:
    """`steps = 40, k2 = 0.5`: the parameters that differ from their defaults, without those to `omit`."""
    changed = {
        name: getattr(method, name)
        for name, field in type(method).model_fields.items()
        if getattr(method, name) != field.default and name not in omit
    }
    return ", ".join(f"{name} = {_value_text(value)}" for name, value in changed.items()) or "default parameters"


def _value_text(value: Any) -> str:
    """A parameter's value on one line; networks and pictures by their names."""
    if isinstance(value, tuple):
        return " and ".join(map(reference, value))
    return f"{value:g}" if isinstance(value, float) else reference(str(value))


def _parameter_text(method: Method, name: str) -> str:
    """`patch size 16 px`, `flip off`, `layer conv1`."""
    value: Any = getattr(method, name)
    unit = field_extra(type(method).model_fields[name]).get("unit") or ""
    if isinstance(value, bool):
        text = "on" if value else "off"
    else:
        text = formatted(value, unit) if isinstance(value, int | float) else _value_text(value)
    return f"{phrase(name)} {text}"
