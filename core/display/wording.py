"""Names and numbers as a reader sees them: labels from parameter names, numbers with units, Markdown tables."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.media.drawn_styles import style_of
from core.networks.card import NetworkCard
from core.store.manifest import StoredItem

FAMILY_NAMES = {"cnn": "CNN", "vit": "ViT", "mixer": "Mixer", "hybrid": "Hybrid"}
_DIGEST, _IDENTITY = re.compile(r"[0-9a-f]{64}"), re.compile(r"(bundled|lite|local|hub|timm|random)/[^#\n]+#[0-9a-f]+")
NO_NUMBER = "-"
"""Stands in place of a number that has no meaning."""
SHARES = frozenset({"top1", "top5"})
"""Reported numbers that are shares of 1 by definition."""
_LABELS = {
    "accuracy_codes": "accuracy on codes",
    "accuracy_pca": "accuracy on PCA codes",
    "accuracy_pixels": "accuracy on pixels",
    "accuracy_pretrained": "accuracy, pretrained encoder",
    "accuracy_scratch": "accuracy, random encoder",
    "codes_pca": "PCA of the codes",
    "codes_tsne": "t-SNE of the codes",
    "flicker_framewise": "flicker, frame by frame",
    "layer_by": "layer selected by",
    "mean_warping_error_framewise": "mean warping error, frame by frame",
    "retained_2": "predictions retained, 2 x 2 patches",
    "retained_4": "predictions retained, 4 x 4 patches",
    "retained_8": "predictions retained, 8 x 8 patches",
    "size_px": "size",
    "warping_error_framewise": "warping error, frame by frame",
    "warping_error_original": "warping error, original video",
}
"""Names whose parts do not make a phrase."""
_TERMS = {
    "args": "arguments",
    "cam": "CAM",
    "cnn": "CNN",
    "cutmix": "CutMix",
    "dim": "dimensions",
    "ema": "EMA",
    "frechet": "Fréchet",
    "gan": "GAN",
    "held-out": "held-out",
    "l2": "L2",
    "lrp": "LRP",
    "max": "maximum",
    "min": "minimum",
    "mixup": "MixUp",
    "pca": "PCA",
    "px": "size",
    "randaugment": "RandAugment",
    "ssim": "SSIM",
    "std": "standard deviation",
    "top1": "top-1",
    "top5": "top-5",
    "vit": "ViT",
    "warmup": "warm-up",
}
"""Parts of parameter names that are not written as they are spelled."""
_SYMBOLS = {"beta1": "β1", "beta2": "β2", "k1": "k1", "k2": "k2", "tsne": "t-SNE", "x": "x", "y": "y"}
"""Parts that keep their case even at the start of a label."""


def words(name: str) -> str:
    """The label of a parameter, item or number: `pca_error` -> `PCA error`, `input_px` -> `Input size`."""
    text = phrase(name)
    return text if text.partition(" ")[0] in _SYMBOLS.values() else text[:1].upper() + text[1:]


def phrase(name: str) -> str:
    """The same inside a sentence: `learning_rate` -> `learning rate`, `ema_decay` -> `EMA decay`."""
    parts = name.replace("held_out", "held-out").split("_")
    return _LABELS.get(name) or " ".join(_SYMBOLS.get(part) or _TERMS.get(part, part) for part in parts)


def compact_number(number: int) -> str:
    """Three digits and a prefix: 25_557_032 -> `25.6 M`."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return str(number)


def formatted(value: float | None, unit: str = "") -> str:
    """A number with its unit: shares in percent, all others with three digits; `-` for a number that has no meaning."""
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    if unit == "share":
        return f"{100 * value:.3g} %"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def progress_text(name: str, value: float) -> str:
    """A number that a running job reports: `top1`, 0.913 -> `Top-1 91.3 %`."""
    return f"{words(name)} {formatted(value, 'share' if name in SHARES else '')}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them: `12 s`, `3 min`, `2.5 h`, `4 d`."""
    for limit_s, unit_s, unit, digits in ((100, 1, "s", 0), (6000, 60, "min", 0), (360_000, 3600, "h", 1)):
        if seconds < limit_s:
            return f"{round(seconds / unit_s, digits):g} {unit}"
    return f"{seconds / 86_400:.0f} d"


def file_size(size_bytes: int) -> str:
    """Bytes as `12 kB` or `1.2 MB`."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} kB"


def listed(parts: Sequence[str]) -> str:
    """An enumeration: `a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def quantity(count: int, noun: str) -> str:
    """`1 class`, `2 classes`, `1,797 pictures`; the noun is given in the singular."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def damage_sentence(count: int, thing: str) -> str:
    """What to say of `count` results that a statistic leaves out because they are damaged; empty for 0."""
    if count == 0:
        return ""
    subject = f"{quantity(count, thing)} {'is' if count == 1 else 'are'}"
    return f"{subject} left out: damaged in the store and set aside. Run again to recompute."


def picture_name(name: str) -> str:
    """The name of a picture without the prefix of the bundled samples: `sample:cat` -> `cat`."""
    return name.removeprefix("sample:")


def network_name(name: str) -> str:
    """A network's name without its source: `timm/resnet50.a1_in1k` -> `resnet50.a1_in1k`."""
    return name.partition("/")[2] or name


def network_names(names: Iterable[str]) -> dict[str, str]:
    """Name -> the name that tells a network from the others: without its source, unless another one shares that."""
    given = list(dict.fromkeys(names))
    shared = Counter(map(network_name, given))
    return {name: name if shared[network_name(name)] > 1 else network_name(name) for name in given}


def picture_names(named: Mapping[str, str]) -> dict[str, str]:
    """Digest -> the name that tells a picture from the others: where another one shares it, with digits of its digest.

    `named`: digest -> name.
    """
    shared = Counter(map(picture_name, named.values()))
    return {
        digest: f"{picture_name(name)} ({digest[:8]})" if shared[picture_name(name)] > 1 else picture_name(name)
        for digest, name in named.items()
    }


def reference(value: str) -> str:
    """A parameter's text for a reader: a digest as `mosaic` or `1a2b3c4d5e6f…`, a network's identity as its name."""
    if _DIGEST.fullmatch(value):
        return style_of(value) or f"{value[:12]}…"
    return network_name(value.partition("#")[0]) if _IDENTITY.fullmatch(value) else value


def input_size(card: NetworkCard) -> str:
    """`224 px` for a square input, else `height x width px`."""
    height, width = card.input_px
    return f"{height} px" if height == width else f"{height} x {width} px"


def network_facts(card: NetworkCard) -> str:
    """Family, number of parameters and input size on one line."""
    return f"{FAMILY_NAMES[card.family]} · {compact_number(card.parameters)} · {input_size(card)}"


def scalar_label(name: str, meta: Mapping[str, Any]) -> str:
    """The label of a scalar: `probability` with the subject `tabby` -> `Probability of tabby`, without an `_after`."""
    subject = meta.get("subject")
    return f"{words(name.removesuffix('_after'))} of {subject}" if subject else words(name)


def scalar_text(name: str, meta: Mapping[str, Any]) -> str:
    """The value of the scalar `name` with its unit; for one that has no meaning `-` and the reason."""
    text = formatted(meta["value"], "" if meta["unit"] == name else meta["unit"])
    return f"{text} ({meta['reason']})" if meta.get("reason") else text


def question(summary: str) -> tuple[str, str]:
    """A method's summary as (question, rest), `What remains? This and that.` split behind the `?`; no question: ''."""
    head, mark, rest = summary.partition("?")
    return (head + mark, rest.strip()) if mark else ("", summary)


def numbers(items: Iterable[StoredItem]) -> list[tuple[str, str, str]]:
    """(label, value, caption) of each scalar; a pair NAME_before, NAME_after becomes one line `before → after`."""
    scalars = {item.name: item.meta for item in items if item.kind == "scalar"}
    lines = []
    for name, meta in scalars.items():
        stem = name.removesuffix("_before")
        after = scalars.get(f"{stem}_after") if stem != name else None
        if name.endswith("_after") and f"{name.removesuffix('_after')}_before" in scalars:
            continue
        value = scalar_text(name, meta)
        text = f"{value} → {scalar_text(name, after)}" if after else value
        lines.append((scalar_label(stem if after else name, meta), text, str(meta["caption"])))
    return lines


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a Markdown table, and the empty line after it; `|` in a cell is escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return [*(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines), ""]
