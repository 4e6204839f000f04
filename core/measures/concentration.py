"""Does a network's answer rest on its strongest place? Properties of a network that concentrates features, as numbers.

The evidence for a class is a map (h, w): what the classifier says of the features of each place alone. A concentrating
network joins it by a soft maximum, others by the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import Undefined
from core.networks.concentration import BeforeAfter, Concentration
from core.networks.network import Network

CHUNK = 250
SIZES = (48, 64, 96, 128, 192)
"""Pixels a side at which pictures are shown."""
STEPS = 10
BOUND = 2 / 255
"""By so much a pixel changes at most when features are driven out; at four times that, all classes' features go."""
WINDOW = 0.375
"""Side of the window that is spared, as a share of the picture's."""

Change = Callable[[Network, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(network, pictures (N, 3, H, W) in [0, 1], labels (N,)) -> logits (N, K) before and after something is removed."""


def concentration(network: Network, pictures: Tensor, labels: Tensor) -> Concentration:
    """All of it, for `pictures` (N, 3, H, W) in [0, 1] of the classes `labels` (N,). Undefined without a map."""
    return Concentration(
        weights_sha256=network.weights_sha256,
        pictures=len(pictures),
        top1_by_size=accuracy_by_size(network, pictures, labels, SIZES),
        runner_up_suppressed=measured(runner_up_suppressed, network, pictures, labels),
        one_place_counted=measured(one_place_counted, network, pictures, labels),
        with_one_place_left=measured(with_one_place_left, network, pictures, labels),
    )


def measured(change: Change, network: Network, pictures: Tensor, labels: Tensor) -> BeforeAfter:
    """What `change` does to `pictures` (N, 3, H, W) in [0, 1] of the classes `labels` (N,)."""
    chunks = zip(torch.split(pictures, CHUNK), torch.split(labels, CHUNK), strict=True)
    before, after = (torch.cat(logits) for logits in zip(*(change(network, *chunk) for chunk in chunks), strict=True))
    rows = torch.arange(len(labels))
    first, then = before.softmax(1)[rows, labels], after.softmax(1)[rows, labels]
    return BeforeAfter(
        probability_before=float(first.mean()),
        probability_after=float(then.mean()),
        accuracy_before=float((before.argmax(1) == labels).float().mean()),
        accuracy_after=float((after.argmax(1) == labels).float().mean()),
        more_confident=float((then > first).float().mean()),
    )


@torch.inference_mode()
def accuracy_by_size(network: Network, pictures: Tensor, labels: Tensor, sizes: Iterable[int]) -> dict[int, float]:
    """Share of `pictures` (N, 3, H, W) in [0, 1] that are named right when shown at `size` x `size` px, by size."""
    shares = {}
    for size in sizes:
        shown = functional.interpolate(pictures, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
        logits = torch.cat([network(chunk) for chunk in torch.split(shown, CHUNK)])
        shares[size] = float((logits.argmax(1) == labels).float().mean())
    return shares


def class_evidence(network: Network, pictures: Tensor) -> Tensor:
    """(N, K, h, w): the classifier at each place of the last features. Undefined where there is no such map."""
    model: Any = network.model
    features = model.forward_features((pictures - network.mean) / network.std)
    classifier = model.get_classifier()
    if features.ndim != 4 or not isinstance(classifier, nn.Linear | nn.Conv2d):
        raise Undefined(f"{network.card.name} has no map of features that its classifier reads")
    weight = classifier.weight.reshape(classifier.weight.shape[0], -1, 1, 1)
    return functional.conv2d(features, weight, classifier.bias)


def joined(network: Network, evidence: Tensor) -> Tensor:
    """Logits (N, K) of evidence (N, K, h, w), as the network itself joins it."""
    join = getattr(network.model, "join", None)
    return evidence.mean(dim=(2, 3)) if join is None else cast(Tensor, join(evidence))


@torch.inference_mode()
def one_place_counted(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Of the evidence for each picture's own class only the strongest place counts; all others are as the weakest."""
    rows = torch.arange(len(labels))
    evidence = class_evidence(network, pictures)
    before = joined(network, evidence)
    own = evidence[rows, labels]
    strongest = own == own.amax(dim=(1, 2), keepdim=True)
    evidence[rows, labels] = torch.where(strongest, own, own.amin(dim=(1, 2), keepdim=True))
    return before, joined(network, evidence)


def runner_up_suppressed(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The features of the class that rivals a picture's own the most are driven out, where its own are not touched."""
    before = network(pictures)
    rival = before.scatter(1, labels[:, None], -torch.inf).argmax(1)
    return before, network(driven_out(network, pictures, rival, held=labels))


def with_one_place_left(network: Network, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The features of each picture's own class are driven out of it, but for a window around the strongest place."""
    evidence = class_evidence(network, pictures)[torch.arange(len(labels)), labels]
    changed = driven_out(network, pictures, labels, spared=_window(evidence, pictures))
    return network(pictures), network(changed)


def driven_out(
    network: Network, pictures: Tensor, classes: Tensor, *, spared: Tensor | None = None, held: Tensor | None = None
) -> Tensor:
    """`pictures` (N, 3, H, W), changed by at most `BOUND` so that the evidence for `classes` (N,) goes.

    Gradient steps down the sum of all that speaks for the class, each of the length of `BOUND` / 5 a pixel. Pixels
    `spared` (N, 1, H, W) stay; what speaks for the classes `held` (N,) stays to first order.
    """
    changed = pictures
    for _ in range(STEPS):
        changed = changed.detach().requires_grad_()
        evidence = class_evidence(network, changed)
        step = _uphill(evidence, classes, changed)
        if held is not None:
            kept = _uphill(evidence, held, changed)
            step = step - (step * kept).sum((1, 2, 3), keepdim=True).clamp(min=0) * kept
        if spared is not None:
            step = step.masked_fill(spared, 0)
        length = 2 * BOUND / STEPS * math.sqrt(pictures[0].numel())
        changed = (changed - length * _unit(step)).clamp(pictures - BOUND, pictures + BOUND).clamp(0, 1)
    return changed.detach()


def _uphill(evidence: Tensor, classes: Tensor, pictures: Tensor) -> Tensor:
    """The direction (N, 3, H, W), of length 1, in which what speaks for `classes` (N,) grows."""
    found = evidence[torch.arange(len(classes)), classes].relu().sum()
    (gradient,) = torch.autograd.grad(found, pictures, retain_graph=True)
    return _unit(gradient)


def _unit(direction: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(direction, dim=(1, 2, 3), keepdim=True)
    return direction / length.clamp(min=1e-12)


def _window(evidence: Tensor, pictures: Tensor) -> Tensor:
    """The pixels (N, 1, H, W) around the strongest place of each map (N, h, w)."""
    places, (rows, columns) = evidence.flatten(1).argmax(1), evidence.shape[1:]
    near_y = _near((places // columns + 0.5) / rows, pictures.shape[2])
    near_x = _near((places % columns + 0.5) / columns, pictures.shape[3])
    return (near_y[:, :, None] & near_x[:, None, :])[:, None]


def _near(middle: Tensor, pixels: int) -> Tensor:
    """Which of `pixels` along an axis lie within the window around `middle` (N,), a share of the axis: (N, pixels)."""
    positions = (torch.arange(pixels) + 0.5) / pixels
    return (positions[None] - middle[:, None]).abs() <= WINDOW / 2
