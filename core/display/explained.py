"""The class, channel or neuron that a result explains, and whether it was the prediction or requested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.errors import GazegridError
from core.networks.catalog import get_card
from core.store.manifest import Manifest

NAMING = ("probability", "probability_before", "probability_after", "score")
"""Numbers whose subject is what the result explains, the first that a result has."""
CLASS_PARAMETERS = ("class_name", "wanted", "opposed")
"""Parameters that ask for a class; where they have no effect, a result has their defaults, which are empty."""


@dataclass(frozen=True)
class Explained:
    """What a result explains."""

    name: str
    """`tabby`, `channel 12 of blocks.5`."""
    index: int | None
    """Index of the class; None for a channel or neuron, and where this machine does not have the network any more."""
    selected_by: Literal["prediction", "parameter", "excitation"]
    """`prediction`: it is the predicted class; `parameter`: it was requested; `excitation`: the channel that the
    picture excites most, compared with the sample photos."""
    contrast_class: str | None = None
    """The class whose score is subtracted."""

    @property
    def sentence(self) -> str:
        """`tabby (281), the prediction`."""
        number = "" if self.index is None else f" ({self.index})"
        contrast = f" vs. {self.contrast_class}" if self.contrast_class else ""
        return f"{self.name}{number}{contrast}, {_REASONS[self.selected_by]}"


_REASONS = {"prediction": "the prediction", "parameter": "as requested", "excitation": "the most excited channel"}


def explained(manifest: Manifest) -> Explained | None:
    """What the result explains; None where it explains nothing, such as a style transfer."""
    subjects = {item.name: item.meta.get("subject") for item in manifest.items if item.kind == "scalar"}
    number = next((name for name in NAMING if subjects.get(name)), None)
    if number is None or not manifest.spec.get("network"):
        return None
    parameters: dict[str, Any] = manifest.spec["method"]["parameters"]
    name = str(subjects[number])
    if number == "score":
        return Explained(name, None, "excitation" if parameters.get("channel") is None else "parameter")
    given = any(parameters.get(parameter) for parameter in CLASS_PARAMETERS)
    _, _, contrast = str(subjects.get("score") or "").partition(f"{name} vs. ")
    return Explained(name, _index(manifest, name), "parameter" if given else "prediction", contrast or None)


def _index(manifest: Manifest, name: str) -> int | None:
    """Index of the class of this name, while the network is the one that was explained."""
    try:
        card = get_card(manifest.spec["network"].partition("#")[0])
    except GazegridError:
        return None
    if card.identity != manifest.spec["network"] or name not in card.class_names:
        return None
    return card.class_names.index(name)
