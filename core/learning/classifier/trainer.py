"""The training itself: AdamW under a cosine, clipped gradients, averaged weights; it can go on from any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from timm.optim._param_groups import param_groups_weight_decay
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.nn import functional

from core.engine import checkpoints
from core.engine.seeding import seeded
from core.errors import ComputationFailed, Damaged
from core.learning.classifier.augmentations import jittered, sharpened
from core.learning.classifier.precision import half_precision
from core.learning.classifier.targets import MixRecipe, mixed, smoothed
from core.learning.classifier.teacher import Answers
from core.learning.classifier.trained import Learner
from core.learning.classifier.views import Examples, ViewRecipe, Views

CLIP_NORM = 1.0
MIN_RATE = 0.01
"""Share of the learning rate that is left at the end."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training beside the network, the pictures and the teacher."""

    views: ViewRecipe
    mix: MixRecipe
    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: float
    weight_decay: float
    label_smoothing: float
    average: float
    """Decay of the weights' moving average, a step."""
    teacher_share: float
    """Weight of the teacher's answers in what is learned; the labels have the rest."""
    distinct_views: int
    """Epochs after which the same views are shown again; 0: never. A teacher answers each view once."""
    seed: int
    sharpen: float = 0.0
    """Most by which a picture is sharpened, see `augmentations.sharpened`."""
    jitter: float = 0.0
    """How much each view is altered whenever it is shown, see `augmentations.jittered`."""


@dataclass
class TrainerState:
    """How far a training is."""

    epoch: int = 0
    """Whole epochs done."""
    batch: int = 0
    """Batches of the next epoch that are done."""
    loss_sum: float = 0.0
    """Of these batches."""
    seconds: float = 0.0
    """Of computing, in all the processes that had a part in it; without the teacher's."""
    losses: list[float] = field(default_factory=list)
    """Mean of each epoch."""
    top1: list[float] = field(default_factory=list)
    """Of the averaged weights on the held-out pictures after each epoch, shares of 1."""


class Trainer:
    """Trains a timm model. Whoever calls decides when to save and when to stop."""

    def __init__(
        self,
        learner: Learner,
        examples: Examples,
        recipe: Recipe,
        device: torch.device | str,
        answers: Answers | None = None,
    ) -> None:
        device = torch.device(device)
        self.learner = learner
        model = learner.model.to(device).to(memory_format=torch.channels_last)
        self.model: nn.Module = model.eval() if learner.frozen else model.train()
        _prepare_attention(self.model, device)
        self.average = ModelEmaV3(self.model, decay=recipe.average, use_warmup=True)
        self.examples, self.recipe, self.device, self.answers = examples, recipe, device, answers
        groups = param_groups_weight_decay(model, recipe.weight_decay, no_weight_decay_list=_undecayed(model))
        # foreach, not fused: a fused step depends on where the tensors lie in memory, which a restart changes
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, foreach=True)
        self.views = Views(examples, recipe.views, recipe.batch, recipe.seed, recipe.distinct_views, device)
        self.state = TrainerState()
        self.asking: Callable[[float], None] = lambda _: None
        """Told which share of an epoch's views the teacher has answered, while it is asked."""
        self.batches_per_epoch = len(examples.training) // recipe.batch
        self._mean = torch.tensor(learner.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(learner.std, device=device).view(1, 3, 1, 1)
        self._half = half_precision(device)

    @property
    def done(self) -> bool:
        """Whether every epoch has been trained."""
        return self.state.epoch == self.recipe.epochs

    def epoch(self) -> Iterator[float]:
        """What is left of this epoch, batch by batch; yields each batch's loss. Raises ComputationFailed."""
        state = self.state
        answers = None if self.answers is None else self.answers.of(self.views, state.epoch, self.asking)
        clock = time.perf_counter()
        for number, (pictures, labels) in self.views.batches(state.epoch, state.batch):
            told = None if answers is None else answers[number].to(self.device)
            loss = self._step(pictures, labels, told, state.epoch * self.batches_per_epoch + number)
            state.batch, state.loss_sum = number + 1, state.loss_sum + loss
            now = time.perf_counter()
            state.seconds, clock = state.seconds + now - clock, now
            yield loss
            clock = time.perf_counter()
        state.top1.append(self.accuracy(self.named(self.average.module)))
        state.losses.append(state.loss_sum / self.batches_per_epoch)
        state.epoch, state.batch, state.loss_sum = state.epoch + 1, 0, 0.0
        state.seconds += time.perf_counter() - clock

    def _step(self, pictures: Tensor, labels: Tensor, answers: Tensor | None, step: int) -> float:
        recipe = self.recipe
        inputs = pictures.to(self.device).float().div_(255)
        generator = np.random.default_rng((recipe.seed, step, 2))
        inputs = jittered(inputs, recipe.jitter, generator, flip=recipe.views.flip)
        inputs = sharpened(inputs, recipe.sharpen, np.random.default_rng((recipe.seed, step, 1)))
        targets = smoothed(labels.to(self.device), len(self.examples.class_names), recipe.label_smoothing)
        if answers is not None:
            targets = torch.lerp(targets, answers.float(), recipe.teacher_share)
        inputs, targets = mixed(inputs, targets, recipe.mix, np.random.default_rng((recipe.seed, step)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        with seeded(recipe.seed, step), torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            logits = self.model(self._normalized(inputs)).float()
        loss = functional.cross_entropy(logits, targets)
        if not math.isfinite(value := loss.item()):
            raise ComputationFailed(f"the loss was {value} at step {step}: try a lower learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.average.update(self.model, step + 1)
        return value

    def learning_rate(self, step: int) -> float:
        """The learning rate: a line up over the warm-up, then a cosine down."""
        recipe = self.recipe
        warm, total = recipe.warmup_epochs * self.batches_per_epoch, recipe.epochs * self.batches_per_epoch
        if step < warm:
            return recipe.learning_rate * (step + 1) / warm
        cosine = (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
        return recipe.learning_rate * (MIN_RATE + (1 - MIN_RATE) * cosine)

    def accuracy(self, named: Tensor) -> float:
        """Share of the held-out pictures that `named` (N,) names right."""
        return float((named == self.examples.held_out_labels).float().mean())

    @torch.inference_mode()
    def named(self, model: nn.Module, *, exactly: bool = False) -> Tensor:
        """The class that `model` names for each held-out picture, (N,) int64; `exactly`: in full precision."""
        model.eval()
        named = []
        for chunk in torch.split(self.examples.held_out, 256):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half and not exactly):
                logits = model(self._normalized(chunk.to(self.device).float().div_(255)))
            named.append(logits.argmax(dim=1).cpu())
        return torch.cat(named)

    def _normalized(self, inputs: Tensor) -> Tensor:
        return ((inputs - self._mean) / self._std).contiguous(memory_format=torch.channels_last)

    def to_bytes(self) -> bytes:
        """Everything that going on needs."""
        tensors = {
            **checkpoints.named("model", self.model.state_dict()),
            **checkpoints.named("average", self.average.module.state_dict()),
            **checkpoints.named("adamw", checkpoints.moments(self.optimizer)),
        }
        return checkpoints.to_bytes(tensors, asdict(self.state))

    def resume(self, content: bytes) -> None:
        """Go on from what `to_bytes` gave. Raises Damaged, and then nothing has changed."""
        tensors, numbers = checkpoints.from_bytes(content)
        model, average, adamw = (checkpoints.below(part, tensors) for part in ("model", "average", "adamw"))
        if not (checkpoints.fits(model, self.model) and checkpoints.fits(average, self.average.module)):
            raise Damaged("a training's checkpoint does not fit its network")
        self.state = TrainerState(**numbers)
        self.model.load_state_dict(model)
        self.average.module.load_state_dict(average)
        checkpoints.restore_moments(self.optimizer, adamw)


def _undecayed(model: nn.Module) -> set[str]:
    """The parameters that the architecture wants free of weight decay, such as positions."""
    ask = getattr(model, "no_weight_decay", None)
    return set(ask()) if callable(ask) else set()


def _prepare_attention(model: nn.Module, device: torch.device) -> None:
    """On a CPU the fused attention's backward pass takes three times as long as the plain one's (64 tokens)."""
    if device.type != "cpu":
        return
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            setattr(module, "fused_attn", False)  # noqa: B010 - an attribute that nn.Module does not declare
