"""`gazegrid train`: train a network, or measure one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.queue.queue import JobQueue, connect
from core.settings import get_settings
from workers.cli import training
from workers.cli.console import Json, parameter_from, print_json, say, this_store
from workers.cli.data import Data, HeldOut, given_dataset, kept, named_dataset, paths_of


def train(  # noqa: PLR0913, PLR0917  each is a flag
    data: Data,
    name: Annotated[str, typer.Argument(help="What to call it: it is then listed as local/NAME.")] = "",
    held_out: HeldOut = "",
    with_: Annotated[
        list[Path] | None, typer.Option("--with", metavar="FILE", help="Parameters in a JSON file; repeat for several.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter.")] = None,
    seed: Annotated[int, typer.Option(help="0 to 2147483647.")] = 0,
    inline: Annotated[bool, typer.Option("--inline", help="Compute in this process, without a queue.")] = False,
    evaluate: Annotated[
        str,
        typer.Option(
            metavar="NETWORK",
            help="Train nothing; measure this network's accuracy, on what is held out where that is given.",
        ),
    ] = "",
    json_: Json = False,
) -> None:
    """Train a network on labeled pictures, or measure one; parameters are those of the method `train`."""
    document = (
        _measured(evaluate, held_out or data) if evaluate else _trained(name, data, held_out, with_, set_, seed, inline)
    )
    print_json(document) if json_ else say("  ".join(f"{key} {value}" for key, value in document.items()))


def _measured(network: str, data: str) -> dict[str, Any]:
    from workers.cli.evaluate import evaluate  # noqa: PLC0415  torch takes seconds

    return evaluate(network, named_dataset(data, this_store()) or paths_of(data))


def _trained(  # noqa: PLR0913, PLR0917  what the command was given
    name: str,
    data: str,
    held_out: str,
    files: list[Path] | None,
    settings_: list[str] | None,
    seed: int,
    inline: bool,
) -> dict[str, Any]:
    training.checked_name(name)
    parameters: dict[str, Any] = {}
    for file in files or ():
        parameters |= training.read_parameters(file)
    parameters |= dict(parameter_from(text) for text in settings_ or ())
    settings, store = get_settings(), this_store()
    training.training_spec(parameters, "0" * 64, seed)  # a bad parameter is told before a gigabyte is read
    dataset = kept(given_dataset(data, held_out, store), data, store)
    spec = training.training_spec(parameters, dataset, seed)
    if inline:
        manifest = training.train_inline(spec, store, settings.device)
    else:
        manifest = training.train_queued(spec, store, JobQueue(connect(settings), settings))
    folder = training.list_as_local(name, manifest, store)
    return {"network": f"local/{name}", "key": spec.key, **manifest.metrics, "folder": str(folder)}
