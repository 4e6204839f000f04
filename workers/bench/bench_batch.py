"""Eight feature images in one batch against eight one after the other, on each bundled network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from core.items import Pixels
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.presets import DEFAULT_NETWORKS
from workers.bench.interleaved import worker_conditions
from workers.bench.row import Row, at_most

IMAGES = 8
TARGET = 0.8


def run(*, quick: bool = False) -> Row:
    """The highest ratio of the bundled networks; for each the median over turns, of the steps alone.

    One-time work per job is left out: it would favor the batch.
    """
    names = DEFAULT_NETWORKS[:1] if quick else DEFAULT_NETWORKS
    with worker_conditions() as threads:
        turns = {name: _ratios(load(get_card(name)), *((2, 1) if quick else (40, 3))) for name in names}
    ratios = {name: statistics.median(values) for name, values in turns.items()}
    each = ", ".join(
        f"{name} {ratio:.3f} ({min(turns[name]):.3f} to {max(turns[name]):.3f})" for name, ratio in ratios.items()
    )
    return at_most("batch", max(ratios.values()), TARGET, f"{IMAGES} in one batch; threads: {threads}; {each}")


def _ratios(network: Network, steps: int, turns: int) -> list[float]:
    """Time of a step in one batch over the time one by one, for each turn."""
    return [together_s / single_s for together_s, single_s in (_turn(network, steps) for _ in range(turns))]


def _turn(network: Network, steps: int) -> tuple[float, float]:
    """Seconds per step of all images, in one batch and one by one."""
    batch_s = _step_s(network, steps, first_unit=0, count=IMAGES)
    return batch_s, sum(_step_s(network, steps, first_unit=number, count=1) for number in range(IMAGES))


def _step_s(network: Network, steps: int, **units: int) -> float:
    clock = StepClock()
    make_method("feature_image", {"steps": steps, **units}).run([sample("cat")], network, clock)
    return clock.step_s


class StepClock(Context):
    """Times the steps of a run after the first."""

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
        """Note the end of a step."""
        self._ends_s.append(time.perf_counter())

    @property
    def step_s(self) -> float:
        """Mean seconds per step."""
        return (self._ends_s[-1] - self._ends_s[0]) / (len(self._ends_s) - 1)
