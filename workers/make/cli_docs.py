"""The command line as docs/reference/command-line.md.

python -m workers.make.cli_docs            writes the page
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from core.display.wording import markdown_table
from core.docgen.page import REFERENCE, write_page
from workers.cli.main import app

DOCS_FILE = REFERENCE / "command-line.md"
HEAD = """# Command line

Generated from the command `gazegrid` by `make docs`. `--json` prints one JSON document on standard output and nothing
else; messages go to standard error. Exit status: 0 done, 1 something failed, 2 bad arguments, with one line that says
which. In a comma-separated list, a value that contains commas stands in double quotes.
"""


def command_line_markdown() -> str:
    """The whole page: one section per command."""
    sections = [line for path, command in _commands("gazegrid", get_command(app)) for line in _section(path, command)]
    return "\n".join([HEAD, *sections])


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """(`gazegrid data list`, its command) of each command, those of a group in their order."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _commands(f"{path} {name}", inner)


def _section(path: str, command: Any) -> list[str]:
    arguments = [_argument_usage(one) for one in command.params if one.param_type_name == "argument"]
    options = [_option_usage(one) for one in command.params if one.param_type_name == "option" and one.required]
    usage = " ".join([path, *arguments, *options])
    rows = [(f"`{_names(one)}`", _default(one), one.help or "") for one in command.params if one.name != "help"]
    table = markdown_table(("argument or option", "default", "description"), rows) if rows else []
    return [f"## {path}", "", "```", usage, "```", "", str(command.help), "", *table]


def _argument_usage(argument: Any) -> str:
    return argument.metavar if argument.required else f"[{argument.metavar}]"


def _option_usage(option: Any) -> str:
    return f"{option.opts[0]} {option.metavar}"


def _names(parameter: Any) -> str:
    """`--set NAME=VALUE`, `--baselines / --no-baselines`, `METHOD`."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    flags = " / ".join([*parameter.opts, *parameter.secondary_opts])
    return flags if parameter.is_flag else f"{flags} {parameter.metavar}"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.is_flag if parameter.param_type_name == "option" else False:
        return "on" if parameter.default else "off"
    return "" if parameter.default in (None, "") else str(parameter.default)


if __name__ == "__main__":
    write_page(DOCS_FILE, command_line_markdown())
