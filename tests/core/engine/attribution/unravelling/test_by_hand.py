"""The points of the product are those of the rules, computed slowly and by other means."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from core.engine.attribution.unravelling.points import TracingConfig
from core.engine.attribution.unravelling.walk import classes, unravel
from tests.support.traced_by_hand import CAP, SUPPORTERS, fixations

SIDES = {"test_resnet": 96, "test_vit": 160, "test_convnext": 96}
"""Architecture -> side of its pictures."""
MORE_SIDES = {
    "convnext_zepto_rms": 64, "deit_tiny_distilled_patch16_224": 224, "dla46x_c": 64, "edgenext_xx_small": 64,
    "ese_vovnet19b_slim_dw": 64, "fasternet_t0": 64, "ghostnet_050": 64, "gmlp_ti16_224": 224, "hiera_tiny_224": 224,
    "mixer_s32_224": 224, "mobilenetv2_035": 64, "mobilenetv3_small_050": 64, "mobilevit_xxs": 64, "pit_ti_224": 224,
    "regnetx_002": 64, "resmlp_12_224": 224, "starnet_s050": 64, "test_byobnet": 96, "test_efficientnet": 96,
    "test_mambaout": 96, "test_nfnet": 96, "test_vit_relpos": 160,
}  # fmt: skip
CONFIG = TracingConfig(supporters=SUPPORTERS, places=SUPPORTERS, weighted=True, pools_all=True, cap=CAP)


def network(architecture: str) -> nn.Module:
    """A random network whose logits are not zero and whose norms change signs."""
    torch.manual_seed(0)
    model = timm.create_model(architecture, num_classes=7).eval().requires_grad_(requires_grad=False)
    head = model.get_classifier()
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.1)
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, mean=0.5)
            nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model


def compare(architecture: str, side: int) -> None:
    model = network(architecture)
    picture = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        target = int(model(picture).argmax())
    points = unravel(model, picture, classes([target]), CONFIG).pixels.points
    own = dict(zip(zip(points.index.tolist(), points.sign.tolist(), strict=True), points.weight.tolist(), strict=True))
    by_hand = fixations(model, picture, target)
    assert own.keys() == by_hand.keys()
    assert own == pytest.approx(by_hand, rel=1e-3, abs=0)
    assert len(own) == CAP


@pytest.mark.parametrize("architecture", SIDES)
def test_the_points_are_those_of_the_rules_a_point_at_a_time(architecture: str) -> None:
    compare(architecture, SIDES[architecture])


@pytest.mark.soak
@pytest.mark.parametrize("architecture", MORE_SIDES)
def test_the_points_of_more_architectures_are_those_of_the_rules(architecture: str) -> None:
    compare(architecture, MORE_SIDES[architecture])
