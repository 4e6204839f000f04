from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from core.settings import Settings
from tests.workers.any_order import AnyOrder
from workers.services import reaper


def run_any_order(redis: Redis, settings: Settings, base: Path, examples: int, steps: int) -> None:
    machine = type("Bound", (AnyOrder,), {"redis": redis, "settings": settings, "base": base})
    chosen = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.fixture(autouse=True)
def _quick_reaper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "POPPED_GRACE_S", 0.0)


def test_promises_hold_for_work_and_faults_in_any_order(redis: Redis, settings: Settings, tmp_path: Path) -> None:
    run_any_order(redis, settings, tmp_path, examples=25, steps=30)


@pytest.mark.soak
def test_promises_hold_for_work_and_faults_in_many_orders(redis: Redis, settings: Settings, tmp_path: Path) -> None:
    run_any_order(redis, settings, tmp_path, examples=300, steps=50)
