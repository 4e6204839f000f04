"""Lists of layers as short texts, for the catalog: networks that differ in their depth alone have the same text.

`stem stages.0.pool ..blocks.0+ head` with the counts (2,) stands for stem, stages.0.pool, stages.0.blocks.0,
stages.0.blocks.1 and head: `0+` counts on from 0, as often as the next count says, and each leading dot stands for a
part of the name before.
"""

from __future__ import annotations

from collections.abc import Sequence


def folded(layers: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The text of these names, and its counts."""
    shorts: list[str] = []
    counts: list[int] = []
    before = [""]
    for name, times in _runs(layers):
        parts = name.split(".")
        counts_on = times > 1 or parts[-1].isdecimal()
        shorts.append(_shortened(parts, before) + "+" * counts_on)
        counts += [times] * counts_on
        before = parts
    return " ".join(shorts), tuple(counts)


def unfolded(text: str, counts: Sequence[int]) -> tuple[str, ...]:
    """The names that `folded` was given."""
    left = iter(counts)
    names: list[str] = []
    before: list[str] = []
    for short in text.split():
        rest = short.lstrip(".").removesuffix("+")
        shared = len(short) - len(short.lstrip("."))
        before = [*before[:shared], *rest.split(".")]
        stem, first = _numbered(".".join(before))
        counts_on = range(first, first + next(left)) if short.endswith("+") else ()
        names += [f"{stem}{number}" for number in counts_on] or [".".join(before)]
    return tuple(names)


def _runs(layers: Sequence[str]) -> list[tuple[str, int]]:
    """Each name that does not count on the one before it, and how many names count on from there, itself included."""
    runs: list[tuple[str, int]] = []
    for name in layers:
        first, times = runs[-1] if runs else ("", 0)
        stem, number = _numbered(first)
        if number >= 0 and name == f"{stem}{number + times}":
            runs[-1] = (first, times + 1)
        else:
            runs.append((name, 1))
    return runs


def _shortened(parts: Sequence[str], before: Sequence[str]) -> str:
    """A name whose first parts, where they are those of the name before, are dots; the last one never is."""
    shared = 0
    while shared < min(len(parts), len(before)) - 1 and parts[shared] == before[shared]:
        shared += 1
    return "." * shared + ".".join(parts[shared:])


def _numbered(name: str) -> tuple[str, int]:
    """`blocks.11` -> (`blocks.`, 11); -1 where no number ends the name."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1)
