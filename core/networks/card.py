"""The card of a network: what is known of it without loading its weights."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Family = Literal["cnn", "vit", "mixer", "hybrid"]
FAMILIES: tuple[Family, ...] = get_args(Family)


class NetworkCard(BaseModel):
    """Name, identity, preprocessing and origin of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """`bundled/vit`, `lite/efficientnet_lite0`, `timm/resnet50.a1_in1k`, `hub/owner/name@revision`, `local/name`,
    `random/resnet18`"""
    identity: str
    """Part of a job's key: the name, and after a `#` what else decides the weights (a digest, a revision)."""
    family: Family
    architecture: str
    """Name of the architecture in timm."""
    input_px: tuple[int, int]
    """Height and width of the input in pixels."""
    class_names: tuple[str, ...]
    """Unique name of each logit; empty for a network without a classifier."""
    parameters: int
    """Number of trained parameters."""
    license: str
    source: str
    """Where the weights come from, for a reader."""
    random_weights: bool = False
    """Whether the network was never trained."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Subtracted from R, G, B in [0, 1]."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Divides the centered R, G, B."""
    crop_share: float = 0.875
    """Share of the picture's shorter side that the center crop keeps (timm's `crop_pct`)."""
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] = "bicubic"
    crop_mode: Literal["center", "squash", "border"] = "center"
    """How a picture is fitted to the input: center crop, squashed to its shape, or whole with a border."""
    weights_note: str = ""
    """Where in its file the network was found, such as `weights under module.`; empty for an ordinary file."""
