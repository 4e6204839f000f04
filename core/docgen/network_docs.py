"""The bundled networks with data, recipe and accuracy, as docs/reference/bundled-networks.md.

python -m core.docgen.network_docs            writes the page
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from core.display.wording import FAMILY_NAMES, compact_number, duration, formatted, input_size, markdown_table
from core.docgen.page import REFERENCE, write_page
from core.findings.trained_networks import (
    ARCHITECTURE_PARAMETERS,
    TrainedNetwork,
    dataset_summary,
    differing_parameters,
    epochs_text,
    hardest_sentence,
    recipe_lines,
    trained_networks,
    weights_sha256,
)
from core.networks.card import NetworkCard
from core.networks.concentration import BeforeAfter, Concentration, concentrations
from core.networks.folders import BUNDLED
from core.networks.records import TrainingRecord

DOCS_FILE = REFERENCE / "bundled-networks.md"
TEACHER_FILE = BUNDLED / "recipes" / "teacher.json"
CURVE_COLUMNS = 10
HEAD = """# Bundled networks

Generated from the records in `core/networks/bundled/` by `make docs`.
"""
EMPTY = "No network is bundled yet.\n"
INTRODUCTION = """The weights of these networks are part of Gazegrid, for fair comparisons without a network connection:
Gazegrid trained all of them on the same pictures. Top-1 is the accuracy on the held-out pictures.
"""
DATA = """The pictures are 100 classes of Tiny ImageNet, 64 x 64 pixels. They are licensed for research only and are not
part of Gazegrid; the weights are.
"""
RETRAINING = """## Train them again

```
make bundled DATA=train-0.parquet,train-1.parquet HELD_OUT=val.parquet
```

`DATA` and `HELD_OUT` take the values of `gazegrid train --data`: comma-separated paths in any of the
[layouts](../how-to/add-a-data-set.md). The teacher is trained first, then each network, on the device of
`GAZEGRID_DEVICE`. An interrupted run resumes. The weights are written to `core/networks/bundled/`; `make docs` updates
this page.
"""


CONCENTRATION = """`bundled/concentrator` has a class activation map whose strongest place dominates the logit; in the
map of `bundled/cnn` all places have equal weight. Measured on {pictures} held-out pictures by
`core/measures/concentration.py`:
"""
REMOVED = {
    "runner_up_suppressed": "features of the runner-up class, while those of the true class are kept",
    "one_place_counted": "evidence for the true class at all places but the strongest",
    "with_one_place_left": "features of the true class outside a window around the strongest place",
}
CHANGED: Mapping[str, Callable[[BeforeAfter], str]] = {
    "probability of the true class": lambda x: f"{_percent(x.probability_before)} → {_percent(x.probability_after)}",
    "accuracy": lambda x: f"{_percent(x.accuracy_before)} → {_percent(x.accuracy_after)}",
    "pictures with a higher probability": lambda x: _percent(x.more_confident),
}


def bundled_networks() -> list[TrainedNetwork]:
    """The bundled networks with their training records."""
    return [network for network in trained_networks() if network.card.name.startswith("bundled/")]


def networks_markdown(networks: Sequence[TrainedNetwork]) -> str:
    """The whole page: overview, data, recipe, and one section per network."""
    if not networks:
        return f"{HEAD}\n{EMPTY}"
    individual = [*ARCHITECTURE_PARAMETERS, *differing_parameters(network.record for network in networks)]
    return "\n".join(
        [HEAD, INTRODUCTION, *_overview(networks), *_data(networks), *_recipe(networks, individual)]
        + [line for network in networks for line in _section(network, individual)]
        + concentration_lines(concentrations())
        + [RETRAINING]
    )  # fmt: skip


def _overview(networks: Sequence[TrainedNetwork]) -> list[str]:
    head = ("network", "family", "parameters", "top-1", "training time", "device")
    rows = [
        (
            f"[`{network.card.name}`](#{_anchor(network)})",
            FAMILY_NAMES[network.card.family],
            compact_number(network.card.parameters),
            formatted(network.record.metrics.top1, "share"),
            duration(network.record.seconds),
            network.record.device,
        )
        for network in networks
    ]
    hardest = hardest_sentence(networks)
    return [*markdown_table(head, rows), *([hardest, ""] if hardest else [])]


def _anchor(network: TrainedNetwork) -> str:
    """The anchor of the section with the network's name."""
    return network.card.name.replace("/", "").replace(".", "").lower()


def _data(networks: Sequence[TrainedNetwork]) -> list[str]:
    """Each data set once; usually there is one."""
    first = {network.record.dataset.digest: network for network in reversed(networks)}
    lines = ["## Data", "", DATA]
    for digest, network in first.items():
        lines += [f"- Digest `{digest}`", f"- {dataset_summary(network.record)}"]
        lines += [f"- Classes: {', '.join(network.card.class_names)}", ""]
    return lines


def _recipe(networks: Sequence[TrainedNetwork], individual: Sequence[str]) -> list[str]:
    """The parameters that all networks share."""
    first = networks[0].record
    shared = {**first.parameters, "seed": first.seed}
    lines = recipe_lines({name: value for name, value in shared.items() if name not in individual})
    return ["## Recipe", "", "Shared by all networks:", "", *_recipe_table(lines), *_teacher(networks)]


def _recipe_table(lines: Iterable[tuple[str, str, str]]) -> list[str]:
    rows = ((f"`{name}`", value, description) for name, value, description in lines)
    return markdown_table(("parameter", "value", "description"), rows)


def _individual_table(parameters: Mapping[str, Any]) -> list[str]:
    """The parameters in which networks differ."""
    return markdown_table(("parameter", "value"), ((f"`{name}`", value) for name, value, _ in recipe_lines(parameters)))


def _teacher(networks: Sequence[TrainedNetwork]) -> list[str]:
    """A sentence about the teacher, if all networks have the same one."""
    teachers = {network.record.parameters.get("teacher") for network in networks}
    if len(teachers) != 1 or not any(teachers):
        return []
    recipe = json.loads(TEACHER_FILE.read_bytes())
    share = formatted(float(networks[0].record.parameters.get("distillation_weight", 0)), "share")
    epochs = epochs_text(recipe["epochs"])
    sentence = (
        f"Knowledge distillation: the teacher has the features of `{recipe['pretrained']}` and a classifier that was "
        f"trained for {epochs} on the same pictures at {recipe['input_px']} px. Its predictions have {share} of the "
        "weight in the loss of every network, the labels the rest; what the networks have in common may come from it."
    )
    return [sentence, ""]


def _section(network: TrainedNetwork, individual: Sequence[str]) -> list[str]:
    card, record = network.card, network.record
    known = {**record.parameters, "seed": record.seed}
    return [
        f"## {card.name}",
        "",
        *(f"- {fact}" for fact in _facts(card, record)),
        "",
        *_individual_table({name: known[name] for name in individual if name in known}),
        *_curve(record),
        *markdown_table(
            ("true class", "predicted as", "pictures", "of"),
            [(wrong.picture_of, wrong.taken_for, str(wrong.times), str(wrong.of)) for wrong in record.confusions],
        ),
    ]


def _facts(card: NetworkCard, record: TrainingRecord) -> list[str]:
    data, versions = record.dataset, ", ".join(f"{name} {version}" for name, version in record.versions.items())
    top1, epochs = formatted(record.metrics.top1, "share"), epochs_text(len(record.accuracy))
    return [
        f"{FAMILY_NAMES[card.family]}, {card.parameters:,} parameters, {input_size(card)}, license {card.license}",
        f"Top-1 {top1} of {data.held_out:,} held-out pictures (data set `{data.digest[:12]}`), seed {record.seed}",
        f"{epochs} in {duration(record.seconds)} ({record.seconds:,.0f} s) on {record.device}; {versions}",
        f"SHA-256 of the weights: `{weights_sha256(card.name)}`",
        f"Result: `{record.key}`",
    ]


def _curve(record: TrainingRecord) -> list[str]:
    """Accuracy and loss of about ten epochs, the first and the last among them."""
    count = len(record.accuracy)
    every = ceil(count / CURVE_COLUMNS)
    epochs = sorted({1, *range(every, count + 1, every), count})
    accuracy = ("accuracy (%)", *(f"{100 * record.accuracy[epoch - 1]:.1f}" for epoch in epochs))
    loss = ("loss", *(f"{record.loss[epoch - 1]:.3g}" for epoch in epochs))
    return markdown_table(("epoch", *map(str, epochs)), [accuracy, loss])


def concentration_lines(measured: Mapping[str, Concentration]) -> list[str]:
    """The measurements of networks with class activation maps, side by side; empty without any."""
    if not measured:
        return []
    numbers = list(measured.values())
    sizes = sorted({size for one in numbers for size in one.top1_by_size})
    by_size = [(f"{size} px", *(_percent(one.top1_by_size.get(size)) for one in numbers)) for size in sizes]
    head = tuple(f"`{name}`" for name in measured)
    return [
        "## Does the strongest place decide the prediction?",
        "",
        CONCENTRATION.format(pictures=f"{numbers[0].pictures:,}"),
        *markdown_table(("top-1 at picture size", *head), by_size),
        *markdown_table(
            ("removed", "effect on", *head),
            [
                (removed, quantity, *(text_of(getattr(one, field)) for one in numbers))
                for field, removed in REMOVED.items()
                for quantity, text_of in CHANGED.items()
            ],
        ),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


if __name__ == "__main__":
    write_page(DOCS_FILE, networks_markdown(bundled_networks()))
