"""`gazegrid up`, `down` and `status`."""

from __future__ import annotations

import typer

from core.settings import get_settings
from workers.cli.arguments import Json
from workers.cli.console import print_json, print_line
from workers.services import local


def up() -> None:
    """Start Redis, workers and the dashboard on this machine; Ctrl-C stops them."""
    local.up(get_settings())


def down() -> None:
    """Stop what `gazegrid up` started."""
    print_line(local.down(get_settings()))


def status(json_: Json = False) -> None:
    """Show address, queue and workers. Exit status 1 if nothing runs."""
    state = local.status(get_settings())
    print_json(state) if json_ else print_line("\n".join(f"{name:10} {value}" for name, value in state.items()))
    raise typer.Exit(0 if state["running"] else 1)
