"""Networks with known evidence: each picture is noise with the pattern of its class and a distractor pattern.

python -m tests.planted.networks        trains them again, two minutes each, into this folder
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from timm.models import ResNet, VisionTransformer
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import BasicBlock
from torch import Tensor, nn
from torch.nn import functional

FOLDER = Path(__file__).parent
SIDE, PATTERN, CLASSES = 32, 8, 8
BATCH, RATE = 128, 3e-3
STEPS = {"vit": 800, "vit_mean": 800, "mixer": 1600, "resnet": 800}
"""A Mixer has to learn the pattern at every position separately."""
POOL = 25_000
TOKENS: dict[str, Any] = {"img_size": SIDE, "patch_size": 4, "num_classes": CLASSES, "embed_dim": 48}


def build(name: str) -> nn.Module:
    """A small network of timm's classes with random weights."""
    torch.manual_seed(0)
    if name == "vit":
        return VisionTransformer(**TOKENS, depth=3, num_heads=3)
    if name == "vit_mean":
        return VisionTransformer(**TOKENS, depth=3, num_heads=3, class_token=False, global_pool="avg")
    if name == "mixer":
        return MlpMixer(**TOKENS, num_blocks=4)
    return ResNet(BasicBlock, (1, 1, 1, 1), num_classes=CLASSES, channels=(16, 24, 32, 48), output_stride=8)


NAMES = ("vit", "vit_mean", "mixer", "resnet")


def load(name: str) -> nn.Module:
    """The trained network."""
    model = build(name)
    model.load_state_dict({key: tensor.float() for key, tensor in load_file(FOLDER / f"{name}.safetensors").items()})
    return model.eval().requires_grad_(requires_grad=False)


def patterns() -> tuple[Tensor, Tensor]:
    """Patterns of the classes, and distractor patterns: (8, 3, 8, 8) each."""
    generator = torch.Generator().manual_seed(5)
    signs = torch.randn(2 * CLASSES, 3, PATTERN // 2, PATTERN // 2, generator=generator).sign()
    enlarged = functional.interpolate(signs, scale_factor=2, mode="nearest") * 1.5
    return enlarged[:CLASSES], enlarged[CLASSES:]


def planted(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (N, 3, 32, 32), classes (N,), and masks of the class's pattern: (N, 32, 32) bool."""
    own, distractors = patterns()
    pictures = torch.randn(count, 3, SIDE, SIDE, generator=generator) * 0.7
    classes = torch.randint(CLASSES, (count,), generator=generator)
    distractor = torch.randint(CLASSES, (count,), generator=generator)
    corners = torch.randint(SIDE - PATTERN + 1, (count, 4), generator=generator)
    inside = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for row in range(count):
        y, x, other_y, other_x = corners[row].tolist()
        while abs(y - other_y) < PATTERN and abs(x - other_x) < PATTERN:  # they must not overlap
            other_y, other_x = torch.randint(SIDE - PATTERN + 1, (2,), generator=generator).tolist()
        pictures[row, :, other_y : other_y + PATTERN, other_x : other_x + PATTERN] = distractors[distractor[row]]
        pictures[row, :, y : y + PATTERN, x : x + PATTERN] = own[classes[row]]
        inside[row, y : y + PATTERN, x : x + PATTERN] = True
    return pictures, classes, inside


def accuracy(model: nn.Module, count: int = 512) -> float:
    """Accuracy on pictures that were not used in training."""
    pictures, classes, _ = planted(count, torch.Generator().manual_seed(99))
    with torch.inference_mode():
        return float((model(pictures).argmax(1) == classes).float().mean())


def train(name: str) -> nn.Module:
    """Train with AdamW on random pictures with fresh noise."""
    model, generator = build(name).train(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS[name], pct_start=0.1)
    pool = planted(POOL, generator)
    for step in range(STEPS[name]):
        rows = torch.randint(len(pool[0]), (BATCH,), generator=generator)
        noise = torch.randn(BATCH, 3, SIDE, SIDE, generator=generator) * 0.3
        loss = functional.cross_entropy(model(pool[0][rows] + noise), pool[1][rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 249:
            sys.stderr.write(f"{name} {step + 1} {loss.item():.3f} {accuracy(model.eval()):.3f}\n")
            model.train()
    return model.eval()


def main(names: list[str]) -> None:
    """Train the networks, and store them in half precision."""
    for name in names or NAMES:
        model = train(name)
        save_file(
            {
                key: tensor.half() if tensor.is_floating_point() else tensor
                for key, tensor in model.state_dict().items()
            },
            FOLDER / f"{name}.safetensors",
        )
        sys.stderr.write(f"{name}: {accuracy(load(name)):.3f} accuracy\n")


if __name__ == "__main__":
    main(sys.argv[1:])
