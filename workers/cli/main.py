"""`gazegrid`: everything that the pages do, for scripts and for checks.

`--json` prints one JSON document on standard output and nothing else; messages go to standard error.
Exit status: 0 done, 1 something failed, 2 bad arguments, with one clear line.
"""

from __future__ import annotations

import sys

import typer

from core.errors import BadInput, GazegridError
from workers.cli.console import fail
from workers.cli.data import data_app
from workers.cli.gallery import gallery_app
from workers.cli.listing import methods, networks
from workers.cli.maintenance import bench, fsck
from workers.cli.measure import measure
from workers.cli.run import result, run
from workers.cli.service import down, status, up
from workers.cli.study import study
from workers.cli.train import train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Compare what image networks look at.",
)
PANELS = {
    "Service": (up, down, status),
    "Compute": (run, study, measure, train),
    "Look up": (methods, networks, result),
    "Maintain": (fsck, bench),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(gallery_app, name="gallery", rich_help_panel="Look up")
app.add_typer(data_app, name="data", rich_help_panel="Look up")


def main() -> None:
    """Entry point: every error of ours is one line on standard error."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as error:
        fail(error.format_message(), error.exit_code)
    except BadInput as error:
        fail(str(error), 2)
    except GazegridError as error:
        fail(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        fail("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
