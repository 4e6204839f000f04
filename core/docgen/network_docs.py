"""What the records say of the bundled networks, for docs/bundled-networks.md.

python -m core.docgen.network_docs            writes docs/bundled-networks.md anew
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from core.display.wording import FAMILY_NAMES, counted, duration, formatted, input_size, markdown_table
from core.findings.trained_networks import (
    OWN,
    Trained,
    data_words,
    differing,
    epochs_in_words,
    hardest_sentence,
    recipe_lines,
    trained_networks,
    weights_sha256,
)
from core.networks.card import NetworkCard
from core.networks.concentration import BeforeAfter, Concentration, concentrations
from core.networks.folders import BUNDLED
from core.networks.records import TrainingRecord
from core.settings import REPOSITORY

DOCS_FILE = REPOSITORY / "docs" / "bundled-networks.md"
TEACHER_FILE = BUNDLED / "recipes" / "teacher.json"
CURVE_COLUMNS = 10
HEAD = """# Bundled networks

Written by `python -m core.docgen.network_docs` from the files in `core/networks/bundled/`.
"""
NONE_YET = "No network has been bundled yet.\n"
INTRODUCTION = """These networks come with Gazegrid, so that there is something fair to compare without a connection:
Gazegrid itself trained them, on the same pictures. Top-1 is the share of the held-out pictures that they name right.
"""
DATA = """The pictures are those of 100 classes of Tiny ImageNet, 64 x 64 pixels. They are free for research only,
and no part of Gazegrid; the weights are.
"""
AGAIN = """## Train them again

```
make bundled DATA=train-0.parquet,train-1.parquet HELD_OUT=val.parquet
```

`DATA` and `HELD_OUT` take what `gazegrid train --data` takes: folders of class folders, `.zip` files of such, or
`.parquet` files with `image` and `label`, with commas between several. First the teacher is trained, then each network,
one after the other on the device that `GAZEGRID_DEVICE` names. A run that was cut off goes on where it was. The weights
are written to `core/networks/bundled/`; `make docs` writes this page anew.
"""


CONCENTRATION = """`bundled/concentrator` has a map of evidence for each class, and its strongest place dominates; in
the map of `bundled/cnn` all places count alike. Measured on {pictures} held-out pictures by
`core/measures/concentration.py`:
"""
REMOVED = {
    "runner_up_suppressed": "the strongest rival's features, from the picture; the own class' are held",
    "one_place_counted": "the own class's evidence, at all places but the strongest",
    "with_one_place_left": "the own class's features, from the picture but for a window",
}
CHANGED: Mapping[str, Callable[[BeforeAfter], str]] = {
    "probability of the own class": lambda x: f"{_percent(x.probability_before)} → {_percent(x.probability_after)}",
    "named right": lambda x: f"{_percent(x.accuracy_before)} → {_percent(x.accuracy_after)}",
    "pictures that became more confident": lambda x: _percent(x.more_confident),
}


def bundled_networks() -> list[Trained]:
    """The bundled ones among the trained networks."""
    return [network for network in trained_networks() if network.card.name.startswith("bundled/")]


def networks_markdown(networks: Sequence[Trained]) -> str:
    """The whole of docs/bundled-networks.md."""
    if not networks:
        return f"{HEAD}\n{NONE_YET}"
    own = [*OWN, *differing(network.record for network in networks)]
    return "\n".join(
        [HEAD, INTRODUCTION, *_overview(networks), *_data(networks), *_recipe(networks, own)]
        + [line for network in networks for line in _section(network, own)]
        + concentration_lines(concentrations())
        + [AGAIN]
    )  # fmt: skip


def _overview(networks: Sequence[Trained]) -> list[str]:
    head = ("network", "family", "parameters", "top-1", "trained in", "device")
    rows = [
        (
            f"[`{network.card.name}`](#{_anchor(network)})",
            FAMILY_NAMES[network.card.family],
            counted(network.card.parameters),
            formatted(network.record.metrics.top1, "share"),
            duration(network.record.seconds),
            network.record.device,
        )
        for network in networks
    ]
    said = hardest_sentence(networks)
    return [*markdown_table(head, rows), *([said, ""] if said else [])]


def _anchor(network: Trained) -> str:
    """What a heading of the network's name is called in a link."""
    return network.card.name.replace("/", "").replace(".", "").lower()


def _data(networks: Sequence[Trained]) -> list[str]:
    """Each data set once; as a rule there is one."""
    first = {network.record.dataset.digest: network for network in reversed(networks)}
    lines = ["## Data", "", DATA]
    for digest, network in first.items():
        lines += [f"- Digest `{digest}`", f"- {data_words(network.record)}"]
        lines += [f"- Classes: {', '.join(network.card.class_names)}", ""]
    return lines


def _recipe(networks: Sequence[Trained], own: Sequence[str]) -> list[str]:
    """What all of them share."""
    first = networks[0].record
    shared = {**first.parameters, "seed": first.seed}
    lines = recipe_lines({name: value for name, value in shared.items() if name not in own})
    return ["## Recipe", "", "All of them were trained with:", "", *_recipe_table(lines), *_teacher(networks)]


def _recipe_table(lines: Iterable[tuple[str, str, str]]) -> list[str]:
    rows = ((f"`{name}`", value, description) for name, value, description in lines)
    return markdown_table(("parameter", "value", "what it does"), rows)


def _own_table(parameters: Mapping[str, Any]) -> list[str]:
    """Its own part of the recipe."""
    return markdown_table(("parameter", "value"), ((f"`{name}`", value) for name, value, _ in recipe_lines(parameters)))


def _teacher(networks: Sequence[Trained]) -> list[str]:
    """Whose answers were learned, where it is the same teacher for all."""
    teachers = {network.record.parameters.get("teacher") for network in networks}
    if len(teachers) != 1 or not any(teachers):
        return []
    recipe = json.loads(TEACHER_FILE.read_bytes())
    share = formatted(float(networks[0].record.parameters.get("distillation_weight", 0)), "share")
    epochs = epochs_in_words(recipe["epochs"])
    said = (
        f"The teacher is a network whose features are those of `{recipe['pretrained']}`, its classifier was "
        f"trained for {epochs} on the same pictures at {recipe['input_px']} px. Its answers have {share} of the weight "
        "in what is learned, the labels the rest, in all of these networks alike: what they have in common may come "
        "from it."
    )
    return [said, ""]


def _section(network: Trained, own: Sequence[str]) -> list[str]:
    card, record = network.card, network.record
    known = {**record.parameters, "seed": record.seed}
    return [
        f"## {card.name}",
        "",
        *(f"- {fact}" for fact in _facts(card, record)),
        "",
        *_own_table({name: known[name] for name in own if name in known}),
        *_curve(record),
        *markdown_table(
            ("picture of", "taken for", "times", "of"),
            [(wrong.picture_of, wrong.taken_for, str(wrong.times), str(wrong.of)) for wrong in record.confusions],
        ),
    ]


def _facts(card: NetworkCard, record: TrainingRecord) -> list[str]:
    data, versions = record.dataset, ", ".join(f"{name} {version}" for name, version in record.versions.items())
    top1, epochs = formatted(record.metrics.top1, "share"), epochs_in_words(len(record.accuracy))
    return [
        f"{FAMILY_NAMES[card.family]}, {card.parameters:,} parameters, {input_size(card)}, license {card.license}",
        f"Top-1 {top1} of {data.held_out:,} held-out pictures (data set `{data.digest[:12]}`), seed {record.seed}",
        f"{epochs} in {duration(record.seconds)} ({record.seconds:,.0f} s) on {record.device}; {versions}",
        f"SHA-256 of the weights: `{weights_sha256(card.name)}`",
        f"Result: `{record.key}`",
    ]


def _curve(record: TrainingRecord) -> list[str]:
    """Accuracy and loss every few epochs, the first and the last among them."""
    count = len(record.accuracy)
    every = ceil(count / CURVE_COLUMNS)
    epochs = sorted({1, *range(every, count + 1, every), count})
    accuracy = ("accuracy (%)", *(f"{100 * record.accuracy[epoch - 1]:.1f}" for epoch in epochs))
    loss = ("loss", *(f"{record.loss[epoch - 1]:.3g}" for epoch in epochs))
    return markdown_table(("epoch", *map(str, epochs)), [accuracy, loss])


def concentration_lines(measured: Mapping[str, Concentration]) -> list[str]:
    """The numbers of the networks that have a map of evidence, side by side; nothing where none was measured."""
    if not measured:
        return []
    numbers = list(measured.values())
    sizes = sorted({size for one in numbers for size in one.top1_by_size})
    by_size = [(f"{size} px", *(_percent(one.top1_by_size.get(size)) for one in numbers)) for size in sizes]
    head = tuple(f"`{name}`" for name in measured)
    return [
        "## Does the strongest place decide?",
        "",
        CONCENTRATION.format(pictures=f"{numbers[0].pictures:,}"),
        *markdown_table(("top-1 of pictures shown at", *head), by_size),
        *markdown_table(
            ("what is removed", "what it changes", *head),
            [
                (removed, what, *(say(getattr(one, field)) for one in numbers))
                for field, removed in REMOVED.items()
                for what, say in CHANGED.items()
            ],
        ),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def main() -> None:
    """Write the page anew."""
    DOCS_FILE.write_text(networks_markdown(bundled_networks()), encoding="utf-8")
    sys.stderr.write(f"wrote {DOCS_FILE}\n")


if __name__ == "__main__":
    main()
