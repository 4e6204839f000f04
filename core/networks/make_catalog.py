"""Writes `catalog.json` and `classes.json` from the installed timm; run it after each change of timm's version.

    python -m core.networks.make_catalog

Each architecture is built on torch's meta device, without memory for weights, and run once there, so that only
networks that map (1, 3, H, W) to logits (1, K) are listed. Takes about 8 minutes on one core.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import timm
import torch
from timm.data.imagenet_info import ImageNetInfo
from timm.models import PretrainedCfg, get_pretrained_cfg, is_model, list_models, list_pretrained
from timm.models._registry import _model_to_module

from core.networks.card import Family
from core.networks.families import family_of
from core.networks.layer_texts import folded
from core.networks.network import layer_names
from core.networks.tables import CATALOG_FILE, CLASSES_FILE

SUBSETS = {
    1000: "imagenet-1k",
    11221: "imagenet-21k-miil",
    11821: "imagenet-12k",
    21841: "imagenet-22k",
    21842: "imagenet-22k-ms",
    21843: "imagenet-21k-goog",
}
NUMBERED = {19168, 115217}
"""Numbers of classes for which timm has weights, but no class names."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class Legend(list[T]):
    """Unique values that the rows refer to by index."""

    def place(self, value: T) -> int:
        """Index of `value`, which is added if it is new."""
        if value not in self:
            self.append(value)
        return self.index(value)


def class_names(subset: str) -> list[str]:
    """The first lemma of each class; where it is not unique, with the second one or the WordNet id in parentheses."""
    info: Any = ImageNetInfo(subset)
    wnids: list[str] = info.label_names()
    lemmas = [info.label_name_to_description(wnid).split(", ") for wnid in wnids]
    for extra in (lambda place: lemmas[place][1:2] or [wnids[place]], lambda place: [wnids[place]]):
        counts = Counter(names[0] for names in lemmas)
        for place, names in enumerate(lemmas):
            if counts[names[0]] > 1:
                lemmas[place] = [f"{names[0].split(' (')[0]} ({extra(place)[0]})", *names[1:]]
    return numbered_apart(names[0] for names in lemmas)


def numbered_apart(names: Iterable[str]) -> list[str]:
    """`names` with ` (2)` and so on appended to repeated ones."""
    counts: Counter[str] = Counter()
    result = []
    for name in names:
        counts[name] += 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result


class Facts(NamedTuple):
    """Facts that are only known from the built network."""

    parameters: int
    layers: list[str]


def facts(name: str, classes: int, input_px: Sequence[int]) -> Facts | None:
    """Facts of timm's `name` with this many classes; None if it does not give logits (1, classes)."""
    with torch.device("meta"):
        try:
            model = timm.create_model(name, num_classes=classes).eval()
            logits = model(torch.empty(1, 3, *input_px))
        except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError, NotImplementedError) as error:
            log.warning("left out %s: %s", name, str(error)[:100])
            return None
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (1, classes):
        log.warning("left out %s: it gives no (1, %d) logits", name, classes)
        return None
    return Facts(sum(parameter.numel() for parameter in model.parameters()), layer_names(model))


def preprocessing(config: PretrainedCfg) -> list[Any]:
    """Preprocessing of pictures: mean, std, crop share, interpolation, crop mode."""
    return [list(config.mean), list(config.std), config.crop_pct, config.interpolation, config.crop_mode]


@dataclass
class Tables:
    """The catalog's tables while they are built; attributes are named as in the file."""

    licenses: Legend[str] = field(default_factory=Legend)
    preprocessings: Legend[list[Any]] = field(default_factory=Legend)
    layer_texts: Legend[str] = field(default_factory=Legend)
    layerings: Legend[list[int]] = field(default_factory=Legend)
    """For each list of layers: index of its text, then the counts."""
    families: dict[str, Family] = field(default_factory=dict)
    pretrained: list[list[Any]] = field(default_factory=list)
    random: list[list[Any]] = field(default_factory=list)

    def add(self, name: str, config: PretrainedCfg, built: Facts) -> None:
        """Add a row for timm's `arch.tag` or `arch`."""
        architecture, _, tag = name.partition(".")
        self.families[architecture] = family_of(architecture, _model_to_module[architecture])
        height, width = config.input_size[1:]
        row = [name, height, width, built.parameters, self.preprocessings.place(preprocessing(config))]
        if tag:
            self.pretrained.append([*row, config.num_classes, self.licenses.place(config.license or "unknown")])
        else:
            text, counts = folded(built.layers)
            self.random.append([*row, self.layerings.place([self.layer_texts.place(text), *counts])])


def build(names: Sequence[str]) -> dict[str, Any]:
    """The catalog's tables by name; `names`: timm's `arch.tag` and `arch`."""
    tables = Tables()
    built: dict[tuple[str, int, int, int], Facts | None] = {}
    for name in names:
        config = get_pretrained_cfg(name)
        if config is None:
            continue
        tagged = "." in name
        classes = config.num_classes if tagged else 1000
        if tagged and (classes not in SUBSETS | dict.fromkeys(NUMBERED) or not config.hf_hub_id):
            continue
        height, width = config.input_size[1:]
        variant = (name.partition(".")[0], classes, height, width)
        if variant not in built:
            built[variant] = facts(name, classes, (height, width))
        if (known := built[variant]) is not None:
            tables.add(name, config, known)
    tables.families = dict(sorted(tables.families.items()))
    return {"timm": timm.__version__, **vars(tables)}


def as_lines(tables: dict[str, Any]) -> str:
    """JSON with one line per row of a table, so that changes are readable."""
    parts = []
    for key, value in tables.items():
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, list):
            rows = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in value)
            text = "[\n" + ",\n".join(rows) + "\n]"
        parts.append(f"{json.dumps(key)}:{text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write both files."""
    names = sorted([*list_pretrained(), *filter(is_model, list_models())])
    classes = {str(count): "\n".join(class_names(subset)) for count, subset in SUBSETS.items()}
    Path(CLASSES_FILE).write_text(as_lines(classes), encoding="utf-8")
    Path(CATALOG_FILE).write_text(as_lines(build(names)), encoding="utf-8")


if __name__ == "__main__":
    main()
