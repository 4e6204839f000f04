"""When the frames of a video are shown: times out of a file, and what of them another file can hold.

A frame is shown until the next one begins. Times are counted in ticks of an exact length, never as a frame rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, chain, pairwise


@dataclass(frozen=True)
class Timing:
    """For how long each frame of a video is shown."""

    tick: Fraction
    """Seconds."""
    durations: tuple[int, ...]
    """One per frame, in ticks, at least 1."""

    @property
    def moments(self) -> list[int]:
        """When each frame begins, and the last one ends, in ticks from the start: one more than frames."""
        return list(accumulate(self.durations, initial=0))

    @property
    def seconds(self) -> Fraction:
        """Duration of the whole video."""
        return sum(self.durations) * self.tick

    @property
    def mean_rate(self) -> Fraction:
        """Frames per second, on average."""
        return len(self.durations) / self.seconds


@dataclass(frozen=True)
class Held:
    """What a file holds of the frames of a video. A frame that is too long for the file stands in it several times."""

    numbers: tuple[int, ...]
    """Numbers of the frames, ascending."""
    timing: Timing

    @property
    def count(self) -> int:
        """Number of different frames."""
        return len(set(self.numbers))

    def repeats(self, place: int) -> bool:
        """Whether the frame at this place of the file is the one before it."""
        return place > 0 and self.numbers[place] == self.numbers[place - 1]


@dataclass(frozen=True)
class Steps:
    """The durations of a frame that a file can hold: whole ticks, from `least` to `most` of them."""

    tick: Fraction
    """Seconds."""
    least: int = 1
    most: int = 2**31 - 1


def steady(count: int, frame_rate: Fraction) -> Timing:
    """`count` frames at one rate, in frames per second."""
    return Timing(1 / frame_rate, (1,) * count)


def timing_of(
    starts: Sequence[int | None], own: Sequence[int], tick: Fraction, end: int | None, usual: int
) -> tuple[Timing, int]:
    """The times of frames in display order, and how many had none, or none after that of the frame before.

    `starts`: in ticks, from any origin; `own`: duration of each frame as its file says, 0: unknown; `end`: of the last
    frame, as far as known; `usual`: duration of a frame, if nothing else is known. A frame without a time begins when
    the one before has lasted as long as its file says.
    """
    moments = [starts[0] or 0]
    repaired = int(starts[0] is None)
    for start, before in zip(starts[1:], own[:-1], strict=True):
        if start is None or start <= moments[-1]:
            start, repaired = moments[-1] + (before or usual), repaired + 1  # noqa: PLW2901
        moments.append(start)
    if end is None or end <= moments[-1]:
        end = moments[-1] + (own[-1] or (moments[-1] - moments[-2] if len(moments) > 1 else usual))
    durations = tuple(later - earlier for earlier, later in pairwise([*moments, end]))
    return Timing(tick, durations), repaired


def held_in(timing: Timing, steps: Steps) -> Held:
    """The frames and times of a video in a file of these steps: every moment is rounded, so that errors do not add up.

    A frame that would be shown for less than `steps.least` is left out, and the one before it is shown for longer.
    """
    *moments, end = (round(moment * timing.tick / steps.tick) for moment in timing.moments)
    end = max(end, steps.least)
    kept = [0]
    for number, moment in enumerate(moments):
        if moment - moments[kept[-1]] >= steps.least and end - moment >= steps.least:
            kept.append(number)
    begins = [*(moments[number] for number in kept), end]
    parts = [_parts(later - begin, steps) for begin, later in pairwise(begins)]
    numbers = tuple(number for number, own in zip(kept, parts, strict=True) for _ in own)
    return Held(numbers, Timing(steps.tick, tuple(chain.from_iterable(parts))))


def _parts(duration: int, steps: Steps) -> list[int]:
    """The duration as a sum of durations that the file can hold."""
    parts = []
    while duration > steps.most:
        part = min(steps.most, duration - steps.least)
        parts.append(part)
        duration -= part
    return [*parts, duration]


def every(timing: Timing, stride: int) -> Held:
    """Every `stride`-th frame, shown until the next one that is left."""
    moments = timing.moments
    numbers = tuple(range(0, len(timing.durations), stride))
    kept = [*(moments[number] for number in numbers), moments[-1]]
    return Held(numbers, Timing(timing.tick, tuple(later - earlier for earlier, later in pairwise(kept))))
