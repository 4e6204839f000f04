"""`gazegrid measure`: the quality of attributions, methods x networks, over the pictures of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from core.display.wording import network_names
from core.errors import BadInput
from core.findings.conclusions import NOT_MEASURED, interval_text
from core.findings.measured_attributions import METHOD, Measurement, measurement, measures_document, to_bytes
from core.jobs.spec import JobSpec, checked_seed
from core.measures.attributions import MEASURES
from core.measures.baselines import BASELINES
from core.method_base.method import Method
from core.methods import make_method
from core.networks.catalog import get_card
from workers.cli.arguments import Data, Inline, Json, Networks, NumbersFile, Seed, comma_separated, parse_parameter
from workers.cli.console import current_store, print_caveat, print_json, print_line, write_numbers
from workers.cli.dataset_arguments import labeled_dataset, store_dataset
from workers.cli.job_run import JobReport, run_jobs

PROTOCOL_PANEL = "Protocol"
Parameters = dict[str, dict[str, Any]]
"""Attribution method's name -> its parameters."""


@dataclass(frozen=True)
class Plan:
    """What is measured: `measure_attributions` for each attribution, on each network."""

    methods: tuple[Method, ...]
    networks: tuple[str, ...]
    """Identities"""
    seed: int

    def specs(self, dataset: str) -> list[JobSpec]:
        """The jobs on the data set of this digest, network by network."""
        return [
            JobSpec(method, (), network, self.seed, dataset) for network in self.networks for method in self.methods
        ]


def measure(  # noqa: PLR0913, PLR0917  each is a flag
    methods: Annotated[str, typer.Option(metavar="A,B", help="Comma-separated names of attribution methods.")],
    networks: Networks,
    data: Data,
    pictures: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help="Number of pictures, balanced over classes.", rich_help_panel=PROTOCOL_PANEL
        ),
    ] = 100,
    steps: Annotated[
        int, typer.Option(metavar="NUMBER", help="Steps of insertion and deletion.", rich_help_panel=PROTOCOL_PANEL)
    ] = 25,
    any_prediction: Annotated[
        bool,
        typer.Option(
            "--any-prediction",
            rich_help_panel=PROTOCOL_PANEL,
            help="Include pictures that a network misclassifies, and classes that it does not know.",
        ),
    ] = False,
    small_boxes: Annotated[
        bool,
        typer.Option(
            "--small-boxes",
            rich_help_panel=PROTOCOL_PANEL,
            help="Only pictures whose object's box covers less than half of the area.",
        ),
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Also measure baseline maps.", rich_help_panel=PROTOCOL_PANEL)] = True,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="METHOD.NAME=VALUE", help="Set a parameter of an attribution method; repeatable."
        ),
    ] = None,
    seed: Seed = 0,
    inline: Inline = False,
    numbers: NumbersFile = None,
    json_: Json = False,
) -> None:
    """Measure the quality of attribution methods on networks. Exit status 1 if a job failed.

    Uses all pictures at a path, with the objects' boxes if known, or the held-out pictures of a stored data set.
    """
    parameters = _parameters(comma_separated(methods), set_ or ())
    if baselines:
        parameters |= {name: {} for name in BASELINES if name not in parameters}
    protocol = {"count": pictures, "steps": steps, "only_correct": not any_prediction, "small_boxes": small_boxes}
    plan = _plan(parameters, protocol, comma_separated(networks), seed)  # refuses bad input before a gigabyte is read
    store = current_store()
    dataset = labeled_dataset(data, "", store, only_held_out=True, boxes=True)
    specs = plan.specs(store_dataset(dataset, data, store))
    reports = run_jobs(specs, store, inline=inline)
    quality = measurement(specs, store)
    write_numbers(numbers, to_bytes(quality))
    print_caveat(quality.caveat)
    print_json(_document(quality, reports)) if json_ else _print_measurement(quality, reports)
    raise typer.Exit(1 if any(report.state == "failed" for report in reports) else 0)


def _parameters(methods: Sequence[str], settings: Sequence[str]) -> Parameters:
    """Each attribution method with its parameters from `--set`. Raises BadInput."""
    parameters: Parameters = {name: {} for name in methods}
    for text in settings:
        name, value = parse_parameter(text)
        method, dot, parameter = name.partition(".")
        if not dot or method not in parameters:
            raise BadInput(f"--set takes METHOD.NAME=VALUE of one of {', '.join(parameters)}, got {text[:80]!r}")
        parameters[method][parameter] = value
    return parameters


def _plan(parameters: Parameters, protocol: Mapping[str, Any], networks: Sequence[str], seed: int) -> Plan:
    """The validated plan. Raises BadInput."""
    methods = [
        make_method(METHOD, {"attribution": name, "parameters": values, **protocol})
        for name, values in parameters.items()
    ]
    return Plan(tuple(methods), tuple(get_card(name).identity for name in networks), checked_seed(seed))


def _document(quality: Measurement, reports: Sequence[JobReport]) -> dict[str, Any]:
    jobs = [
        {"key": report.spec.key, "method": report.spec.method.subject(), "network": report.spec.network_name,
         "state": report.state, "error": report.sentence or None}
        for report in reports
    ]  # fmt: skip
    attributions = [
        {"network": one.network, "method": one.label, "baseline": one.baseline,
         "fails_sanity_check": one.fails_sanity_check, "measures": measures_document(one)}
        for one in quality.attributions
    ]  # fmt: skip
    return {"protocol": dict(quality.protocol), "jobs": jobs, "attributions": attributions}


def _print_measurement(quality: Measurement, reports: Sequence[JobReport]) -> None:
    """A table for each measure, then what did not work."""
    for name in quality.measures:
        _print_measure(quality, name)
    print_line("")
    names = network_names(quality.networks)
    for one in quality.attributions:
        if one.fails_sanity_check:
            print_line(f"{one.label} on {names[one.network]} fails the parameter-randomization sanity check.")
        elif one.is_open:
            print_line(f"{one.label} on {names[one.network]}: the parameter-randomization sanity check is open.")
    for report in reports:
        if report.state in ("undefined", "failed"):
            subject = f"{report.spec.method.subject()} on {report.spec.network_name}"
            print_line(f"{subject}: {report.state}. {report.sentence}")


def _print_measure(quality: Measurement, name: str) -> None:
    """A table of one measure: a row per method, a column per network."""
    measure_ = MEASURES[name]
    better = f" ({measure_.better} is better)" if measure_.better else ""
    print_line(f"\n{measure_.name}: {measure_.title}{better}")
    print_line(f"  {'':34}" + "".join(f"{name:30}" for name in network_names(quality.networks).values()))
    for label in quality.labels:
        entries = [quality.entry(network, label) for network in quality.networks]
        measured = [entry.measures.get(name) if entry else None for entry in entries]
        if any(measured):
            cells = [interval_text(over) if over else NOT_MEASURED for over in measured]
            print_line(f"  {label[:33]:34}" + "".join(f"{cell:29} " for cell in cells))
