"""The training: AdamW with a cosine schedule, clipped gradients, averaged weights; resumable at any step."""

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
from core.learning.classifier.models import Learner
from core.learning.classifier.precision import half_precision
from core.learning.classifier.targets import MixRecipe, mixed, smoothed
from core.learning.classifier.teacher import TeacherPredictions
from core.learning.classifier.views import Examples, ViewRecipe, Views
from core.measures.accuracy import top_shares

CLIP_NORM = 1.0
MIN_RATE = 0.01
"""Share of the learning rate that is left at the end."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, except the network, the pictures and the teacher."""

    views: ViewRecipe
    mix: MixRecipe
    epochs: int
    batch: int
    learning_rate: float
    warmup_epochs: float
    weight_decay: float
    label_smoothing: float
    ema_decay: float
    """Decay of the exponential moving average of the weights, per step."""
    distillation_weight: float
    """Weight of the teacher's predictions in the targets; the labels have the rest."""
    distinct_views: int
    """Epochs after which the same views repeat; 0: never. A teacher predicts each view once."""
    seed: int
    sharpen: float = 0.0
    """Maximal amount of sharpening, see `augmentations.sharpened`."""
    jitter: float = 0.0
    """Strength of the augmentation of each view at each step, see `augmentations.jittered`."""


@dataclass
class TrainerState:
    """Progress of a training."""

    epoch: int = 0
    """Finished epochs."""
    batch: int = 0
    """Finished batches of the current epoch."""
    loss_sum: float = 0.0
    """Sum of the losses of these batches."""
    seconds: float = 0.0
    """Computing time, summed over restarts, without the teacher's."""
    losses: list[float] = field(default_factory=list)
    """Mean loss of each epoch."""
    top1: list[float] = field(default_factory=list)
    """Held-out accuracy of the averaged weights after each epoch, 0 to 1."""


class Trainer:
    """Trains a timm model; the caller decides when to save and when to stop."""

    def __init__(
        self,
        learner: Learner,
        examples: Examples,
        recipe: Recipe,
        device: torch.device | str,
        teacher: TeacherPredictions | None = None,
    ) -> None:
        device = torch.device(device)
        self.learner = learner
        model = learner.model.to(device).to(memory_format=torch.channels_last)
        self.model: nn.Module = model.eval() if learner.frozen else model.train()
        _prepare_attention(self.model, device)
        self.ema = ModelEmaV3(self.model, decay=recipe.ema_decay, use_warmup=True)
        self.examples, self.recipe, self.device, self.teacher = examples, recipe, device, teacher
        groups = param_groups_weight_decay(model, recipe.weight_decay, no_weight_decay_list=_undecayed(model))
        # foreach, not fused: a fused step depends on where tensors lie in memory, which a restart changes
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, foreach=True)
        self.views = Views(examples, recipe.views, recipe.batch, recipe.seed, recipe.distinct_views, device)
        self.state = TrainerState()
        self.on_teacher_progress: Callable[[float], None] = lambda _: None
        """Called with the share of an epoch's views that the teacher has predicted."""
        self.batches_per_epoch = len(examples.training) // recipe.batch
        self._mean = torch.tensor(learner.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(learner.std, device=device).view(1, 3, 1, 1)
        self._half = half_precision(device)

    @property
    def done(self) -> bool:
        """Whether all epochs are finished."""
        return self.state.epoch == self.recipe.epochs

    def epoch(self) -> Iterator[float]:
        """Train the rest of the epoch; yields the loss of each batch. Raises ComputationFailed if one is not finite."""
        state = self.state
        predictions = (
            None if self.teacher is None else self.teacher.of_epoch(self.views, state.epoch, self.on_teacher_progress)
        )
        clock = time.perf_counter()
        for number, (pictures, labels) in self.views.batches(state.epoch, state.batch):
            batch_predictions = None if predictions is None else predictions[number].to(self.device)
            loss = self._step(pictures, labels, batch_predictions, state.epoch * self.batches_per_epoch + number)
            state.batch, state.loss_sum = number + 1, state.loss_sum + loss
            now = time.perf_counter()
            state.seconds, clock = state.seconds + now - clock, now
            yield loss
            clock = time.perf_counter()
        state.top1.append(self.accuracy(self.logits(self.ema.module)))
        state.losses.append(state.loss_sum / self.batches_per_epoch)
        state.epoch, state.batch, state.loss_sum = state.epoch + 1, 0, 0.0
        state.seconds += time.perf_counter() - clock

    def _step(self, pictures: Tensor, labels: Tensor, predictions: Tensor | None, step: int) -> float:
        recipe = self.recipe
        inputs = pictures.to(self.device).float().div_(255)
        generator = np.random.default_rng((recipe.seed, step, 2))
        inputs = jittered(inputs, recipe.jitter, generator, flip=recipe.views.flip)
        inputs = sharpened(inputs, recipe.sharpen, np.random.default_rng((recipe.seed, step, 1)))
        targets = smoothed(labels.to(self.device), len(self.examples.class_names), recipe.label_smoothing)
        if predictions is not None:
            targets = torch.lerp(targets, predictions.float(), recipe.distillation_weight)
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
        self.ema.update(self.model, step + 1)
        return value

    def learning_rate(self, step: int) -> float:
        """Learning rate of step number `step`: linear warm-up, then cosine decay."""
        recipe = self.recipe
        warm, total = recipe.warmup_epochs * self.batches_per_epoch, recipe.epochs * self.batches_per_epoch
        if step < warm:
            return recipe.learning_rate * (step + 1) / warm
        cosine = (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
        return recipe.learning_rate * (MIN_RATE + (1 - MIN_RATE) * cosine)

    def accuracy(self, logits: Tensor) -> float:
        """Accuracy of logits (N, K) on the held-out pictures, 0 to 1, ties by chance. Raises ComputationFailed."""
        return float(top_shares(logits, self.examples.held_out_labels).mean())

    @torch.inference_mode()
    def logits(self, model: nn.Module, *, full_precision: bool = False) -> Tensor:
        """Logits (N, K) of `model` for the held-out pictures; `full_precision`: without autocast."""
        model.eval()
        batches = []
        for chunk in torch.split(self.examples.held_out, 256):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half and not full_precision):
                logits = model(self._normalized(chunk.to(self.device).float().div_(255)))
            batches.append(logits.float().cpu())
        return torch.cat(batches)

    def _normalized(self, inputs: Tensor) -> Tensor:
        return ((inputs - self._mean) / self._std).contiguous(memory_format=torch.channels_last)

    def to_bytes(self) -> bytes:
        """The state of the training, for `resume`."""
        tensors = {
            **checkpoints.prefixed("model", self.model.state_dict()),
            **checkpoints.prefixed("ema", self.ema.module.state_dict()),
            **checkpoints.prefixed("adamw", checkpoints.optimizer_state(self.optimizer)),
        }
        return checkpoints.to_bytes(tensors, asdict(self.state))

    def resume(self, content: bytes) -> None:
        """Continue from what `to_bytes` gave. Raises Damaged, and then nothing has changed."""
        tensors, numbers = checkpoints.from_bytes(content)
        model, ema, adamw = (checkpoints.with_prefix(name, tensors) for name in ("model", "ema", "adamw"))
        if not (checkpoints.fits(model, self.model) and checkpoints.fits(ema, self.ema.module)):
            raise Damaged("the checkpoint does not fit the network")
        self.state = TrainerState(**numbers)
        self.model.load_state_dict(model)
        self.ema.module.load_state_dict(ema)
        checkpoints.load_optimizer_state(self.optimizer, adamw)


def _undecayed(model: nn.Module) -> set[str]:
    """Names of the parameters that the architecture exempts from weight decay, such as position embeddings."""
    exempt = getattr(model, "no_weight_decay", None)
    return set(exempt()) if callable(exempt) else set()


def _prepare_attention(model: nn.Module, device: torch.device) -> None:
    """Disable fused attention on a CPU: its backward pass takes three times as long (64 tokens)."""
    if device.type != "cpu":
        return
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            setattr(module, "fused_attn", False)  # noqa: B010 - an attribute that nn.Module does not declare
