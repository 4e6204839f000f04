"""The whole story in a real Chromium: upload, select, run, watch, inspect, share the link, save, export."""

from __future__ import annotations

import re
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from core.items import Animation
from core.presets import DEFAULT_NETWORKS, VARIED
from core.queue.queue import open_queue
from core.settings import Settings
from core.store.store import Store
from dashboard.figures.charts import LATTICE
from tests.browser.visit import DONE_MS, TIMEOUT_S, Visit, visiting
from tests.core.datasets.test_files import TWO, packed
from tests.support.bad_pictures import photo_file
from tests.support.running import descendants
from tests.support.studied import CNN, MIXER, VIT, a_study
from tests.support.videos import a_painted_cell, a_video, painted, pan
from workers.bench.bench_page import first_page_s

NETWORKS = ("random/test_resnet", "lite/efficientnet_lite0")
STEPS = "40"
DECODER_QUESTION = next(preset.question for preset in VARIED if tuple(preset.varied) == ("decoder",))

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]


@dataclass(frozen=True)
class Ran:
    """A comparison that was run in the browser, with the progress texts and previews that appeared meanwhile."""

    link: str
    steps: list[str]
    previews: set[str]
    results: list[str]


@pytest.fixture(scope="module")
def ran(browser, up) -> Ran:
    print(f"first page complete {first_page_s(browser, up.address):.2f} s after the server answered")  # noqa: T201  a measure
    with visiting(browser, up.address) as visit:
        visit.open()
        visit.upload("photo.png", photo_file())
        for network in DEFAULT_NETWORKS:
            visit.remove_network(network)
        for network in NETWORKS:
            visit.add_network(network)
        visit.set_number("Steps", STEPS)
        visit.page.get_by_role("button", name="Run 2 cells").click()
        steps, previews = watch(visit)
        visit.page.locator(".grid .cell img[src*='/preview/']").first.wait_for(state="detached")
        return Ran(visit.page.url, steps, previews, visit.cell_pictures())


def watch(visit: Visit) -> tuple[list[str], set[str]]:
    """All progress texts and preview addresses until all cells are done."""
    steps: list[str] = []
    previews: set[str] = set()
    deadline = time.monotonic() + DONE_MS / 1000
    while not visit.page.get_by_text("2 of 2 done").count():
        assert time.monotonic() < deadline, visit.page.locator(".grid").inner_text()
        steps += visit.page.locator(".grid .headline").all_inner_texts()
        previews |= {url for url in visit.cell_pictures() if "/preview/" in url}
        visit.page.wait_for_timeout(150)
    return steps, previews


def test_the_cells_change_while_they_are_computed(ran):
    assert re.fullmatch(r"[0-9a-f]{64}", parse_qs(urlsplit(ran.link).query)["grid"][0])
    assert len({word for word in ran.steps if word.endswith(f" of {STEPS}")}) >= 2
    assert len(ran.previews) >= 2
    assert len(ran.results) == len(NETWORKS)


def test_a_bad_file_gets_one_sentence(visit):
    visit.open()
    visit.upload("notes.png", b"these are notes")
    alerts = visit.page.get_by_role("alert").all_inner_texts()
    assert len(alerts) == 1
    assert "notes.png" in alerts[0]
    assert visit.faults() == []


def test_the_link_shows_the_same_grid_at_once_without_a_new_job(visit, up, ran):
    queue = open_queue(Settings(home=up.home))
    before = queue.counts()
    visit.open_grid(ran.link, cells=2)
    assert visit.cell_pictures() == ran.results
    assert queue.counts() == before
    assert visit.faults() == []


def test_a_cell_opens_into_pictures_curves_values_and_origin(visit, ran):
    visit.open_grid(ran.link, cells=2)
    page = visit.page
    page.locator(".grid .cell button.frame").first.click()
    page.locator("input[type=range]").fill("20")
    assert page.locator(".pair").evaluate("pair => pair.style.getPropertyValue('--share')") == "20%"
    page.get_by_role("radio", name="Curves").click()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for()
    page.get_by_role("radio", name="Raw values").click()
    page.locator(".js-plotly-plot .imagelayer image").first.wait_for()
    page.get_by_role("radio", name="Provenance and files").click()
    page.get_by_role("link", name="manifest.json").wait_for()
    page.get_by_role("button", name="Back to the grid").click()
    page.get_by_text("2 of 2 done").wait_for()
    assert visit.faults() == []


def test_a_preset_runs_another_method_on_the_same_pictures(visit, ran):
    visit.open_grid(ran.link, cells=2)
    page = visit.page
    page.get_by_role("button", name="Start from a preset").click()
    page.get_by_text("Deep dream").first.click()
    visit.settle()
    visit.set_number("Steps", "6")
    visit.set_number("Output scale (inputs)", "1.5")
    page.get_by_role("button", name="Run 2 cells").click()
    page.get_by_text("2 of 2 done").wait_for(timeout=DONE_MS)
    page.locator(".grid .cell img[src*='/dream']").nth(1).wait_for()
    assert not set(visit.cell_pictures()) & set(ran.results)
    page.locator(".grid .cell button.frame").first.click()
    page.get_by_role("radio", name="All items").click()
    page.locator("img[src*='/strip/']").wait_for()
    assert visit.faults() == []


def test_a_point_of_the_findings_opens_the_row_of_its_picture(visit, up):
    radii, shares = {CNN: 8.0, VIT: 16.0, MIXER: 24.0}, {CNN: 1.0, VIT: 0.5, MIXER: 0.25}
    a_study(Store(str(up.home / "store")), radii, shares)
    visit.open()
    visit.go_to("Findings")
    visit.page.get_by_text("12 pictures, 3 networks").wait_for()
    study = visit.page.get_by_role("tabpanel", name="Feature statistics")  # the hidden tab has points, too
    study.locator(".scatterlayer .point").first.click(force=True)
    visit.page.get_by_role("link", name="Open the whole grid").wait_for()
    visit.page.locator(".grid .cell img").nth(2).wait_for()
    assert visit.faults() == []


def test_a_click_on_a_place_explains_the_neuron_there_and_leads_back(visit, up):
    visit.open(f"{up.address}?method=fixation&pictures=sample:cat&networks={NETWORKS[0]}&mode=light")
    page = visit.page
    page.get_by_role("button", name="Run 1 cell").click()
    page.get_by_text("1 of 1 done").wait_for(timeout=DONE_MS)
    first = visit.query("grid")
    page.get_by_role("radio", name="Fixations").click()
    page.locator(".grid .cell img[src*='/fixations']").wait_for()
    page.locator(".grid .cell button.frame").click()
    page.get_by_text("Click a place to explain the neuron there", exact=True).wait_for()
    visit.click_into(".js-plotly-plot .nsewdrag", x=0.25, y=0.75)
    page.get_by_text("Clicked place:").wait_for()
    (method,) = Store(str(up.home / "store")).comparison(visit.query("grid")).methods
    assert (method.name, method.target, method.mode) == ("fixation", "neuron", "light")
    assert (method.x, method.y) == pytest.approx((0.25, 0.75), abs=1 / LATTICE)
    page.get_by_text("1 of 1 done").wait_for(timeout=DONE_MS)
    page.get_by_role("button", name="Back to the clicked cell").click()
    page.get_by_role("button", name="Back to the clicked cell").wait_for(state="detached")
    page.get_by_role("button", name="Back to the grid").click()
    page.get_by_role("button", name="Back to the grid").wait_for(state="detached")
    page.get_by_text("1 of 1 done").wait_for()
    assert (visit.query("grid"), visit.query("item")) == (first, "Fixations")
    assert visit.faults() == []


def test_a_saved_comparison_is_listed_in_its_gallery(visit, ran):
    visit.open_grid(ran.link, cells=2)
    visit.save_to("My story")
    visit.page.locator(".small-grid img").nth(2).wait_for()
    assert visit.faults() == []


def test_exports_open_without_any_network(visit, browser, ran, tmp_path):
    visit.open_grid(ran.link, cells=2)
    visit.page.get_by_role("button", name="Export").click()
    html = visit.download("HTML page", tmp_path / "story.html")
    archive = visit.download("Zip archive", tmp_path / "story.zip")
    assert "gallery.json" in zipfile.ZipFile(archive).namelist()
    with visiting(browser, html.as_uri(), offline=True) as reader:
        reads_without_a_network(reader)


def reads_without_a_network(reader: Visit) -> None:
    """An exported page is complete, and sends no request."""
    reader.open()
    reader.page.locator("img").first.wait_for()
    broken = reader.page.locator("img").evaluate_all("all => all.filter((one) => !one.naturalWidth).length")
    assert (broken, reader.hosts(), reader.faults()) == (0, set(), [])


@pytest.fixture(scope="module")
def trained(browser, up) -> str:
    """The link of a grid of two decoders, trained on the digits for one epoch."""
    with visiting(browser, up.address) as visit:
        visit.open()
        page = visit.page
        page.get_by_role("radio", name="Train").click()
        page.get_by_text("2 · Data sets").wait_for()
        page.get_by_text("2 · Networks").wait_for(state="detached")
        visit.settle()
        page.get_by_role("button", name="Start from a preset").click()
        page.get_by_text(DECODER_QUESTION).click()
        visit.settle()
        page.get_by_role("button", name="Remove unpooling").click()
        visit.set_number("Epochs", "1")
        visit.set_number("Labels per class", "0")
        page.get_by_role("button", name="Run 2 cells").click()
        page.get_by_text("2 of 2 done").wait_for(timeout=DONE_MS)
        return page.url


def test_two_trained_decoders_stand_side_by_side(visit, trained):
    visit.open_grid(trained, cells=2)
    assert [url.rpartition("/")[2] for url in visit.cell_pictures()] == ["reconstructions.png"] * 2
    square = visit.page.locator(".grid .rowhead img")
    assert square.evaluate("image => image.decode().then(() => image.naturalWidth === image.naturalHeight)")
    assert visit.faults() == []


def test_a_code_in_the_plane_shows_its_picture_and_after_a_click_its_neighbors(visit, trained):
    visit.open_grid(trained, cells=2)
    page = visit.page
    page.locator(".grid .cell button.frame").first.click()
    page.get_by_role("combobox", name="Left").click()
    page.get_by_role("option", name="Units").click()
    page.locator(".pair.apart").wait_for()  # twice as wide as the pictures beside it: nothing to lay over them
    page.get_by_role("radio", name="Codes").click()
    page.locator(".codes .scatterlayer .point").nth(1500).wait_for()  # a thousand by PCA, then those by t-SNE
    layers = page.locator(".codes .main-svg").evaluate_all("all => all.map((one) => getComputedStyle(one).position)")
    assert set(layers) == {"absolute"}, "plotly's own styles reach its chart"
    point = page.locator(".codes .scatterlayer .point").first
    point.scroll_into_view_if_needed()
    point.hover(force=True)
    page.locator(".codes .pointed .tile").first.wait_for()
    page.mouse.down()
    page.mouse.up()
    page.locator(".codes .neighbors figure").nth(11).wait_for()
    page.get_by_role("radio", name="Animations").click()
    page.locator(".animation output").get_by_text("+3 standard deviations").wait_for()
    page.get_by_role("radio", name="Numbers").click()
    page.get_by_test_id("stDataFrame").wait_for()
    assert visit.faults() == []


def test_a_trained_grid_is_saved_and_exported_with_its_codes(visit, browser, trained, tmp_path):
    visit.open_grid(trained, cells=2)
    page = visit.page
    page.get_by_role("button", name="Export").click()
    html = visit.download("HTML page", tmp_path / "decoders.html")
    archive = visit.download("Zip archive", tmp_path / "decoders.zip")
    assert [name for name in zipfile.ZipFile(archive).namelist() if name.endswith("codes_tsne.safetensors")]
    page.keyboard.press("Escape")
    visit.save_to("Decoders")
    page.locator(".small-grid img").nth(2).wait_for()
    assert visit.faults() == []
    with visiting(browser, html.as_uri(), offline=True) as reader:
        reads_without_a_network(reader)
        assert reader.page.locator("svg.codes").count() == 4


def test_a_stylized_video_is_played_over_its_source(visit, up):
    store, frames = Store(str(up.home / "store")), 12
    items = {"stylized": painted(frames), "original": Animation(frames=np.stack(pan(frames)))}
    grid, cell = a_painted_cell(store, items, store.inputs.put_video(a_video(pan(frames), "mp4")))
    visit.open(f"{up.address}?grid={grid}&cell={cell}")
    video = visit.page.locator(".animations")
    video.get_by_text("7 of 12").wait_for()
    video.locator(".pair input").fill("20")
    assert video.locator(".pair").evaluate("pair => pair.style.getPropertyValue('--share')") == "20%"
    video.get_by_role("slider", name="Frame").fill("2")
    video.get_by_text("3 of 12").wait_for()
    video.get_by_role("button", name="Play").click()
    video.get_by_text(re.compile(r"^(?!3 )\d+ of 12")).wait_for()
    video.get_by_role("button", name="Pause").click()
    now = int(video.locator("output").inner_text().split()[0])
    loaded = "all => Promise.all(all.map((one) => one.decode().then(() => one.src)))"
    assert [url.rpartition("=")[2] for url in video.locator("img").evaluate_all(loaded)] == [str(now - 1)] * 2
    assert visit.faults() == []


def test_animations_of_uneven_times_are_played_by_their_times_and_overlaid_moment_by_moment(visit, up):
    """Of the original two equal frames were merged: its first frame stands behind the first two of the other."""
    store, (first, second, third) = Store(str(up.home / "store")), pan(3)
    times = {"durations_ms": (30, 40, 60_000)}
    items = {
        "stylized": Animation(frames=np.stack([first, second, third]), whole=painted().whole, **times),
        "original": Animation(frames=np.stack([first, first, third]), **times),
    }
    grid, cell = a_painted_cell(store, items, store.inputs.put_video(a_video()))
    visit.open(f"{up.address}?grid={grid}&cell={cell}")
    video = visit.page.locator(".animations")
    video.get_by_text("2 of 3").wait_for()
    frames = [url.rpartition("=")[2] for url in video.locator("img").evaluate_all("all => all.map((one) => one.src)")]
    assert sorted(frames) == ["0", "1"]
    video.get_by_role("slider", name="Frame").fill("0")
    video.get_by_role("button", name="Play").click()
    video.get_by_text("3 of 3").wait_for()  # where one pace stood for all, it would be over after 20 s
    video.get_by_role("button", name="Pause").click()
    assert video.locator("output").inner_text() == "3 of 3"
    assert visit.faults() == []


def test_an_added_data_set_shows_its_pictures_and_has_an_address(visit, tmp_path):
    pets = packed(tmp_path / "pets.zip", TWO)
    page = visit.page
    visit.open()
    visit.go_to("Data")
    page.locator("input[type=file]").first.set_input_files(pets)
    page.get_by_text("pets.zip").wait_for()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("pets was added").wait_for()
    page.get_by_role("link", name="Open data set").click()
    page.get_by_role("heading", name="pets").wait_for()
    page.wait_for_function("[...document.images].filter((one) => one.src.includes('/api/dataset/')).length == 2")
    page.wait_for_function("[...document.images].every((one) => one.naturalWidth)")
    digest = visit.query("dataset")
    assert visit.faults() == []
    page.get_by_role("link", name="All data sets").click()
    page.get_by_role("heading", name="Data", exact=True).wait_for()
    page.wait_for_function("!location.search")
    visit.open(f"{visit.address.rstrip('/')}/data?dataset={digest}")
    page.get_by_role("heading", name="pets").wait_for()


@pytest.mark.parametrize("title", ["Data", "Findings", "Queue", "Galleries", "Networks", "Methods"])
def test_every_page_opens(visit, title):
    visit.open()
    visit.go_to(title)
    visit.page.get_by_role("heading", name=title, exact=True).wait_for()
    visit.settle()
    assert visit.faults() == []


def test_the_dashboard_never_loads_torch(up, ran):  # noqa: ARG001  after the whole story
    loaded = [pid for pid in descendants(up.process.pid) if "libtorch" in Path(f"/proc/{pid}/maps").read_text()]
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(up.process.pid)]
    assert any("streamlit" in command for command in commands)
    assert not [pid for pid in loaded if "streamlit" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert loaded, "a worker process has loaded torch: the test looks in the right place"
