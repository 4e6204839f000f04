"""Which of timm's architectures the fixations can be traced through, and how exactly, into docs/fixation-coverage.md.

    python -m workers.make.coverage

One network of random weights for each of timm's files and each kind of name in it: the smallest. Takes some minutes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import timm
import torch
from torch import nn

from core.display.wording import markdown_table
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, classes, unravel
from core.errors import Undefined
from core.networks.catalog import all_cards
from core.settings import REPOSITORY

DOCS_FILE = REPOSITORY / "docs" / "fixation-coverage.md"
MANNER = replace(TRACING_CONFIGS["beam"], cap=64)
MOST_PX = 288
MOST_PARAMETERS = 90_000_000
CLASSES = 10
EXACT = 1e-4
HEAD = """# Which networks the fixations are traced through

Written by `python -m workers.make.coverage`. Of each of timm's files, and of each kind of name in it, the smallest
network with random weights and a random picture: its class is followed back to the pixels. Every linear map on the way
must add up to its outcome; the error is the largest difference, as a share of what was added up.
"""


def smallest_of_each_kind() -> list[str]:
    """Names of timm's networks, the smallest first."""
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for card in all_cards():
        name = card.name.partition("/")[2]
        if not card.name.startswith("random/") or name.startswith("test_") or not timm.is_model(name):
            continue
        if max(card.input_px) > MOST_PX or card.parameters > MOST_PARAMETERS:
            continue
        kind = (timm.model_entrypoint(name).__module__, re.match(r"[a-z]+(?:v\d)?", name)[0])  # type: ignore[index]
        best[kind] = min(best.get(kind, (card.parameters, name)), (card.parameters, name))
    return [name for _, name in sorted(best.values())]


def traced(name: str) -> tuple[str, str]:
    """The largest error in words, and what is to be said beside; of a network that cannot be traced, why."""
    torch.manual_seed(0)
    model: Any = timm.create_model(name, num_classes=CLASSES).eval().requires_grad_(requires_grad=False)
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
        if isinstance(module, nn.Linear) and module.out_features == CLASSES:
            nn.init.normal_(module.weight, std=0.1)  # many heads start at zero: then nothing speaks for any class
    pictures = torch.rand(1, *model.pretrained_cfg["input_size"]) - 0.5
    with torch.no_grad():
        answer = model(pictures)
    try:
        found = unravel(model, pictures, classes(answer.argmax(dim=1).tolist()), MANNER, audit=True)
    except Undefined as reason:
        return "", str(reason)
    if not torch.equal(found.answer, answer):
        return "", "the recorded pass gives another answer"
    if not len(found.pixels.points):
        return "", "no point reaches the picture"
    return f"{max(found.errors):.0e}", "" if max(found.errors) < EXACT else "inexact"


def main() -> None:
    """Trace all of them and write the page."""
    rows = []
    for name in smallest_of_each_kind():
        rows.append((f"`{name}`", *traced(name)))
        sys.stderr.write(" ".join(rows[-1]) + "\n")
    good = sum(not said for _, _, said in rows)
    table = markdown_table(("network", "largest error", ""), rows)
    DOCS_FILE.write_text("\n".join([HEAD, f"{good} of {len(rows)} can be traced.", "", *table]), encoding="utf-8")


if __name__ == "__main__":
    main()
