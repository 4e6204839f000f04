import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.findings.measured_attributions import from_bytes as read_measurement
from core.findings.study import from_bytes
from core.items import png_bytes
from core.media.samples import open_picture, sample
from core.networks.catalog import get_card
from core.settings import get_settings
from core.store.gallery import add_to_gallery
from core.store.inputs import picture_path
from tests.support.squares import square
from tests.workers.cli.conftest import Gazegrid

FAST = ["--set", "steps=2", "--set", "frames=2"]
TINY = "random/test_resnet"


@pytest.fixture
def photo(tmp_path: Path) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (tmp_path / "photo.png").write_bytes(png_bytes(pixels))
    return str(tmp_path / "photo.png")


def run(gazegrid: Gazegrid, photo: str, *more: str, networks: str = TINY) -> tuple[int, list[dict[str, object]]]:
    status, out, _ = gazegrid(
        "run", "detail_search", "--networks", networks, "--pictures", photo, *FAST, "--inline", "--json", *more
    )
    return status, json.loads(out)


def test_run_prints_the_documented_fields_and_files(gazegrid, photo):
    status, (report,) = run(gazegrid, photo)
    assert status == 0
    assert list(report) == [
        "key", "method", "network", "picture", "state", "seconds", "items", "metrics", "reasons", "explained",
        "error",
    ]  # fmt: skip
    assert (report["state"], report["network"], report["error"]) == ("computed", TINY, None)
    assert {"name", "kind", "path"} == set(report["items"][0])
    assert all(Path(item["path"]).is_file() for item in report["items"] if item["path"])
    assert set(report["metrics"]) >= {"edges_left", "probability_before", "probability_after"}


def test_a_metric_without_a_meaning_has_its_reason_in_the_lines_of_cells_and_in_json(gazegrid, tmp_path):
    gray = tmp_path / "gray.png"
    gray.write_bytes(png_bytes(np.full((40, 40, 3), 128, np.uint8)))
    _, (report,) = run(gazegrid, str(gray))
    reason = "the original picture has no edges"
    assert (report["metrics"]["edges_left"], report["reasons"]) == (None, {"edges_left": reason})
    arguments = ["run", "detail_search", "--networks", TINY, "--pictures", str(gray), *FAST, "--inline"]
    assert f"edges_left - ({reason})" in gazegrid(*arguments)[1]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([], {"selected_by": "prediction", "contrast_class": None}),
        (["class_name=7"], {"name": "cock", "index": 7, "selected_by": "parameter", "contrast_class": None}),
        (
            ["class_name=hen", "contrast_class=7"],
            {"name": "hen", "index": 8, "selected_by": "parameter", "contrast_class": "cock"},
        ),
        (["target=channel", "depth=50"], {"index": None, "selected_by": "excitation", "contrast_class": None}),
        (["target=channel", "depth=50", "channel=3"], {"index": None, "selected_by": "parameter"}),
    ],
)
def test_the_explained_class_is_told_by_run_and_by_result(gazegrid, photo, parameters, expected):
    arguments = ["run", "saliency", "--networks", TINY, "--pictures", photo, "--inline"]
    settings = [part for text in parameters for part in ("--set", text)]
    (report,) = json.loads(gazegrid(*arguments, *settings, "--json")[1])
    assert report["explained"] | expected == report["explained"]
    document = json.loads(gazegrid("result", report["key"], "--json")[1])
    assert document["explained"] == report["explained"]
    name = f"explains {report['explained']['name']}"
    assert name in gazegrid(*arguments, *settings)[1]
    assert name in " ".join(gazegrid("result", report["key"])[1].split())
    if report["explained"]["index"] is not None:
        names = get_card(TINY).class_names
        assert names[report["explained"]["index"]] == report["explained"]["name"]


def test_a_detail_search_explains_its_target(gazegrid, photo):
    for parameters, selected_by in (([], "prediction"), (["target=set", "wanted=hen"], "parameter")):
        settings = [part for text in parameters for part in ("--set", text)]
        _, (report,) = run(gazegrid, photo, *settings)
        assert report["explained"]["selected_by"] == selected_by
    assert (report["explained"]["name"], report["explained"]["index"]) == ("hen", 8)


def test_the_second_run_is_cached_with_the_same_key(gazegrid, photo):
    (_, (first,)), (_, (second,)) = run(gazegrid, photo), run(gazegrid, photo)
    assert (first["state"], second["state"]) == ("computed", "cached")
    assert first["key"] == second["key"]
    assert first["items"] == second["items"]


def test_reports_are_in_the_order_of_the_grid(gazegrid, photo):
    _, reports = run(gazegrid, f"{photo},sample:cat", networks=f"{TINY},random/test_vit")
    assert [report["network"] for report in reports] == [TINY, "random/test_vit"] * 2
    assert reports[0]["picture"] == reports[1]["picture"] != reports[2]["picture"]


def test_an_undefined_cell_is_no_failure(gazegrid, photo):
    status, (report,) = run(gazegrid, photo, "--set", "target=set", "--set", "wanted=no such class")
    assert (status, report["state"], report["items"]) == (0, "undefined", [])
    assert "no such class" in report["error"]


def test_a_result_can_be_the_picture_of_the_next_run(gazegrid, photo):
    _, (first,) = run(gazegrid, photo)
    _, (second,) = run(gazegrid, f"result:{first['key']}/remaining")
    assert second["state"] == "computed"
    assert second["key"] != first["key"]


def test_a_picture_that_has_no_row_of_its_own_is_named(gazegrid, photo):
    again = Path(photo).with_name("again, 2.png")
    again.write_bytes(Path(photo).read_bytes())
    arguments = ["run", "saliency", "--networks", TINY, "--pictures", f'{photo},"{again}"', "--inline", "--json"]
    status, out, err = gazegrid(*arguments)
    assert (status, [report["picture"] for report in json.loads(out)]) == (0, ["photo.png"])
    assert "gazegrid: again, 2.png is the same picture as photo.png: it has no row of its own\n" in err


def test_a_parameter_takes_pictures_by_source(gazegrid, photo, store):
    small = ["steps=1", "frames=2", "size_px=32", f"judge={TINY}"]
    status, out, _ = gazegrid(
        "run", "style_transfer", "--networks", TINY, "--pictures", photo, "--inline", "--json",
        "--set", f"styles=sample:hubble_deep_field,{photo}", *[part for text in small for part in ("--set", text)],
    )  # fmt: skip
    (report,) = json.loads(out)
    assert (status, report["state"]) == (0, "computed")
    parameters = store.manifest(report["key"]).spec["method"]["parameters"]
    assert parameters["styles"] == [sample("hubble").digest, open_picture(photo)[0].digest]
    assert all(store.shelf.exists(picture_path(digest)) for digest in parameters["styles"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["run", "style_transfer", "--networks", TINY, "--pictures", "sample:cat", "--set", "styles=style:oil"],
            ["no style 'oil'", "mosaic"],
        ),
        (["run", "nothing", "--networks", TINY, "--pictures", "sample:cat"], ["no method 'nothing'", "detail_search"]),
        (["run", "detail_search", "--networks", "resnet50", "--pictures", "sample:cat"], ["resnet50"]),
        (["run", "detail_search", "--networks", "../x", "--pictures", "sample:cat"], ["../x"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "missing.png"], ["missing.png"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:dodo"], ["dodo", "cat"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", ","], ["at least one picture"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:cat", "--set", "steps"], ["NAME=VALUE"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:cat", "--set", "steps=0"], ["steps", "0"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:cat", "--set", "k1=nan"], ["k1", "nan"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:cat", "--set", "k9=1"], ["k9", "k1"]),
        (["run", "detail_search", "--networks", TINY, "--pictures", "sample:cat", "--seed", "-1"], ["seed", "-1"]),
        (["run", "detail_search"], ["at least one picture"]),
        (["result", "xyz"], ["64 hex digits", "xyz"]),
        (["result", "0" * 64], ["no result"]),
        (["gallery", "show", "nobody"], ["no gallery 'nobody'"]),
        (["gallery", "import", "missing.zip"], ["missing.zip"]),
        (["bench", "nothing"], ["no bench 'nothing'", "warm"]),
        (["fsck", "--mend"], ["--mend"]),
        (["dance"], ["dance"]),
    ],
)
def test_bad_arguments_give_one_clear_line_and_status_2(gazegrid, arguments, words):
    status, out, err = gazegrid(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert all(word in err for word in words), err


def test_run_without_redis_fails_with_one_line(gazegrid, photo):
    status, out, err = gazegrid("run", "detail_search", "--networks", TINY, "--pictures", photo, "--json")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "Redis" in err


def test_methods_and_networks_as_json(gazegrid):
    methods = json.loads(gazegrid("methods", "--json")[1])
    assert {"name", "title", "family", "schema"} <= set(methods[0])
    assert "k1" in next(method for method in methods if method["name"] == "detail_search")["schema"]["properties"]
    networks = json.loads(gazegrid("networks", "--json")[1])
    assert {"lite/efficientnet_lite0", "random/test_vit"} <= {network["name"] for network in networks}


def test_a_network_that_cannot_be_used_is_listed_with_the_reason(gazegrid, tmp_path):
    for name, content in (("odd", "["), ("a,b", "{}")):
        folder = tmp_path / "home" / "networks" / "local" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(content)
    listed = json.loads(gazegrid("networks", "local/", "--json")[1])
    assert [network["name"] for network in listed] == ["local/a,b", "local/odd"]
    assert "has ','" in listed[0]["unusable"]
    assert "config.json is not JSON" in listed[1]["unusable"]
    status, out, err = gazegrid("networks", "local/odd")
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert " ".join(out.split()).startswith(
        "local/odd the configuration of local/odd cannot be used: config.json is not"
    )
    (lite,) = json.loads(gazegrid("networks", "efficientnet_lite0", "--json")[1])[:1]
    assert (lite["unusable"], lite["answers"], lite.keys()) == (None, "checked at first use", listed[0].keys())


def test_fsck_finds_damage_and_repairs_it(gazegrid, photo):
    _, (report,) = run(gazegrid, photo)
    assert gazegrid("fsck")[:2] == (0, "sound\n")
    path = Path(report["items"][0]["path"])
    path.write_bytes(path.read_bytes()[:-1])
    status, out, _ = gazegrid("fsck", "--json")
    assert status == 1
    assert [problem["name"] for problem in json.loads(out)] == [report["key"]]
    assert gazegrid("fsck", "--repair")[0] == 0
    assert gazegrid("fsck")[:2] == (0, "sound\n")
    assert run(gazegrid, photo)[1][0]["state"] == "computed"


def test_fsck_of_a_store_that_is_a_file_is_unreadable(gazegrid, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("GAZEGRID_STORE", str(tmp_path / "file"))
    get_settings.cache_clear()
    assert gazegrid("fsck")[0] == 4


def test_a_gallery_is_exported_and_imported_elsewhere(gazegrid, store, photo, tmp_path, monkeypatch):
    _, out, _ = gazegrid("run", "detail_search", "--networks", TINY, "--pictures", photo, *FAST, "--inline")
    grid = out.split()[-1]
    add_to_gallery(store, "Sharks", grid, "look here")
    for ending in ("zip", "html"):
        assert gazegrid("gallery", "export", "Sharks", str(tmp_path / f"sharks.{ending}"))[0] == 0
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "elsewhere"))
    get_settings.cache_clear()
    assert gazegrid("gallery", "import", str(tmp_path / "sharks.zip"))[0] == 0
    (listed,) = json.loads(gazegrid("gallery", "list", "--json")[1])
    assert listed["name"] == "Sharks"
    (entry,) = json.loads(gazegrid("gallery", "show", "Sharks", "--json")[1])["entries"]
    assert (entry["comparison"], entry["note"]) == (grid, "look here")
    assert run(gazegrid, photo)[1][0]["state"] == "cached"


def test_status_is_1_and_down_does_nothing_if_nothing_runs(gazegrid):
    status, out, _ = gazegrid("status", "--json")
    assert (status, json.loads(out)["running"]) == (1, False)
    assert "nothing runs" in gazegrid("down")[1]


def test_the_command_starts_without_torch():
    code = "import workers.cli.main, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def class_folders(place: Path, each: int = 6) -> str:
    """A folder of squares, a folder for each class."""
    generator = np.random.default_rng(0)
    for color in ("red", "green"):
        (place / color).mkdir(parents=True)
        for number in range(each):
            (place / color / f"{number}.png").write_bytes(square(color, generator))
    return str(place)


def test_a_study_prints_conclusions_and_writes_its_numbers(gazegrid, tmp_path):
    data, numbers = class_folders(tmp_path / "data"), tmp_path / "numbers.json"
    arguments = ["study", "--networks", TINY, "--data", data, "--held-out", data, "--pictures", "10"]
    status, output, _ = gazegrid(*arguments, "--set", "steps=2", "--numbers", str(numbers), "--inline", "--json")
    document = json.loads(output)
    assert status == 0
    assert [conclusion["verdict"] for conclusion in document["conclusions"]][:2] == ["inconclusive"] * 2  # one family
    assert from_bytes(numbers.read_bytes()).pictures == 10


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--pictures", "3"], "pictures must be at least 10, got 3"),
        (["--set", "steps=0"], "steps must be a whole number from 1 to 10000 steps, got '0'"),
        (["--pictures", "50"], "pictures must be at most 12, the held-out pictures of the data set, got 50"),
    ],
)
def test_a_bad_study_gives_one_clear_line(gazegrid, tmp_path, more, words):
    data = class_folders(tmp_path / "data")
    status, _, error = gazegrid("study", "--networks", TINY, "--data", data, "--held-out", data, *more)
    assert status == 2
    assert words in error


MEASURE = ["--networks", TINY, "--pictures", "4", "--steps", "2", "--any-prediction"]


def test_attributions_are_measured_with_baseline_maps(gazegrid, tmp_path):
    data, numbers = class_folders(tmp_path / "data", each=2), tmp_path / "numbers.json"
    arguments = ["measure", "--methods", "center_gaussian", "--data", data, *MEASURE, "--inline"]
    status, output, _ = gazegrid(*arguments, "--numbers", str(numbers), "--json")
    document = json.loads(output)
    assert status == 0
    assert [job["state"] for job in document["jobs"]] == ["computed"] * 3
    assert {one["method"] for one in document["attributions"]} == {"Center gaussian", "Center box", "Random blobs"}
    assert document["attributions"][0]["measures"]["insertion"]["pictures"] == 4
    assert read_measurement(numbers.read_bytes()).networks == [TINY]
    status, output, _ = gazegrid(*arguments)
    assert status == 0
    assert "Insertion: Area under the curve of the class probability" in output
    assert "Center box" in output


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--methods", "train"], "attribution must be one of"),
        (["--methods", "center_box", "--set", "steps=3"], "--set takes METHOD.NAME=VALUE of one of center_box"),
        (["--methods", "center_box", "--set", "center_box.a=3"], "center_box has no parameters, got a"),
        (["--methods", "center_box", "--pictures", "0"], "count must be a whole number from 1 to 10000"),
        (["--methods", "center_box", "--networks", "no/such"], "there is no network"),
    ],
)
def test_a_bad_measurement_gives_one_clear_line(gazegrid, tmp_path, more, words):
    status, _, error = gazegrid("measure", "--data", class_folders(tmp_path / "data"), *MEASURE, *more)
    assert status == 2
    assert words in error


def test_a_failed_job_is_reported_and_does_not_stop_the_others(gazegrid, tmp_path):
    data = class_folders(tmp_path / "data", each=2)
    arguments = ["measure", "--methods", "center_box", "--no-baselines", "--small-boxes", "--data", data, *MEASURE]
    status, output, _ = gazegrid(*arguments, "--inline")
    assert status == 1
    assert "failed. attributions are measured on held-out pictures, with a box that covers less than half" in output
