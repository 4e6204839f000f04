"""`gazegrid gallery`: list, show, extend, export and import galleries."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from core.export.archive import export_zip, import_zip
from core.export.page import export_html
from core.jobs.spec import checked_key
from core.store.gallery import add_to_gallery, find_gallery, readable_galleries
from workers.cli.arguments import Json
from workers.cli.console import current_store, print_json, print_line, print_message

gallery_app = typer.Typer(
    no_args_is_help=True, help="List, show, extend, export and import galleries.", rich_markup_mode="rich"
)


@gallery_app.command("list")
def gallery_list(json_: Json = False) -> None:
    """List the galleries of the store."""
    readable, faults = readable_galleries(current_store())
    for name, reason in faults.items():
        print_message(f"gallery {name} is left out: {reason}")
    listed = [{"id": gallery.id, "name": gallery.name, "comparisons": len(gallery.entries)} for gallery in readable]
    if json_:
        print_json(listed)
        return
    for gallery in listed:
        print_line(f"{gallery['id']}  {gallery['comparisons']:4}  {gallery['name']}")


@gallery_app.command("show")
def gallery_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the gallery.")], json_: Json = False
) -> None:
    """Show the comparisons and notes of a gallery."""
    gallery = find_gallery(current_store(), name)
    if json_:
        entries = [vars(entry) for entry in gallery.entries]
        print_json({"id": gallery.id, "name": gallery.name, "entries": entries})
        return
    for entry in gallery.entries:
        print_line(f"{entry.comparison}  {entry.added}  {entry.note}")


@gallery_app.command("add")
def gallery_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the gallery; a new one is created.")],
    comparison: Annotated[str, typer.Argument(metavar="GRID", help="Key of a grid, as `gazegrid run` prints it.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="A note beside the comparison.")] = "",
) -> None:
    """Add a comparison to a gallery."""
    print_line(add_to_gallery(current_store(), name, checked_key(comparison), note).id)


@gallery_app.command("export")
def gallery_export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the gallery.")],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, ending in .html or .zip.")],
) -> None:
    """Write a gallery as a self-contained HTML page, or as a .zip file for import elsewhere."""
    if to.suffix not in (".html", ".zip"):
        raise BadInput(f"the file must end in .html or .zip, got {str(to)[-80:]!r}")
    store = current_store()
    gallery = find_gallery(store, name)
    export = export_zip(store, gallery) if to.suffix == ".zip" else io.BytesIO(export_html(store, gallery))
    try:
        with export as content, to.open("wb") as file:
            shutil.copyfileobj(content, file)
    except OSError as error:
        raise BadInput(f"{to} cannot be written: {error.strerror}") from None


@gallery_app.command("import")
def gallery_import(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="A .zip file that `gazegrid gallery export` wrote.")],
) -> None:
    """Import a gallery with its results, completely or not at all."""
    try:
        with archive.open("rb") as file:
            gallery = import_zip(current_store(), file)
    except OSError as error:
        raise BadInput(f"{archive} cannot be read: {error.strerror}") from None
    print_line(gallery.id)
