"""`gazegrid run` and `gazegrid result`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from core.display.explained import Explained, explained
from core.display.headings import cell_names
from core.display.wording import NO_NUMBER
from core.errors import BadInput
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, variants
from core.jobs.spec import checked_key, checked_seed
from core.media.file_names import listed_files
from core.method_base.method import Method
from core.method_base.parameters import picture_fields
from core.methods import make_method
from core.store.sources import datasets_from, pictures_from, with_digests
from core.store.store import Store
from workers.cli.arguments import Inline, Json, Networks, Seed, comma_separated, parse_parameter
from workers.cli.console import current_store, print_json, print_line, print_message
from workers.cli.grid_run import run_grid
from workers.cli.reports import explained_report, failed, item_reports

PARAMETERS_PANEL = "Parameters"


def run(  # noqa: PLR0913, PLR0917  each is a flag
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Name of a method; `gazegrid methods` lists them.")],
    networks: Networks = "",
    pictures: Annotated[
        str, typer.Option(metavar="A,B", help="Comma-separated files, samples (`sample:cat`) or `result:KEY/item`.")
    ] = "",
    data: Annotated[
        str,
        typer.Option(metavar="A,B", help="Comma-separated data sets by name, digest or path, for methods that train."),
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set a parameter; repeatable.", rich_help_panel=PARAMETERS_PANEL
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A,B",
            help="Compare variants with these values of a parameter; repeatable.",
            rich_help_panel=PARAMETERS_PANEL,
        ),
    ] = None,
    seed: Seed = 0,
    inline: Inline = False,
    json_: Json = False,
) -> None:
    """Compute a grid with one method and print its cells. Exit status 1 if a cell failed.

    Attribution, optimization and style methods need pictures and networks; methods that train need data sets.
    """
    store = current_store()
    methods = _variants(method, set_ or (), vary or (), store)
    names = comma_separated(networks)
    rows = tuple(
        PictureRef(store.inputs.put_picture(picture), name) for picture, name in pictures_from(pictures, store)
    )
    _tell_repeats(rows)
    datasets = tuple(DatasetRef(*one) for one in datasets_from(data, store))
    comparison = Comparison(rows, names, methods, checked_seed(seed), datasets)
    reports = run_grid(comparison, store, inline=inline)
    print_json(reports) if json_ else _print_reports(reports, comparison)
    raise typer.Exit(1 if failed(reports) else 0)


def _tell_repeats(pictures: Sequence[PictureRef]) -> None:
    """Say on standard error which pictures have no row of their own, since one before has the same pixels."""
    names: dict[str, str] = {}
    for picture in pictures:
        if (name := names.setdefault(picture.digest, picture.name)) != picture.name:
            print_message(" ".join(f"{picture.name} is the same picture as {name}: it has no row of its own".split()))


def _variants(name: str, settings: Sequence[str], varied: Sequence[str], store: Store) -> tuple[Method, ...]:
    """The method with the parameters of `--set`, in all combinations of the values of `--vary`. Raises BadInput."""
    cls = type(make_method(name, {}))
    values = {
        parameter: [with_digests(cls, {parameter: value}, store)[parameter] for value in _values(cls, parameter, text)]
        for parameter, text in map(parse_parameter, varied)
    }
    return variants(cls, with_digests(cls, dict(map(parse_parameter, settings)), store), values)


def _values(cls: type[Method], parameter: str, values: object) -> Sequence[Any]:
    """The values of `--vary`: a JSON list, or a comma-separated text."""
    if isinstance(values, list):
        return values
    return listed_files(str(values)) if parameter in picture_fields(cls) else comma_separated(str(values))


def _print_reports(reports: Sequence[Mapping[str, Any]], comparison: Comparison) -> None:
    for name, report in zip(cell_names(comparison), reports, strict=True):
        reasons = {metric: f"{NO_NUMBER} ({reason})" for metric, reason in report["reasons"].items()}
        metrics = "  ".join(
            f"{metric} {reasons[metric] if value is None else f'{value:.4g}'}"
            for metric, value in report["metrics"].items()
        )
        print_line(f"{name:50} {report['state']:9} {report['error'] or metrics}")
        print_line(f"{'':50} {report['key']}")
        if report["explained"]:
            print_line(f"{'':50} explains {Explained(**report['explained']).sentence}")
    print_line(f"grid {comparison.key}")


def result(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Key of a cell, 64 hex digits, as `gazegrid run` prints it.")
    ],
    json_: Json = False,
) -> None:
    """Show a stored result: its items and files, metrics and provenance."""
    store = current_store()
    manifest = store.manifest(checked_key(key))
    if manifest is None:
        raise BadInput(f"there is no result {key[:12]}… in this store")
    items = item_reports(manifest, store)
    if json_:
        print_json(
            {
                "key": manifest.key,
                "spec": manifest.spec,
                "items": items,
                "explained": explained_report(manifest),
                "metrics": manifest.metrics,
                "reasons": manifest.reasons,
                "provenance": manifest.provenance,
            }
        )
        return
    if explanation := explained(manifest):
        print_line(f"{'explains':20} {explanation.sentence}")
    for item in items:
        print_line(f"{item['name']:20} {item['kind']:10} {item['path'] or ''}  {item.get('remark', '')}".rstrip())
    undefined = {name: f"{NO_NUMBER} ({reason})" for name, reason in manifest.reasons.items()}
    for name, value in (manifest.metrics | undefined | manifest.provenance).items():
        print_line(f"{name:20} {value}")
