import re

import pytest

from workers.cli.main import app
from workers.make.cli_docs import DOCS_FILE, command_line_markdown


@pytest.fixture(scope="module")
def page() -> str:
    return command_line_markdown()


def test_the_committed_page_matches_the_command_line(page: str) -> None:
    assert DOCS_FILE.read_text(encoding="utf-8") == page, "run: make docs"


def test_every_command_has_a_section_and_a_purpose(page: str) -> None:
    sections = re.findall(r"^## gazegrid ([\w ]+)\n\n```\ngazegrid \1.*\n```\n\n\w+ .+\.$", page, re.MULTILINE)
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    groups = {section.split()[0] for section in sections if " " in section}
    assert {section for section in sections if " " not in section} == names
    assert groups == {"gallery", "data"}


def test_every_argument_and_option_has_a_name_and_a_description(page: str) -> None:
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert all(row[-1].endswith(".") for row in rows)
    assert "None" not in page


@pytest.mark.parametrize(
    "row",
    [
        "| `METHOD` | required | Name of a method",
        "| `--set NAME=VALUE` |  | Set a parameter",
        "| `--baselines / --no-baselines` | on |",
        "| `--seed NUMBER` | 0 |",
        "| `--json` | off |",
    ],
)
def test_a_row_has_metavar_and_default(page: str, row: str) -> None:
    assert row in page
