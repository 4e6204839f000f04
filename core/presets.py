"""What to start from: the first page's comparison, and presets.

A preset is a question, and a method with parameters that answers it, which the form then shows and lets be changed. A
question that several methods answer names the others too: they stand beside it, in rows of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.jobs.comparison import Comparison, PictureRef, variants
from core.media.samples import open_picture, sample
from core.method_base.method import Method, field_extra, picture_fields
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.store.store import Store

WELCOME_PICTURES = ("cat", "coffee", "rocket")
DEFAULT_NETWORKS = ("bundled/cnn", "bundled/vit", "bundled/mixer", "bundled/concentrator")
DEFAULT_METHOD = "detail_search"
"""What the first page shows filling up, and what the panel offers where nothing is chosen yet."""

OUTSIDER = "lite/efficientnet_lite0"
"""It judges the four networks that come along and is none of them."""
JUDGES = 2
"""So many of the compared networks are asked what they see in each other's pictures."""


@dataclass(frozen=True)
class VariedPreset:
    """A question that variants of a method answer side by side."""

    question: str
    method: str
    varied: Mapping[str, Sequence[Any]]
    """Parameter -> the values of the columns."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    """What the columns are, in a few words for a reader."""

    def made(self) -> tuple[Method, ...]:
        """A method for each column. Raises BadParameter."""
        return variants(METHODS[self.method], self.parameters, self.varied)


@dataclass(frozen=True)
class Preset:
    """A question, and the method that answers it; parameters that are not named are the method's own defaults."""

    question: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Pictures among them are named by their sources, such as `style:mosaic`."""
    note: str = ""
    """What the parameters change, in a few words for a reader; empty for the method as it is."""
    beside: tuple[str, ...] = ()
    """Methods that answer the same question, each with its own defaults."""
    pictures: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """What suits the question, where nothing is chosen yet: sources of pictures, names of networks."""

    def made(self, networks: Sequence[str] = ()) -> Method:
        """The method for a comparison of these networks, by name. Raises BadParameter.

        Where the method asks other networks too, the first two that can answer the question are asked about each other.
        """
        given = self._with_digests()
        alone = make_method(self.method, given)
        judges = [name for name in networks if alone.undefined_for(get_card(name)) is None][:JUDGES]
        fields = METHODS[self.method].model_fields.items()
        asking = [name for name, info in fields if field_extra(info).get("choices") == "networks"]
        if not asking or len(judges) < JUDGES:
            return alone
        return make_method(self.method, dict.fromkeys(asking, judges) | given)

    def _with_digests(self) -> dict[str, Any]:
        named = set(picture_fields(METHODS[self.method])) & self.parameters.keys()
        return dict(self.parameters) | {name: open_picture(self.parameters[name])[0].digest for name in named}


PRESETS = (
    Preset("What did it need?", "detail_search"),
    Preset(
        "Without the runner-up",
        "detail_search",
        {"target": "without runner-up", "class_steps": 20, "steps": 220},
        note="once the second class is gone",
    ),
    Preset(
        "Where did it look?",
        "fixation",
        note="beside Grad-CAM, saliency and occlusion",
        beside=("grad_cam", "saliency", "occlusion"),
    ),
    Preset("Least change", "amplify"),
    Preset("Super-cat", "class_image", {"class_name": "tabby"}),
    Preset("Dream", "deep_dream"),
    Preset("What does this layer like?", "feature_image"),
    Preset("What does this layer still know?", "inversion"),
    Preset(
        "What does it take for style?",
        "style_transfer",
        {"styles": "style:mosaic", "judge": OUTSIDER},
        note="from a mosaic",
        pictures=("sample:cat", "sample:astronaut"),
        networks=DEFAULT_NETWORKS,
    ),
    Preset(
        "The same room in another light",
        "photo_style",
        {"styles": "sample:coffee", "judge": OUTSIDER},
        note="from a cup of coffee",
        pictures=("sample:motorcycle",),
        networks=DEFAULT_NETWORKS,
    ),
)

VARIED = (
    VariedPreset(
        "What does each kind learn?",
        "autoencoder",
        {
            "kind": ("plain", "denoising", "sparse"),
            "noise": ("pixels", "patch"),
            "penalty": ("l1", "l2"),
        },
        note="plain, denoising and sparse",
    ),
    VariedPreset(
        "Which decoder draws best?",
        "autoencoder",
        {"decoder": ("nearest", "unpooling", "transposed")},
        note="by three decoders of the same size",
    ),
    VariedPreset(
        "How few numbers are enough?",
        "autoencoder",
        {"code_size": (2, 4, 8, 16, 32)},
        note="with codes of 2 to 32 values",
    ),
    VariedPreset(
        "What do depth and neighbors add?",
        "autoencoder",
        {"architecture": ("linear", "dense", "convolutional")},
        note="linear, dense, convolutional",
    ),
    VariedPreset(
        "What makes a GAN draw better?",
        "gan",
        {"normalization": ("spectral", "batch"), "epochs": (20, 80)},
        note="by two discriminators, 20 and 80 epochs",
    ),
)


def welcome_comparison(store: Store) -> Comparison:
    """The comparison that a newcomer sees filling up on the first page, its pictures kept in the store."""
    pictures = tuple(PictureRef(store.inputs.put_picture(sample(name)), f"sample:{name}") for name in WELCOME_PICTURES)
    return Comparison(pictures, DEFAULT_NETWORKS, (make_method(DEFAULT_METHOD, {}),))
