"""`gazegrid up`: one command, its own processes, a clean end."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.running import Up, an_up, descendants
from tests.workers.conftest import wait_for


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with an_up(tmp_path) as made:
        yield made


def have_ended(pids: set[int]) -> Callable[[], bool]:
    return lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.slow
def test_up_runs_a_job_stops_cleanly_and_has_its_result_after_a_restart(up):
    up.start()
    run = ("run", "detail_search", "--networks", "random/test_resnet", "--pictures", "sample:cat", "--set", "steps=2")
    (first,) = json.loads(up.gazegrid(*run, "--json").stdout)
    assert first["state"] == "computed"
    now = json.loads(up.gazegrid("status", "--json").stdout)
    assert (now["running"], now["dashboard"], len(now["workers"])) == (True, True, 1)
    second = up.gazegrid("up")
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert "already runs" in second.stderr
    below = descendants(up.process.pid)
    assert up.stop() == 0
    wait_for(have_ended(below), 5, "the end of every child")
    up.start()
    (again,) = json.loads(up.gazegrid(*run, "--json").stdout)
    assert again["state"] == "cached"
    assert up.gazegrid("down").returncode == 0
    assert up.process.wait(5) == 0


@pytest.mark.slow
def test_killing_the_parent_ends_the_children_and_the_next_start_works(up):
    up.start()
    below = descendants(up.process.pid)
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(have_ended(below), 15, "the end of every child")
    up.start()
    assert up.stop(signal.SIGTERM) == 0


def test_a_used_port_gives_one_clear_line(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", up.port))
        taken.listen()
        ended = up.gazegrid("up")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert f"port {up.port}" in ended.stderr
    assert "GAZEGRID_PORT" in ended.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "everybody"])  # noqa: S104  refused
def test_an_address_that_others_can_reach_is_refused(up, host):
    up.environment["GAZEGRID_HOST"] = host
    ended = up.gazegrid("up")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert host in ended.stderr
    assert "no login" in ended.stderr
