"""`gazegrid train`: train a network, or measure the accuracy of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.display.wording import NO_NUMBER
from core.jobs.spec import checked_seed
from core.method_base.method import Method
from core.queue.queue import JobQueue, connect
from core.settings import get_settings
from workers.cli import training
from workers.cli.arguments import Data, HeldOut, Inline, Json, Seed, parse_parameter
from workers.cli.console import current_store, print_json, print_line
from workers.cli.dataset_arguments import existing_paths, labeled_dataset, store_dataset, stored_dataset


def train(  # noqa: PLR0913, PLR0917  each is a flag
    data: Data,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the new network, which is listed as local/NAME.")
    ] = "",
    held_out: HeldOut = "",
    with_: Annotated[
        list[Path] | None, typer.Option("--with", metavar="FILE", help="Read parameters from a JSON file; repeatable.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; repeatable.")
    ] = None,
    seed: Seed = 0,
    inline: Inline = False,
    evaluate: Annotated[
        str,
        typer.Option(
            metavar="NETWORK", help="Train nothing; measure this network's accuracy, on the held-out pictures if given."
        ),
    ] = "",
    json_: Json = False,
) -> None:
    """Train a network on labeled pictures, or measure the accuracy of one.

    The parameters are those of the method `train`; `gazegrid methods` lists them.
    """
    if evaluate:
        document = _evaluation(evaluate, held_out or data)
    else:
        training.checked_name(name)
        method = training.training_method(_parameters(with_ or (), set_ or ()))  # refuses before a gigabyte is read
        document = _train(name, method, (data, held_out), checked_seed(seed), inline=inline)
    known = {key: NO_NUMBER if value is None else value for key, value in document.items()}
    print_json(document) if json_ else print_line("  ".join(f"{key} {value}" for key, value in known.items()))


def _evaluation(network: str, data: str) -> dict[str, Any]:
    from workers.cli.evaluate import evaluate  # noqa: PLC0415  torch takes seconds

    return evaluate(network, stored_dataset(data, current_store()) or existing_paths(data))


def _parameters(files: Sequence[Path], settings: Sequence[str]) -> dict[str, Any]:
    """The parameters of all files, then those of `--set`. Raises BadInput."""
    parameters: dict[str, Any] = {}
    for file in files:
        parameters |= training.read_parameters(file)
    return parameters | dict(map(parse_parameter, settings))


def _train(name: str, method: Method, sources: tuple[str, str], seed: int, *, inline: bool) -> dict[str, Any]:
    """Train on `sources` (data, held-out data) and install the network; the report."""
    settings, store = get_settings(), current_store()
    data, held_out = sources
    dataset = store_dataset(labeled_dataset(data, held_out, store), data, store)
    spec = training.training_spec(method, dataset, seed)
    if inline:
        manifest = training.train_inline(spec, store)
    else:
        manifest = training.train_queued(spec, store, JobQueue(connect(settings), settings))
    folder = training.list_as_local(name, manifest, store)
    return {"network": f"local/{name}", "key": spec.key, **manifest.metrics, "folder": str(folder)}
