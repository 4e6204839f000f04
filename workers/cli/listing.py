"""`gazegrid methods` and `gazegrid networks`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.method_base.method import Method
from core.method_base.parameters import allowed
from core.methods import METHODS
from core.networks.card import NetworkCard
from core.networks.catalog import all_cards, unusable_networks
from core.networks.checks import answers_text, kept_check
from workers.cli.arguments import Json
from workers.cli.console import print_json, print_line


def methods(json_: Json = False) -> None:
    """List the methods and their parameters."""
    if json_:
        print_json([_method_document(method) for method in METHODS.values()])
        return
    for name, method in METHODS.items():
        print_line(f"{name}: {method.title}\n  {method.summary}")
        for field_name, field in method.model_fields.items():
            default = field.get_default(call_default_factory=True)
            print_line(f"    {field_name} = {default}: {field.description} ({allowed(field)})")


def _method_document(method: type[Method]) -> dict[str, Any]:
    return {
        "name": method.name,
        "title": method.title,
        "family": method.family,
        "version": method.version,
        "summary": method.summary,
        "source": method.source,
        "outputs": [vars(output) for output in method.outputs],
        "schema": method.model_json_schema(),
    }


def networks(
    search: Annotated[str, typer.Argument(metavar="TEXT", help="List only names that contain this text.")] = "",
    fetch: Annotated[
        str, typer.Option(metavar="NAME", help="First download a network `hub/owner/name@revision`.")
    ] = "",
    json_: Json = False,
) -> None:
    """List the networks with family, size and license."""
    if fetch:
        from core.networks import hub  # noqa: PLC0415  the hub's client is installed with the workers' packages only

        hub.fetch(fetch)
    cards = [card for card in all_cards() if search.lower() in card.name.lower()]
    unusable = {name: reason for name, reason in unusable_networks().items() if search.lower() in name.lower()}
    if json_:
        print_json([*map(_network_document, cards), *(_unusable_document(*entry) for entry in unusable.items())])
        return
    for card in cards:
        size = "x".join(map(str, card.input_px))
        note = ", ".join(filter(None, [card.license, card.weights_note, _answers(card)]))
        print_line(f"{card.name:55} {card.family:7} {card.parameters / 1e6:8.1f} M  {size:>9} px  {note}")
    for name, reason in unusable.items():
        print_line(f"{name:55} {reason}")


def _answers(card: NetworkCard) -> str:
    """What the check of the network's answers found; empty for one that this machine has not loaded."""
    return "" if kept_check(card) is None else f"answers are {answers_text(card)}"


def _network_document(card: NetworkCard) -> dict[str, Any]:
    return card.model_dump(mode="json", exclude={"class_names"}) | {
        "classes": len(card.class_names),
        "answers": answers_text(card),
        "unusable": None,
    }


def _unusable_document(name: str, reason: str) -> dict[str, Any]:
    """A network that cannot be used, as `--json` lists it; `unusable` says why."""
    fields = dict.fromkeys(NetworkCard.model_fields.keys() - {"class_names"})
    return fields | {
        "name": name, "classes": None, "answers": None, "unusable": reason,
    }  # fmt: skip
