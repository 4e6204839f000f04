"""`gazegrid gallery`: list, show, add to, export and import galleries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from core.export.archive import export_zip, import_zip
from core.export.page import export_html
from core.jobs.spec import checked_key
from core.store.gallery import add_to_gallery, find_gallery, readable_galleries
from workers.cli.console import Json, print_json, say, this_store

gallery_app = typer.Typer(no_args_is_help=True, help="Named sets of comparisons.", rich_markup_mode=None)


@gallery_app.command("list")
def gallery_list(json_: Json = False) -> None:
    """List the galleries of this store."""
    readable, faults = readable_galleries(this_store())
    for name, reason in faults.items():
        sys.stderr.write(f"gazegrid: gallery {name} is left out: {reason}\n")
    listed = [{"id": gallery.id, "name": gallery.name, "comparisons": len(gallery.entries)} for gallery in readable]
    if json_:
        print_json(listed)
        return
    for gallery in listed:
        say(f"{gallery['id']}  {gallery['comparisons']:4}  {gallery['name']}")


@gallery_app.command("show")
def gallery_show(name: Annotated[str, typer.Argument(help="Name or id.")], json_: Json = False) -> None:
    """Show a gallery's comparisons and notes."""
    gallery = find_gallery(this_store(), name)
    if json_:
        entries = [vars(entry) for entry in gallery.entries]
        print_json({"id": gallery.id, "name": gallery.name, "entries": entries})
        return
    for entry in gallery.entries:
        say(f"{entry.comparison}  {entry.added}  {entry.note}")


@gallery_app.command("add")
def gallery_add(
    name: str,
    comparison: Annotated[str, typer.Argument(help="A grid's key, as `run` prints it.")],
    note: Annotated[str, typer.Option(help="What is to be seen there.")] = "",
) -> None:
    """Put a comparison into a gallery, made if need be."""
    say(add_to_gallery(this_store(), name, checked_key(comparison), note).id)


@gallery_app.command("export")
def gallery_export(
    name: Annotated[str, typer.Argument(help="Name or id.")],
    to: Annotated[Path, typer.Argument(help="A file that ends in .html or .zip.")],
) -> None:
    """Write a gallery as one HTML page, or as a zip that imports elsewhere."""
    makers = {".html": export_html, ".zip": export_zip}
    if to.suffix not in makers:
        raise BadInput(f"the file must end in .html or .zip, got {str(to)[-80:]!r}")
    store = this_store()
    content = makers[to.suffix](store, find_gallery(store, name))
    try:
        to.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{to} cannot be written: {error.strerror}") from None


@gallery_app.command("import")
def gallery_import(archive: Annotated[Path, typer.Argument(help="A gallery's zip.")]) -> None:
    """Take in a gallery's zip: all of it or nothing."""
    try:
        content = archive.read_bytes()
    except OSError as error:
        raise BadInput(f"{archive} cannot be read: {error.strerror}") from None
    say(import_zip(this_store(), content).id)
