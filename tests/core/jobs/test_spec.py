import json
import subprocess
import sys

import pytest

from core.canonical import canonical_json
from core.errors import BadInput, BadLink, BadParameter, GazegridError, UnknownMethod, UnknownNetwork
from core.jobs.spec import SCHEMA, JobSpec, checked_key, checked_seed
from core.methods import make_method
from core.networks.catalog import get_card
from core.settings import REPOSITORY

PICTURE = "ab" * 32
VERSION = make_method("detail_search", {}).version
DETAIL_SEARCH: dict[str, object] = {"name": "detail_search", "version": VERSION}
TRAIN: dict[str, object] = {
    "method": {"name": "train", "version": make_method("train", {}).version, "parameters": {}},
    "pictures": [], "network": None,
}  # fmt: skip


def a_spec(**changes: object) -> JobSpec:
    parameters = changes.pop("parameters", {})
    network = get_card(str(changes.pop("network", "random/resnet18"))).identity
    given = {"pictures": (PICTURE,), "seed": 0, **changes}
    return JobSpec(make_method("detail_search", parameters), network=network, **given)


def changed(**changes: object) -> dict[str, object]:
    """The document of a spec, as somebody else may have written it."""
    return json.loads(canonical_json(a_spec().document())) | changes


def test_the_document_gives_back_the_spec_and_its_key() -> None:
    spec = a_spec(parameters={"k2": 3.5}, seed=7)
    again = JobSpec.from_document(json.loads(canonical_json(spec.document())))
    assert again == spec
    assert again.key == spec.key


def test_the_key_is_the_same_in_another_process() -> None:
    code = (
        "import json, sys; from core.jobs.spec import JobSpec; print(JobSpec.from_document(json.load(sys.stdin)).key)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, input=canonical_json(a_spec().document()), capture_output=True,
        check=True,
    )  # fmt: skip
    assert told.stdout.decode().strip() == a_spec().key


def test_an_explicit_default_gives_the_same_key() -> None:
    defaults = make_method("detail_search", {}).model_dump()
    assert a_spec(parameters=defaults).key == a_spec().key
    assert a_spec(parameters=dict(reversed(defaults.items()))).key == a_spec().key


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1}, {"parameters": {"k2": 1.0000001}}, {"parameters": {"optimizer": "sgd"}},
        {"pictures": ("cd" * 32,)},
        {"pictures": (PICTURE, PICTURE)}, {"network": "random/resnet34"}, {"dataset": "ef" * 32},
    ],
)  # fmt: skip
def test_every_change_that_matters_gives_another_key(change: dict[str, object]) -> None:
    assert a_spec(**change).key != a_spec().key


def test_a_new_version_of_the_method_gives_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = a_spec().key
    monkeypatch.setattr(type(a_spec().method), "version", 99)
    assert a_spec().key != before


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"schema": SCHEMA + 1}, BadInput, "schema must be 1, got 2"),
        ({"seed": -1}, BadInput, "seed must be"),
        ({"seed": True}, BadInput, "seed must be"),
        ({"seed": "0"}, BadInput, "seed must be"),
        ({"pictures": ["../../x"]}, BadLink, "64 hex digits"),
        ({"pictures": 7}, BadInput, "the job's description cannot be read"),
        ({"network": "random/none"}, UnknownNetwork, "there is no network"),
        ({"network": "random/resnet18#other"}, BadInput, "have changed"),
        ({"method": None}, BadInput, "the job's description cannot be read"),
        ({"method": {"name": "os.system", "version": 1, "parameters": {}}}, UnknownMethod, "there is no method"),
        (
            {"method": {"name": "detail_search", "version": 0, "parameters": {}}},
            BadInput,
            f"version of detail_search must be {VERSION}, got 0",
        ),
        ({"method": DETAIL_SEARCH | {"parameters": {"k1": 1e99}}}, BadParameter, "k1 must be"),
        ({"method": DETAIL_SEARCH | {"parameters": {"x": 1}}}, BadParameter, "no parameter 'x'"),
        ({"method": DETAIL_SEARCH | {"parameters": 3}}, BadInput, "."),
        ({"dataset": "ef" * 32}, BadInput, "detail_search needs no data set"),
        (TRAIN, BadInput, "train needs a data set"),
        (TRAIN | {"network": "random/resnet18"}, BadInput, "train needs no network"),
        ({"network": None}, BadInput, "detail_search needs a network"),
        ({"pictures": []}, BadInput, "pictures for detail_search must be 1, got 0"),
        ({"dataset": 5}, BadLink, "64 hex digits"),
        ({"dataset": "../x"}, BadLink, "64 hex digits"),
        ({"method": {"name": ["detail_search"], "version": VERSION, "parameters": {}}}, BadInput, "."),
        ({"network": 5}, BadInput, "."),
    ],
)
def test_an_invalid_document_is_refused_in_one_sentence(
    change: dict[str, object], error: type[GazegridError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        JobSpec.from_document(changed(**change))


@pytest.mark.parametrize("document", [{}, None, [], "x", 3])
def test_other_values_than_documents_are_refused(document: object) -> None:
    with pytest.raises(BadInput, match="the job's description cannot be read"):
        JobSpec.from_document(document)


def test_a_key_is_64_small_hex_digits() -> None:
    assert checked_key("0a" * 32) == "0a" * 32
    for text in ("0A" * 32, "0a" * 31, "0a" * 32 + "\n", "../" * 21 + "x", "", "０" * 64):  # noqa: RUF001
        with pytest.raises(BadLink, match="64 hex digits"):
            checked_key(text)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_seeds_have_bounds(seed: int) -> None:
    assert checked_seed(seed) == seed
    with pytest.raises(BadInput, match="0 to 2147483647"):
        checked_seed(seed + 2**31)
