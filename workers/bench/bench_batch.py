"""Eight feature images in one batch against eight one after the other, on a small network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from core.items import Pixels
from core.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.samples import sample
from workers.bench.between import as_in_a_worker
from workers.bench.row import Row, at_most

NETWORK = "random/test_resnet"
"""`bundled/cnn` as soon as it is there; nothing else changes then."""
INPUT_PX = (64, 64)
IMAGES = 8
TARGET = 0.8


def run(*, quick: bool = False) -> Row:
    """The median over turns, of steps alone: what is done once a job would only speak for the batch."""
    steps, turns = (2, 1) if quick else (60, 5)
    with as_in_a_worker() as threads:
        network = load(get_card(NETWORK).model_copy(update={"input_px": INPUT_PX}))
        rounds = [_turn(network, steps) for _ in range(turns)]
    ratios = sorted(batch_s / single_s for batch_s, single_s in rounds)
    batch_ms, single_ms = (statistics.median(turn[side] for turn in rounds) * 1e3 for side in (0, 1))
    detail = f"a step of {IMAGES} in one batch {batch_ms:.1f} ms, of {IMAGES} one by one {single_ms:.1f} ms, "
    spread = f"threads: {threads}; turns: {turns}, each of {steps} steps, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_most("batch", statistics.median(ratios), TARGET, detail + spread)


def _turn(network: Network, steps: int) -> tuple[float, float]:
    """Seconds a step of all images, in one batch and one by one."""
    batch_s = _step_s(network, steps, first=0, count=IMAGES)
    return batch_s, sum(_step_s(network, steps, first=number, count=1) for number in range(IMAGES))


def _step_s(network: Network, steps: int, **units: int) -> float:
    clock = StepClock()
    make_method("feature_image", {"steps": steps, **units}).run([sample("cat")], network, clock)
    return clock.step_s


class StepClock(Context):
    """Times the steps of a run, from the end of the first one on."""

    def __init__(self) -> None:
        super().__init__()
        self._ends_s: list[float] = []

    def report(
        self,
        step: int,  # noqa: ARG002
        total: int,  # noqa: ARG002
        scalars: Mapping[str, float] | None = None,  # noqa: ARG002
        preview: Callable[[], Pixels] | None = None,  # noqa: ARG002
    ) -> None:
        """The end of a step."""
        self._ends_s.append(time.perf_counter())

    @property
    def step_s(self) -> float:
        """Seconds a step, mean."""
        return (self._ends_s[-1] - self._ends_s[0]) / (len(self._ends_s) - 1)
