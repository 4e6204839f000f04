"""The keys of `keys.json` in other processes; that they stay what they were is shown in `test_contract.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.canonical import canonical_json
from core.jobs.spec import JobSpec
from core.methods import make_method
from core.settings import REPOSITORY

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("keys.json").read_text(encoding="utf-8"))
PROGRAM = """
import json, sys
from core.methods import make_method
from core.jobs.spec import JobSpec
for case in json.load(sys.stdin):
    method = make_method(case["method"], case["parameters"])
    print(JobSpec(method, tuple(case["pictures"]), case["network"], case["seed"], case.get("dataset")).key)
"""


def spec_of(case: dict[str, Any]) -> JobSpec:
    method = make_method(case["method"], case["parameters"])
    return JobSpec(method, tuple(case["pictures"]), case["network"], case["seed"], case.get("dataset"))


def test_enough_keys_are_frozen_and_no_two_are_alike() -> None:
    assert len(CASES) >= 6
    assert len({case["key"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_keys_are_the_same_in_a_process_that_hashes_otherwise(hash_seed: str) -> None:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(CASES), cwd=REPOSITORY, env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [case["key"] for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_the_order_in_which_parameters_are_given_makes_no_other_key(case: dict[str, Any]) -> None:
    spec = spec_of(case)
    written_out = json.loads(canonical_json(spec.method.model_dump(mode="json")))
    for parameters in (written_out, dict(reversed(written_out.items()))):
        assert replace(spec, method=make_method(case["method"], parameters)).key == case["key"]


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": ("2" * 64,)},
        {"pictures": ()},
        {"pictures": ("1" * 64, "1" * 64)},
        {"network": "lite/efficientnet_lite0#00000000"},
        {"network": "lite/efficientnet_lite1#e8ef1c1a"},
        {"network": None},
        {"seed": 1},
        {"dataset": "1" * 64},
    ],
    ids=str,
)
def test_another_picture_network_seed_or_dataset_is_another_key(change: dict[str, Any]) -> None:
    spec = spec_of(CASES[0])
    assert replace(spec, **change).key != spec.key


def test_pictures_in_another_order_are_another_key() -> None:
    spec = replace(spec_of(CASES[0]), pictures=("1" * 64, "2" * 64))
    assert replace(spec, pictures=spec.pictures[::-1]).key != spec.key
