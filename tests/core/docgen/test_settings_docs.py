from core.docgen.settings_docs import DOCS_FILE, settings_markdown
from core.settings import Settings


def test_the_committed_page_matches_the_settings() -> None:
    assert DOCS_FILE.read_text(encoding="utf-8") == settings_markdown(), "run: make docs"


def test_every_setting_has_a_description_and_its_unit() -> None:
    rows = [line.split(" | ") for line in settings_markdown().splitlines() if line.startswith("| `GAZEGRID_")]
    assert len(rows) == len(Settings.model_fields)
    assert all(row[-1].rstrip(" |").endswith(".") for row in rows)
    units = {row[0].strip("| `"): row[3] for row in rows}
    assert units["GAZEGRID_LEASE_S"] == "s"
    assert units["GAZEGRID_CACHE_MB"] == "MiB"


def test_bounds_are_in_words() -> None:
    page = settings_markdown()
    assert "| `GAZEGRID_PORT` | `8501` | 1 to 65535 |" in page
    assert "| `GAZEGRID_STORE_LIMIT_GB` |  | above 0 | GB |" in page
    assert "| `GAZEGRID_DEVICE` | `auto` | auto, cpu, cuda, mps |" in page
