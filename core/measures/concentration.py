"""Concentration: how far a network's prediction depends on its strongest position.

The evidence for a class is a map (h, w): the classifier applied to the features of each position. A concentrating
network pools it by a soft maximum, others by the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import Undefined
from core.measures.accuracy import top_shares
from core.networks.concentration import BeforeAfter, Concentration
from core.networks.network import Network

CHUNK = 250
SIZES = (48, 64, 96, 128, 192)
"""Sides in pixels for the accuracy by size."""
STEPS = 10
BOUND = 2 / 255
"""Maximal change of a pixel when features are suppressed; at four times that, all classes' features vanish."""
WINDOW = 0.375
"""Side of the window that stays unchanged, as a share of the picture's."""

Intervention = Callable[[Network, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(network, pictures (N, 3, H, W) in [0, 1], labels (N,)) -> logits (N, K) before and after an intervention."""


def concentration(network: Network, pictures: Tensor, labels: Tensor) -> Concentration:
    """All measures of concentration, for `pictures` (N, 3, H, W) in [0, 1] of the classes `labels` (N,).

    Raises Undefined where the network has no map of class evidence.
    """
    return Concentration(
        weights_sha256=network.weights_sha256,
        pictures=len(pictures),
        top1_by_size=accuracy_by_size(network, pictures, labels, SIZES),
        runner_up_suppressed=measured(runner_up_suppressed, network, pictures, labels),
        one_place_counted=measured(one_place_counted, network, pictures, labels),
        with_one_place_left=measured(with_one_place_left, network, pictures, labels),
    )


def measured(intervention: Intervention, network: Network, pictures: Tensor, labels: Tensor) -> BeforeAfter:
    """Effect of `intervention` on `pictures` (N, 3, H, W) in [0, 1] of the classes `labels` (N,)."""
    chunks = zip(torch.split(pictures, CHUNK), torch.split(labels, CHUNK), strict=True)
    before, after = (
        torch.cat(logits) for logits in zip(*(intervention(network, *chunk) for chunk in chunks), strict=True)
    )
    rows = torch.arange(len(labels))
    own_before, own_after = before.softmax(1)[rows, labels], after.softmax(1)[rows, labels]
    return BeforeAfter(
        probability_before=float(own_before.mean()),
        probability_after=float(own_after.mean()),
        accuracy_before=float(top_shares(before, labels).mean()),
        accuracy_after=float(top_shares(after, labels).mean()),
        more_confident=float((own_after > own_before).float().mean()),
    )


@torch.inference_mode()
def accuracy_by_size(network: Network, pictures: Tensor, labels: Tensor, sizes: Iterable[int]) -> dict[int, float]:
    """Size -> accuracy on `pictures` (N, 3, H, W) in [0, 1] resized to `size` x `size` px."""
    accuracies = {}
    for size in sizes:
        resized = functional.interpolate(pictures, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
        logits = torch.cat([network(chunk) for chunk in torch.split(resized, CHUNK)])
        accuracies[size] = float(top_shares(logits, labels).mean())
    return accuracies


def class_evidence(network: Network, pictures: Tensor) -> Tensor:
    """Class evidence (N, K, h, w): the classifier at each position of the last features. Raises Undefined."""
    model: Any = network.model
    features = model.forward_features((pictures - network.mean) / network.std)
    classifier = model.get_classifier()
    if features.ndim != 4 or not isinstance(classifier, nn.Linear | nn.Conv2d):
        raise Undefined(f"{network.card.name} has no feature map that its classifier reads")
    weight = classifier.weight.reshape(classifier.weight.shape[0], -1, 1, 1)
    return functional.conv2d(features, weight, classifier.bias)


def pooled(network: Network, evidence: Tensor) -> Tensor:
    """Logits (N, K) of evidence (N, K, h, w), pooled as in the network."""
    pool = getattr(network.model, "join", None)
    return evidence.mean(dim=(2, 3)) if pool is None else cast(Tensor, pool(evidence))


@torch.inference_mode()
def one_place_counted(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Intervention: evidence for the own class at its strongest position alone; all others get the minimum."""
    rows = torch.arange(len(labels))
    evidence = class_evidence(network, pictures)
    before = pooled(network, evidence)
    own = evidence[rows, labels]
    strongest = own == own.amax(dim=(1, 2), keepdim=True)
    evidence[rows, labels] = torch.where(strongest, own, own.amin(dim=(1, 2), keepdim=True))
    return before, pooled(network, evidence)


def runner_up_suppressed(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Intervention: suppress the features of the runner-up class, and preserve those of the own class."""
    before = network(pictures)
    runner_up = before.scatter(1, labels[:, None], -torch.inf).argmax(1)
    return before, network(suppressed(network, pictures, runner_up, preserved=labels))


def with_one_place_left(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Intervention: suppress the features of the own class, except in a window around the strongest position."""
    evidence = class_evidence(network, pictures)[torch.arange(len(labels)), labels]
    changed = suppressed(network, pictures, labels, spared=_window(evidence, pictures))
    return network(pictures), network(changed)


def suppressed(
    network: Network,
    pictures: Tensor,
    classes: Tensor,
    *,
    spared: Tensor | None = None,
    preserved: Tensor | None = None,
) -> Tensor:
    """`pictures` (N, 3, H, W), changed by at most `BOUND` per pixel so that the evidence for `classes` (N,) vanishes.

    Gradient descent on the sum of positive evidence, in steps of `BOUND` / 5 per pixel. Pixels `spared` (N, 1, H, W)
    stay unchanged; evidence for the classes `preserved` (N,) stays to first order.
    """
    changed = pictures
    for _ in range(STEPS):
        changed = changed.detach().requires_grad_()
        evidence = class_evidence(network, changed)
        step = _evidence_gradient(evidence, classes, changed)
        if preserved is not None:
            preserved_direction = _evidence_gradient(evidence, preserved, changed)
            step = step - (step * preserved_direction).sum((1, 2, 3), keepdim=True).clamp(min=0) * preserved_direction
        if spared is not None:
            step = step.masked_fill(spared, 0)
        length = 2 * BOUND / STEPS * math.sqrt(pictures[0].numel())
        changed = (changed - length * _unit(step)).clamp(pictures - BOUND, pictures + BOUND).clamp(0, 1)
    return changed.detach()


def _evidence_gradient(evidence: Tensor, classes: Tensor, pictures: Tensor) -> Tensor:
    """Unit gradient (N, 3, H, W) of the positive evidence for `classes` (N,)."""
    positive_evidence = evidence[torch.arange(len(classes)), classes].relu().sum()
    (gradient,) = torch.autograd.grad(positive_evidence, pictures, retain_graph=True)
    return _unit(gradient)


def _unit(direction: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(direction, dim=(1, 2, 3), keepdim=True)
    return direction / length.clamp(min=1e-12)


def _window(evidence: Tensor, pictures: Tensor) -> Tensor:
    """Boolean masks (N, 1, H, W) of the window around the maximum of each map (N, h, w)."""
    positions, (rows, columns) = evidence.flatten(1).argmax(1), evidence.shape[1:]
    near_y = _near((positions // columns + 0.5) / rows, pictures.shape[2])
    near_x = _near((positions % columns + 0.5) / columns, pictures.shape[3])
    return (near_y[:, :, None] & near_x[:, None, :])[:, None]


def _near(middle: Tensor, pixels: int) -> Tensor:
    """Which of `pixels` along an axis lie in the window around `middle` (N,), a share of the axis: (N, pixels)."""
    coordinates = (torch.arange(pixels) + 0.5) / pixels
    return (coordinates[None] - middle[:, None]).abs() <= WINDOW / 2
