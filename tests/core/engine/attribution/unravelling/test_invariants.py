"""What must hold of fixations whatever the network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.engine.attribution.unravelling.points import TracingConfig
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, Unravelled, classes, unravel
from core.networks import architectures  # noqa: F401  registers our own with timm

WHOLE = TracingConfig(weighted=True, pools_all=True, supporters=2, places=2)
"""Weighted, and nothing left out."""
NETWORKS = (
    "test_resnet", "test_vit", "test_vit2", "test_vit3", "test_vit4", "test_efficientnet", "test_efficientnet_gn",
    "test_efficientnet_ln", "test_efficientnet_evos", "test_byobnet", "test_convnext", "test_convnext2",
    "test_convnext3", "test_mambaout", "test_nfnet", "concentrator", "open_mixer",
)  # fmt: skip


ARGUMENTS = {
    "concentrator": {"layers": [1, 1, 1, 1], "channels": [8, 12, 16, 24]},
    "open_mixer": {"img_size": 64, "patch_size": 8, "embed_dim": 32, "num_blocks": 2},
}


def network(name: str) -> nn.Module:
    """A random network whose logits are not zero."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=7, **ARGUMENTS.get(name, {})).eval().requires_grad_(requires_grad=False)
    head = model.get_classifier()
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, mean=0.5)
            nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model


def pictures(count: int = 1, side: int = 96, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def side_of(name: str) -> int:
    return 64 if name in {"concentrator", "open_mixer"} else 160


def traced(model: nn.Module, inputs: Tensor, config: TracingConfig, **more: bool) -> Unravelled:
    with torch.no_grad():
        own = model(inputs).argmax(dim=1).tolist()
    return unravel(model, inputs, classes(own), config, **more)


def same(first: Unravelled, second: Unravelled) -> bool:
    one, other = first.pixels.points, second.pixels.points
    return np.array_equal(one.index, other.index) and np.array_equal(one.sign, other.sign)


class Plain(nn.Module):
    """Convolutions, ReLUs, max pooling and one linear layer, without biases."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.second = nn.Conv2d(8, 6, 3, stride=2, padding=1, groups=2, bias=False)
        self.head = nn.Linear(6 * 4 * 4, 5, bias=False)
        self.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        return self.head(functional.relu(self.second(x)).flatten(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_the_network_s_and_contributions_add_up_to_the_output(name: str) -> None:
    model, inputs = network(name), pictures(side=side_of(name))
    result = traced(model, inputs, replace(WHOLE, cap=200), audit=True)
    with torch.no_grad():
        assert torch.equal(result.logits, model(inputs))
    assert len(result.errors) > 3
    assert max(result.errors) < 1e-4
    assert len(result.pixels.points) > 0


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "open_mixer", "test_convnext"])
def test_no_weight_is_lost_but_on_padding(name: str) -> None:
    result = traced(network(name), pictures(side=side_of(name)), WHOLE)
    assert result.pixels.points.weight.sum() + result.lost == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", ["test_vit", "test_vit2"])
def test_class_token_and_positions_absorb_nothing(name: str) -> None:
    assert traced(network(name), pictures(side=160), WHOLE).lost == 0


@pytest.mark.parametrize("mode", TRACING_CONFIGS)
@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_batch_equals_single_pictures_and_repetitions_are_equal(name: str, mode: str) -> None:
    model, inputs = network(name), pictures(3, side=160)
    batched = traced(model, inputs, TRACING_CONFIGS[mode])
    assert same(batched, traced(model, inputs, TRACING_CONFIGS[mode]))
    area = 3 * 160 * 160
    for row in range(3):
        points = batched.pixels.points
        own = points.selected(points.picture == row)
        single = traced(model, inputs[row : row + 1], TRACING_CONFIGS[mode]).pixels.points
        shared = set(own.index - row * area) & set(single.index.tolist())
        # logits of a batch differ in the last digit, which may break a tie differently
        assert len(shared) > 0.97 * max(len(own), len(single))


def test_where_the_picture_is_zero_but_for_a_pixel_every_fixation_is_that_pixel() -> None:
    model = network("test_resnet")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.bias.zero_()
            module.running_mean.zero_()
    inputs = torch.zeros(1, 3, 96, 96)
    inputs[0, :, 41, 37] = torch.tensor([0.5, -1.0, 0.7])
    for config in (TracingConfig(stays=False), replace(WHOLE, stays=False)):
        points = traced(model, inputs, config).pixels.points
        assert len(points) > 0
        assert set((points.index % (96 * 96)).tolist()) == {41 * 96 + 37}


def test_without_biases_a_brighter_picture_has_the_same_fixations() -> None:
    inputs = pictures(side=16)
    for config in (TracingConfig(), WHOLE):
        assert same(traced(Plain(), inputs, config), traced(Plain(), 4 * inputs, config))


def test_folded_norms_change_nothing() -> None:
    torch.manual_seed(3)
    norm = nn.BatchNorm2d(8).eval()
    norm.running_var.uniform_(0.5, 2)
    nn.init.uniform_(norm.weight, -1, 1)
    convolution, head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
    rest = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    unfolded = nn.Sequential(convolution, norm, *rest).eval()
    folded = nn.Sequential(fuse_conv_bn_eval(convolution.eval(), norm), *rest).eval()
    inputs = pictures(side=20)
    assert same(traced(unfolded, inputs, WHOLE), traced(folded, inputs, WHOLE))


def test_fused_attention_is_traced_as_explicit_attention() -> None:
    model, inputs = network("test_vit"), pictures(side=160)
    fused = traced(model, inputs, WHOLE)
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    explicit = traced(model, inputs, WHOLE)
    shared = set(fused.pixels.points.index.tolist()) & set(explicit.pixels.points.index.tolist())
    assert len(shared) > 0.97 * max(len(fused.pixels.points), len(explicit.pixels.points))


def test_tracing_all_points_at_once_equals_one_by_one() -> None:
    model, inputs = Plain(), pictures(side=16)
    assert set(traced(model, inputs, TracingConfig()).pixels.points.index.tolist()) == by_loops(model, inputs)


def by_loops(model: Plain, inputs: Tensor) -> set[int]:
    """The published rules, a point at a time, for `Plain`."""
    with torch.no_grad():
        first = functional.relu(model.first(inputs))
        pooled = functional.max_pool2d(first, 2)
        second = functional.relu(model.second(pooled))
        answer = model(inputs)
    c = int(answer.argmax())
    speaks = model.head.weight[c] * second.flatten()
    points = {tuple(np.unravel_index(k, (6, 4, 4))) for k in torch.nonzero(speaks > 0)[:, 0].tolist()}
    points = {loop_conv(p, pooled[0], model.second.weight, 2, 3) for p in points}
    points = {loop_pool(p, first[0]) for p in points}
    points = {loop_conv(p, inputs[0], model.first.weight, 1, 8) for p in points}
    return {int(np.ravel_multi_index(p, (3, 16, 16))) for p in points}


def loop_conv(point: tuple[int, ...], x: Tensor, weight: Tensor, stride: int, group: int) -> tuple[int, ...]:
    unit, y, column = point
    best: dict[int, dict[tuple[int, int], float]] = {}
    for k in range(weight.shape[1]):
        channel = unit // group * weight.shape[1] + k
        best[channel] = {}
        for i in range(3):
            for j in range(3):
                row, across = y * stride + i - 1, column * stride + j - 1
                if 0 <= row < x.shape[1] and 0 <= across < x.shape[2]:
                    best[channel][row, across] = float(weight[unit, k, i, j] * x[channel, row, across])
    channel = max(best, key=lambda k: sum(best[k].values()))
    place = max(best[channel], key=lambda p: best[channel][p])
    return (channel, *place)


def loop_pool(point: tuple[int, ...], x: Tensor) -> tuple[int, ...]:
    channel, y, column = point
    window = {(y * 2 + i, column * 2 + j): float(x[channel, y * 2 + i, column * 2 + j]) for i in (0, 1) for j in (0, 1)}
    return (channel, *max(window, key=lambda p: window[p]))


def test_heavier_caps_keep_the_heaviest() -> None:
    model, inputs = network("test_resnet"), pictures(side=96)
    counts = [len(traced(model, inputs, replace(WHOLE, cap=cap)).pixels.points) for cap in (8, 64, 512)]
    assert all(few < many for few, many in pairwise(counts))
    assert counts[0] <= 8
