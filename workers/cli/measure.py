"""`gazegrid measure`: what attributions are worth, methods x networks, over the pictures of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.display.wording import network_name
from core.errors import BadInput
from core.findings.conclusions import in_words
from core.findings.measured_attributions import METHOD, Measurement, measurement, to_bytes
from core.jobs.spec import JobSpec, checked_seed
from core.measures.attributions import MEASURES, SURVIVES
from core.measures.baselines import BASELINES
from core.methods import make_method
from core.networks.catalog import get_card
from workers.cli.console import Json, parameter_from, print_json, say, this_store
from workers.cli.data import Data, given_dataset, kept
from workers.cli.job_run import JobReport, run_jobs

Parameters = dict[str, dict[str, Any]]
"""Method's name -> its parameters."""


def measure(  # noqa: PLR0913, PLR0917  each is a flag
    methods: Annotated[str, typer.Option(help="Names of attribution methods, with commas between.")],
    networks: Annotated[str, typer.Option(help="Names of networks, with commas between.")],
    data: Data,
    pictures: Annotated[int, typer.Option(help="How many, each class as often.")] = 100,
    steps: Annotated[int, typer.Option(help="Steps of insertion and deletion.")] = 25,
    any_answer: Annotated[
        bool, typer.Option("--any-answer", help="Also pictures that a network names wrong, or of unknown classes.")
    ] = False,
    small_boxes: Annotated[
        bool, typer.Option("--small-boxes", help="Only objects whose box covers less than half of the picture.")
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Measure maps that know nothing, too.")] = True,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="METHOD.NAME=VALUE", help="A parameter of one method.")
    ] = None,
    seed: Annotated[int, typer.Option(help="0 to 2147483647.")] = 0,
    inline: Annotated[bool, typer.Option("--inline", help="Compute in this process, without a queue.")] = False,
    numbers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all numbers there, as JSON, without the results.")
    ] = None,
    json_: Json = False,
) -> None:
    """Measure what attributions are worth. All pictures at a path count, with their boxes where these are known.

    Of a data set in the store, the held-out ones count.

    Exit status 1 where a job failed.
    """
    how = {"count": pictures, "steps": steps, "only_correct": not any_answer, "small_boxes": small_boxes}
    whose = _parameters(_names(methods), set_ or ())
    whose |= {name: {} for name in BASELINES if baselines and name not in whose}
    specs = _specs(whose, _names(networks), how, "0" * 64, seed)  # what is bad is told before a gigabyte is read
    store = this_store()
    digest = kept(given_dataset(data, "", store, only_measured=True, boxes=True), data, store)
    specs = _specs(whose, _names(networks), how, digest, seed)
    reports = run_jobs(specs, store, inline=inline)
    found = measurement(specs, store)
    if numbers is not None:
        numbers.write_bytes(to_bytes(found))
    if json_:
        print_json(_document(found, reports))
    else:
        _say(found, reports)
    raise typer.Exit(1 if any(report.state == "failed" for report in reports) else 0)


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _parameters(methods: Sequence[str], settings: Sequence[str]) -> Parameters:
    """Each method with the parameters that are set for it. Raises BadInput."""
    found: Parameters = {name: {} for name in methods}
    for text in settings:
        name, value = parameter_from(text)
        method, dot, parameter = name.partition(".")
        if not dot or method not in found:
            raise BadInput(f"--set takes METHOD.NAME=VALUE of one of {', '.join(found)}, got {text[:80]!r}")
        found[method][parameter] = value
    return found


def _specs(
    whose: Parameters, networks: Sequence[str], how: Mapping[str, Any], dataset: str, seed: int
) -> list[JobSpec]:
    """A job for each method and network, network by network. Raises BadInput."""
    measuring = [
        make_method(METHOD, {"attribution": name, "parameters": parameters, **how})
        for name, parameters in whose.items()
    ]
    identities = [get_card(name).identity for name in networks]
    return [
        JobSpec(method, (), identity, checked_seed(seed), dataset) for identity in identities for method in measuring
    ]


def _document(found: Measurement, reports: Sequence[JobReport]) -> dict[str, Any]:
    jobs = [
        {"key": report.spec.key, "method": report.spec.method.subject(), "network": report.spec.network_name,
         "state": report.state, "error": report.sentence or None}
        for report in reports
    ]  # fmt: skip
    measured = [
        {"network": one.network, "method": one.label, "baseline": one.baseline,
         "fails_sanity_check": one.fails_sanity_check,
         "measures": {name: vars(of.interval) | {"pictures": of.pictures} for name, of in one.measures.items()}}
        for one in found.attributions
    ]  # fmt: skip
    return {"protocol": dict(found.protocol), "jobs": jobs, "attributions": measured}


def _say(found: Measurement, reports: Sequence[JobReport]) -> None:
    """A table for each measure: a row a method, a column a network."""
    networks = found.networks
    for name in found.measures:
        measure_ = MEASURES[name]
        better = f" ({measure_.better} is better)" if measure_.better else ""
        say(f"\n{measure_.name}: {measure_.title}{better}")
        say(f"  {'':34}" + "".join(f"{network_name(network):30}" for network in networks))
        for label in found.labels:
            cells = [one.measures.get(name) if (one := found.of(network, label)) else None for network in networks]
            if any(cells):
                said = [in_words(cell.interval) if cell else "-" for cell in cells]
                say(f"  {label[:33]:34}" + "".join(f"{text:30}" for text in said))
    say("")
    for one in found.attributions:
        if one.fails_sanity_check:
            network = network_name(one.network)
            say(f"{one.label} on {network} survives randomized weights (above {SURVIVES}): it does not explain it.")
    for report in reports:
        if report.state in ("undefined", "failed"):
            say(f"{report.spec.method.subject()} on {report.spec.network_name}: {report.state}. {report.sentence}")
