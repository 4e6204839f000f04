"""Lists of layer names as short texts, for the catalog: networks that differ only in depth share a text.

`stem stages.0.pool ..blocks.0+ head` with the counts (2,) stands for stem, stages.0.pool, stages.0.blocks.0,
stages.0.blocks.1 and head: `0+` numbers as many layers from 0 as the next count gives, and each leading dot stands for
a part of the name before.
"""

from __future__ import annotations

from collections.abc import Sequence


def folded(layers: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """(text, counts) of these layer names."""
    shorts: list[str] = []
    counts: list[int] = []
    before = [""]
    for name, times in _runs(layers):
        parts = name.split(".")
        counts_on = times > 1 or (parts[-1].isdecimal() and _numbered(name)[1] >= 0)
        shorts.append(_shortened(parts, before) + "+" * counts_on)
        counts += [times] * counts_on
        before = parts
    return " ".join(shorts), tuple(counts)


def unfolded(text: str, counts: Sequence[int]) -> tuple[str, ...]:
    """The layer names of a text and its counts; the inverse of `folded`."""
    remaining = iter(counts)
    names: list[str] = []
    before: list[str] = []
    for short in text.split():
        rest = short.lstrip(".").removesuffix("+")
        shared = len(short) - len(short.lstrip("."))
        before = [*before[:shared], *rest.split(".")]
        stem, first = _numbered(".".join(before))
        counts_on = range(first, first + next(remaining)) if short.endswith("+") else ()
        names += [f"{stem}{number}" for number in counts_on] or [".".join(before)]
    return tuple(names)


def _runs(layers: Sequence[str]) -> list[tuple[str, int]]:
    """(first name, length) of each run of names whose last numbers are consecutive."""
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
    """A name with a dot in place of each leading part that it shares with the name before, except its last part."""
    shared = 0
    while shared < min(len(parts), len(before)) - 1 and parts[shared] == before[shared]:
        shared += 1
    return "." * shared + ".".join(parts[shared:])


def _numbered(name: str) -> tuple[str, int]:
    """`blocks.11` -> (`blocks.`, 11); -1 if the name does not end in a number without leading zeros."""
    stem = name.rstrip("0123456789")
    number = int(name[len(stem) :] or -1)
    return (stem, number) if name == f"{stem}{number}" else (name, -1)
