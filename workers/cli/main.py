"""`gazegrid`: all that the pages do, for scripts and for checks.

`--json` prints one JSON document on standard output and nothing else; messages go to standard error.
Exit status: 0 done, 1 something failed, 2 bad arguments, with one clear line.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from core.display.headings import cell_name
from core.errors import BadInput, GazegridError, StoreUnreadable
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, variants
from core.jobs.spec import checked_key, checked_seed
from core.method_base.method import Method, allowed
from core.methods import METHODS, make_method
from core.networks.card import NetworkCard
from core.networks.catalog import all_cards
from core.settings import get_settings
from core.store.fsck import check, repair
from core.store.sources import dataset_from, picture_from, with_digests
from core.store.store import Store
from workers.cli.console import Json, parameter_from, print_json, say, this_store
from workers.cli.data import data_app
from workers.cli.gallery import gallery_app
from workers.cli.grid_run import item_reports
from workers.cli.measure import measure
from workers.cli.study import computed, make_study
from workers.cli.train import train
from workers.services import local

FSCK_DAMAGED, FSCK_UNREADABLE = 1, 4

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Compare what image networks look at.",
)
app.add_typer(gallery_app, name="gallery")
app.add_typer(data_app, name="data")


def main() -> None:
    """Entry point: every error of ours is one line on standard error."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except BadInput as error:
        _fail(str(error), 2)
    except GazegridError as error:
        _fail(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _fail(sentence: str, status: int) -> None:
    sys.stderr.write(f"gazegrid: {sentence}\n")
    sys.exit(status)


@app.command()
def up() -> None:
    """Start Redis, workers and the dashboard on this machine; Ctrl-C stops all of them."""
    local.up(get_settings())


@app.command()
def down() -> None:
    """Stop what `up` started."""
    say(local.down(get_settings()))


@app.command()
def status(json_: Json = False) -> None:
    """Say what runs: address, queue and workers. Exit status 1 where nothing does."""
    now = local.status(get_settings())
    print_json(now) if json_ else say("\n".join(f"{name:10} {value}" for name, value in now.items()))
    raise typer.Exit(0 if now["running"] else 1)


@app.command()
def methods(json_: Json = False) -> None:
    """List the methods and their parameters."""
    if json_:
        print_json([_method_document(method) for method in METHODS.values()])
        return
    for name, method in METHODS.items():
        say(f"{name}: {method.title}\n  {method.summary}")
        for field_name, field in method.model_fields.items():
            default = field.get_default(call_default_factory=True)
            say(f"    {field_name} = {default}: {field.description} ({allowed(field)})")


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


@app.command()
def networks(
    search: Annotated[str, typer.Argument(help="Only names that contain this text.")] = "",
    fetch: Annotated[str, typer.Option(metavar="NAME", help="Fetch a `hub/owner/name@revision` first.")] = "",
    json_: Json = False,
) -> None:
    """List the networks that can be compared."""
    if fetch:
        from core.networks import hub  # noqa: PLC0415  the hub's client comes with the workers' packages only

        hub.fetch(fetch)
    cards = [card for card in all_cards() if search.lower() in card.name.lower()]
    if json_:
        print_json([_network_document(card) for card in cards])
        return
    for card in cards:
        size = "x".join(map(str, card.input_px))
        say(f"{card.name:55} {card.family:7} {card.parameters / 1e6:8.1f} M  {size:>9} px  {card.license}")


def _network_document(card: NetworkCard) -> dict[str, Any]:
    return card.model_dump(mode="json", exclude={"class_names"}) | {"classes": len(card.class_names)}


@app.command()
def run(  # noqa: PLR0913, PLR0917  each is a flag
    method: Annotated[str, typer.Argument(help="A method's name; `gazegrid methods` lists them.")],
    networks: Annotated[str, typer.Option(help="Names of networks, with commas between.")] = "",
    pictures: Annotated[str, typer.Option(help="Files, `sample:cat`, or `result:KEY/item`, with commas between.")] = "",
    data: Annotated[str, typer.Option(help="Data sets: names, digests or paths, with commas between.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter.")] = None,
    vary: Annotated[
        list[str] | None, typer.Option(metavar="NAME=A,B", help="A variant for each of these values; repeat for more.")
    ] = None,
    seed: Annotated[int, typer.Option(help="0 to 2147483647.")] = 0,
    inline: Annotated[bool, typer.Option("--inline", help="Compute in this process, without a queue.")] = False,
    json_: Json = False,
) -> None:
    """Run one method as a grid and wait for it. Exit status 1 where a cell failed.

    A method that looks through networks takes pictures and networks, one that learns takes data sets.
    """
    store = this_store()
    kind = type(make_method(method, {}))
    varied = {
        name: [with_digests(kind, {name: value}, store)[name] for value in _names(str(values))]
        for name, values in map(parameter_from, vary or ())
    }
    chosen = variants(kind, with_digests(kind, dict(map(parameter_from, set_ or ())), store), varied)
    names = _names(networks)
    references = tuple(_picture(source, store) for source in _names(pictures))
    datasets = tuple(DatasetRef(*dataset_from(source, store)) for source in _names(data))
    comparison = Comparison(references, names, chosen, checked_seed(seed), datasets)
    reports = computed(comparison, store, inline=inline)
    if json_:
        print_json(reports)
    else:
        _say_reports(reports, comparison)
    raise typer.Exit(1 if any(report["state"] == "failed" for report in reports) else 0)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _picture(source: str, store: Store) -> PictureRef:
    picture, name = picture_from(source, store)
    return PictureRef(store.put_picture(picture), name)


def _say_reports(reports: list[dict[str, Any]], comparison: Comparison) -> None:
    names = [cell_name(comparison, cell) for cell in comparison.cells()]
    for name, report in zip(names, reports, strict=True):
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in report["metrics"].items())
        say(f"{name:50} {report['state']:9} {report['error'] or numbers}")
        say(f"{'':50} {report['key']}")
    say(f"grid {comparison.key}")


@app.command()
def result(key: Annotated[str, typer.Argument(help="64 hex digits.")], json_: Json = False) -> None:
    """Show a stored result: what it is made of, its numbers, and how it came about."""
    store = this_store()
    manifest = store.manifest(checked_key(key))
    if manifest is None:
        raise BadInput(f"there is no result {key} in this store")
    document: dict[str, Any] = {
        "key": manifest.key,
        "spec": manifest.spec,
        "items": item_reports(manifest, store),
        "metrics": manifest.metrics,
        "provenance": manifest.provenance,
    }
    if json_:
        print_json(document)
        return
    for item in document["items"]:
        say(f"{item['name']:20} {item['kind']:10} {item['path'] or ''}")
    for name, value in (manifest.metrics | manifest.provenance).items():
        say(f"{name:20} {value}")


@app.command()
def fsck(
    mend: Annotated[bool, typer.Option("--repair", help="Set damaged things aside; they are computed again.")] = False,
    json_: Json = False,
) -> None:
    """Check every stored file. Exit status 0 sound, 1 damaged, 2 bad usage, 4 unreadable."""
    try:
        store = this_store()
        problems = repair(store) if mend else list(check(store))
    except StoreUnreadable as error:
        return _fail(str(error), FSCK_UNREADABLE)
    if json_:
        print_json([{"kind": p.kind, "name": p.name, "reason": p.reason, "repaired": mend} for p in problems])
    else:
        for problem in problems:
            say(f"{problem.kind} {problem.name}: {problem.reason}{' (set aside)' if mend else ''}")
        say(f"{len(problems)} damaged" if problems else "sound")
    raise typer.Exit(FSCK_DAMAGED if problems and not mend else 0)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which; default all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few steps each: whether it runs, not how fast.")] = False,
    json_: Json = False,
) -> None:
    """Measure speed as ratios within one run. Exit status 1 where a target does not hold."""
    from workers.bench import run_benches  # noqa: PLC0415  torch takes seconds, and only this command needs it

    rows = run_benches(names or [], quick=quick)
    if json_:
        print_json(rows)
    else:
        for row in rows:
            verdict = "holds" if row["holds"] else "FAILS"
            say(f"{row['name']:14} {row['ratio']:8.3f}  target {row['target']:<8g} {verdict}  {row['detail']}")
    raise typer.Exit(0 if all(row["holds"] for row in rows) else 1)


app.command()(train)
app.command("study")(make_study)
app.command()(measure)


if __name__ == "__main__":
    main()
