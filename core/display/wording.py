"""Names and numbers as a reader sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.media.drawn_styles import style_of
from core.networks.card import NetworkCard
from core.store.manifest import StoredItem

FAMILY_NAMES = {"cnn": "CNN", "vit": "ViT", "mixer": "Mixer", "hybrid": "Hybrid"}
_DIGEST, _IDENTITY = re.compile(r"[0-9a-f]{64}"), re.compile(r"\S+/\S+#[0-9a-f]+")
_SHARES = {"top1": "Top-1", "top5": "Top-5"}
"""Terms of the field that are a share by what they mean."""
_TERMS = {"pca": "PCA", "tsne": "t-SNE", "ssim": "SSIM", "frechet": "Fréchet"}


def words(name: str) -> str:
    """`probability_after` -> `Probability after`, `pca_error` -> `PCA error`."""
    parts = name.replace("held_out", "held-out").split("_")
    text = _SHARES.get(name, " ".join(_TERMS.get(part, part) for part in parts))
    return text if parts[0] in _TERMS else text[:1].upper() + text[1:]


def counted(number: int) -> str:
    """`25.6 M`."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return str(number)


def formatted(value: float, unit: str = "") -> str:
    """A number for a reader: shares in percent, others with three digits."""
    if unit == "share":
        return f"{100 * value:.3g} %"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def reported(name: str, value: float) -> str:
    """What a running job says: `top1`, 0.913 -> `Top-1 91.3 %`."""
    return f"{words(name)} {formatted(value, 'share' if name in _SHARES else '')}"


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `2.5 h`, `4 d`."""
    for limit_s, unit_s, unit, digits in ((100, 1, "s", 0), (6000, 60, "min", 0), (360_000, 3600, "h", 1)):
        if seconds < limit_s:
            return f"{round(seconds / unit_s, digits):g} {unit}"
    return f"{seconds / 86_400:.0f} d"


def file_size(size_bytes: int) -> str:
    """`12 kB`, `1.2 MB`."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} kB"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def picture_name(name: str) -> str:
    """A row's name."""
    return name.removeprefix("sample:")


def network_name(name: str) -> str:
    """`timm/resnet50.a1_in1k` -> `resnet50.a1_in1k`."""
    return name.partition("/")[2] or name


def reference(value: str) -> str:
    """What a parameter says, for a reader: a digest as `mosaic` or `1a2b3c4d5e6f…`, an identity as the name."""
    if _DIGEST.fullmatch(value):
        return style_of(value) or f"{value[:12]}…"
    return network_name(value.partition("#")[0]) if _IDENTITY.fullmatch(value) else value


def input_size(card: NetworkCard) -> str:
    """`224 px`, or height x width."""
    height, width = card.input_px
    return f"{height} px" if height == width else f"{height} x {width} px"


def network_facts(card: NetworkCard) -> str:
    """Family, parameters and input size in a line."""
    return f"{FAMILY_NAMES[card.family]} · {counted(card.parameters)} · {input_size(card)}"


def scalar_label(name: str, meta: Mapping[str, Any]) -> str:
    """`probability` of the subject `tabby` -> `Probability of tabby`; an `_after` without a before needs no telling."""
    subject = meta.get("subject")
    return f"{words(name.removesuffix('_after'))} of {subject}" if subject else words(name)


def question(summary: str) -> tuple[str, str]:
    """A method's summary as its question and the rest: `What is left? This and that.` in two."""
    head, mark, rest = summary.partition("?")
    return (head + mark, rest.strip()) if mark else ("", summary)


def numbers(items: Iterable[StoredItem]) -> list[tuple[str, str, str]]:
    """(label, value, caption) of scalars; a pair NAME_before, NAME_after becomes one line `before → after`."""
    scalars = {item.name: item.meta for item in items if item.kind == "scalar"}
    lines = []
    for name, meta in scalars.items():
        stem = name.removesuffix("_before")
        after = scalars.get(f"{stem}_after") if stem != name else None
        if name.endswith("_after") and f"{name.removesuffix('_after')}_before" in scalars:
            continue
        value = formatted(meta["value"], "" if meta["unit"] == name else meta["unit"])
        shown = f"{value} → {formatted(after['value'], after['unit'])}" if after else value
        lines.append((scalar_label(stem if after else name, meta), shown, str(meta["caption"])))
    return lines


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table, and the empty line after it."""
    lines = [head, ("---",) * len(head), *rows]
    return [*(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines), ""]
