"""What is known of a network without loading it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Family = Literal["cnn", "vit", "mixer", "hybrid"]
FAMILIES: tuple[Family, ...] = get_args(Family)


class NetworkCard(BaseModel):
    """A network's name, what decides its answers, and what a reader should know of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """`bundled/vit`, `lite/efficientnet_lite0`, `timm/resnet50.a1_in1k`, `hub/owner/name@revision`, `local/name`,
    `random/resnet18`"""
    identity: str
    """What the key holds: the name, and after a `#` whatever else decides the weights (a digest, a revision)."""
    family: Family
    architecture: str
    """timm's name of the architecture."""
    input_px: tuple[int, int]
    """Height, width of the input in pixels."""
    class_names: tuple[str, ...]
    """The name of each logit, unique; empty where the network does not classify."""
    parameters: int
    license: str
    source: str
    """Where the weights come from, for a reader."""
    random_weights: bool = False
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    crop_share: float = 0.875
    """Share of the picture's shorter side that the central crop keeps (timm's `crop_pct`)."""
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] = "bicubic"
    crop_mode: Literal["center", "squash", "border"] = "center"
    """How a picture that is not square fits: its middle, pressed into shape, or whole with a border around it."""
