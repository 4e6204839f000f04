"""Presets, and the comparison that a new installation starts with.

A preset is a question with a method and parameters that answer it; it fills the form, where they can be changed. Where
several methods answer the question, the others are compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.jobs.comparison import Comparison, PictureRef, variants
from core.media.samples import open_picture, sample
from core.method_base.method import Method, field_extra
from core.method_base.parameters import picture_fields
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.store.store import Store

WELCOME_PICTURES = ("cat", "coffee", "rocket")
DEFAULT_NETWORKS = ("bundled/cnn", "bundled/vit", "bundled/mixer", "bundled/concentrator")
DEFAULT_METHOD = "detail_search"
"""The method of the first comparison, and the default of the panel."""

STYLE_JUDGE = "lite/efficientnet_lite0"
"""Judge of the style presets; none of the four networks that they compare."""
JUDGE_COUNT = 2
"""Number of compared networks that judge each other's images."""


@dataclass(frozen=True)
class VariedPreset:
    """A question that variants of a method answer side by side."""

    question: str
    method: str
    varied: Mapping[str, Sequence[Any]]
    """Parameter -> its values, one column each."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    """What the columns are, in a few words."""

    def build(self) -> tuple[Method, ...]:
        """The method of each column. Raises BadParameter."""
        return variants(METHODS[self.method], self.parameters, self.varied)


@dataclass(frozen=True)
class Preset:
    """A question, and the method that answers it."""

    question: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters other than the defaults; pictures are given by source, such as `style:mosaic`."""
    note: str = ""
    """What the parameters change, in a few words."""
    also_compare: tuple[str, ...] = ()
    """Further methods that answer the question, with their defaults."""
    pictures: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """Suitable sources of pictures and names of networks, for an empty selection."""

    def build(self, networks: Sequence[str] = ()) -> Method:
        """The method for a comparison of these networks, by name. Raises BadParameter.

        Where the method takes judges, the first two networks for which it is defined are the judges.
        """
        parameters = self._with_digests()
        method = make_method(self.method, parameters)
        judges = [name for name in networks if method.undefined_for(get_card(name)) is None][:JUDGE_COUNT]
        fields = METHODS[self.method].model_fields.items()
        judge_fields = [name for name, info in fields if field_extra(info).get("choices") == "networks"]
        if not judge_fields or len(judges) < JUDGE_COUNT:
            return method
        return make_method(self.method, dict.fromkeys(judge_fields, judges) | parameters)

    def _with_digests(self) -> dict[str, Any]:
        names = set(picture_fields(METHODS[self.method])) & self.parameters.keys()
        return dict(self.parameters) | {name: open_picture(self.parameters[name])[0].digest for name in names}


PRESETS = (
    Preset("Which details does it need?", "detail_search"),
    Preset(
        "Which details does it need without the runner-up?",
        "detail_search",
        {"target": "without runner-up", "class_steps": 20, "steps": 220},
        note="after the removal of the second class",
    ),
    Preset(
        "Where did it look?",
        "fixation",
        note="compared with Grad-CAM, saliency and occlusion",
        also_compare=("grad_cam", "saliency", "occlusion"),
    ),
    Preset("What is the smallest change that raises the confidence?", "amplify"),
    Preset("What is its ideal image of a class?", "class_image", {"class_name": "tabby"}, note="of a tabby"),
    Preset("What does it detect in a photo?", "deep_dream"),
    Preset("Which image excites a layer the most?", "feature_image"),
    Preset("Which information does a layer preserve?", "inversion"),
    Preset(
        "What does it take for style?",
        "style_transfer",
        {"styles": "style:mosaic", "judge": STYLE_JUDGE},
        note="from a mosaic",
        pictures=("sample:cat", "sample:astronaut"),
        networks=DEFAULT_NETWORKS,
    ),
    Preset(
        "What does a photo look like in another light?",
        "photo_style",
        {"styles": "sample:coffee", "judge": STYLE_JUDGE},
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
        "Which decoder reconstructs best?",
        "autoencoder",
        {"decoder": ("nearest", "unpooling", "transposed")},
        note="with three decoders of the same size",
    ),
    VariedPreset(
        "How small can the code be?",
        "autoencoder",
        {"code_size": (2, 4, 8, 16, 32)},
        note="with codes of 2 to 32 values",
    ),
    VariedPreset(
        "What do depth and convolutions add?",
        "autoencoder",
        {"architecture": ("linear", "dense", "convolutional")},
        note="linear, dense and convolutional",
    ),
    VariedPreset(
        "What makes a GAN's samples better?",
        "gan",
        {"normalization": ("spectral", "batch"), "epochs": (20, 80)},
        note="with two discriminators, 20 and 80 epochs",
    ),
)


def welcome_comparison(store: Store) -> Comparison:
    """The first comparison of a new installation; its pictures are put into the store."""
    pictures = tuple(PictureRef(store.inputs.put_picture(sample(name)), f"sample:{name}") for name in WELCOME_PICTURES)
    return Comparison(pictures, DEFAULT_NETWORKS, (make_method(DEFAULT_METHOD, {}),))
