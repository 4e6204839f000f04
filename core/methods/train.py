"""Train: a network learns to name pictures; the same recipe for every architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import field_validator, model_validator

from core import engine, learning
from core.errors import BadInput, BadParameter, Damaged, NetworkUnavailable
from core.items import Item, Result, Scalar, Series, Table, Weights
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.folders import model_arguments
from core.networks.tables import families

if TYPE_CHECKING:
    from core.learning.classifier.models import Learner
    from core.learning.classifier.trainer import Recipe, Trainer, TrainerState
    from core.media.picture import Picture

HALF_MAY_COST = 0.001
"""Of the accuracy, as a share: weights are kept in half precision where they lose no more."""


class Train(Method):
    """Any of timm's networks from random weights, by AdamW under a cosine; see `core.learning.classifier`."""

    title: ClassVar[str] = "Train a network"
    summary: ClassVar[str] = (
        "How well, and how fast, does an architecture learn to name these pictures? "
        "One recipe for all, so that networks differ in nothing but their architecture."
    )
    source: ClassVar[str] = (
        "AdamW (Loshchilov and Hutter 2019), label smoothing (Szegedy et al. 2016), RandAugment (Cubuk et al. 2020), "
        "mixup (Zhang et al. 2018), CutMix (Yun et al. 2019), distillation (Hinton et al. 2015), "
        "as timm's recipes combine them (Wightman et al. 2021, arXiv:2110.00476)"
    )
    family: ClassVar[MethodFamily] = "training"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("network", "weights", "The trained network: averaged weights and timm's configuration"),
        Output("accuracy", "series", "Accuracy of the averaged weights on the held-out pictures after each epoch"),
        Output("loss", "series", "Mean loss of each epoch, as the recipe alters pictures and labels"),
        Output("confusions", "table", "What the network takes for what most often, among the held-out pictures"),
        Output("top1", "scalar", "Share of the held-out pictures that are named right"),
        Output("parameters", "scalar", "Numbers that were learned"),
    )

    pretrained: str = parameter("", "Identity of a trained network to go on from; empty: random weights.")
    freeze_backbone: bool = parameter(
        default=False, description="Of the network to go on from, only the classifier learns."
    )
    architecture: str = parameter("resnet18", "timm's name of an architecture, or concentrator or open_mixer.")
    model_args: dict[str, bool | int | float | str | list[int] | list[float]] = parameter(
        {}, "What the architecture is built with, such as depth and embed_dim: names and values."
    )
    input_px: int = parameter(64, "Side of the pictures that the network takes.", unit="px", ge=16, le=512)
    epochs: int = parameter(30, "How often each picture is shown.", unit="", ge=1, le=10_000)
    batch_size: int = parameter(128, "Pictures a step.", unit="", ge=2, le=8192)
    learning_rate: float = parameter(1e-3, "Step size at its highest.", unit="", gt=0, le=1)
    warmup_epochs: float = parameter(1.0, "Epochs over which the step size rises.", unit="epochs", ge=0, le=100)
    weight_decay: float = parameter(0.05, "Decay of the weights, a step, times the step size.", unit="", ge=0, le=10)
    label_smoothing: float = parameter(0.1, "Share of a label that is spread over all classes.", unit="", ge=0, lt=1)
    min_crop: float = parameter(0.35, "Share of a picture that a crop keeps at least.", unit="", ge=0.05, le=1)
    flip: bool = parameter(default=True, description="Show half of the pictures mirrored.")
    randaugment: float = parameter(5.0, "Strength of RandAugment's two augmentations; 0: none.", unit="", ge=0, le=10)
    sharpen: float = parameter(
        1.0, "Pictures are sharpened by 0 to so much: enlarged crops are soft, pictures as such are not.", unit="",
        ge=0, le=4,
    )  # fmt: skip
    jitter: float = parameter(
        0.5, "Whenever a view is shown it is moved, zoomed and recolored a little; the teacher is not asked again.",
        unit="", ge=0, le=2,
    )  # fmt: skip
    mix_share: float = parameter(0.25, "Share of the batches whose pictures are mixed in pairs.", unit="", ge=0, le=1)
    mixup_alpha: float = parameter(0.2, "Beta parameter of mixup; 0: no mixup.", unit="", ge=0, le=10)
    cutmix_alpha: float = parameter(1.0, "Beta parameter of CutMix; 0: no CutMix.", unit="", ge=0, le=10)
    ema_decay: float = parameter(0.998, "Decay of the moving average of the weights, a step.", unit="", ge=0, lt=1)
    distinct_views: int = parameter(
        0, "Epochs after which the same views of the pictures come again; 0: never.", unit="epochs", ge=0, le=10_000
    )
    teacher: str = parameter("", "Identity of a trained network whose answers are learned too; empty: none.")
    distillation_weight: float = parameter(
        0.5, "Weight of the teacher's answers against the labels.", unit="", ge=0, le=1
    )

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in families():
            raise ValueError(f"there is no architecture {name[:80]!r}; timm's, concentrator and open_mixer are known")
        return name

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.pretrained and self.model_args:
            raise ValueError("a network to go on from was built with its own arguments, there can be no others")
        if self.freeze_backbone and not self.pretrained:
            raise ValueError("a network that starts from random weights cannot be frozen")
        if self.batch_size % 2:
            raise ValueError(f"batch must be even, as pictures are mixed in pairs, got {self.batch_size}")
        try:
            model_arguments(self.architecture, {"model_args": self.model_args})
        except NetworkUnavailable as error:
            raise ValueError(str(error)) from None
        return self

    def subject(self) -> str:
        start = self.pretrained.partition("#")[0]
        learner = f"{start} with a new classifier" if start else self.architecture
        return f"{learner}, {self.input_px} px, {self.epochs} epoch{'s' * (self.epochs != 1)}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Train from where the checkpoint is, and measure the averaged weights."""
        trainer = self._trainer(context)
        if (content := context.checkpoint.read()) is not None:
            _resume(trainer, content)
        trainer.on_teacher_progress = lambda share: self._report(context, trainer, {"teacher": share})
        timer = engine.checkpoint_timer.CheckpointTimer()
        while not trainer.done:
            context.draw(list(_curves(trainer.state).values()))
            for loss in trainer.epoch():
                self._report(context, trainer, {"loss": loss})
                timer.write_if_due(lambda: context.checkpoint.write(trainer.to_bytes()))
        context.noted["training_seconds"] = round(trainer.state.seconds, 1)
        return self._result(trainer)

    def _report(self, context: Context, trainer: Trainer, numbers: Mapping[str, float]) -> None:
        state, steps = trainer.state, trainer.batches_per_epoch
        top1 = {"top1": state.top1[-1]} if state.top1 else {}
        done = state.epoch * steps + state.batch
        context.report(done, self.epochs * steps, {"epoch": state.epoch + 1, **numbers, **top1})

    def _trainer(self, context: Context) -> Trainer:
        dataset = context.dataset
        if dataset is None:
            raise BadInput("a network is trained on a data set, and none was given")
        if (shown := len(np.unique(dataset.labels))) < 2:
            raise BadInput(f"a network learns to tell two classes apart at least, this data set has {shown}")
        if len(dataset) - int(dataset.held_out.sum()) < self.batch_size:
            raise BadParameter(f"a batch of {self.batch_size} is more than the pictures to learn from")
        examples = learning.classifier.views.Examples(dataset, self.input_px, self.input_px)
        answers = None
        if self.teacher:
            teacher = context.network(self.teacher)
            answers = learning.classifier.teacher.TeacherPredictions(teacher, dataset.digest, dataset.class_names, context.shared)
        learner = self._learner(context, len(dataset.class_names))
        return learning.classifier.trainer.Trainer(
            learner, examples, self._recipe(context.seed), context.device, answers
        )

    def _learner(self, context: Context, classes: int) -> Learner:
        new = learning.classifier.models
        if not self.pretrained:
            return new.random_learner(self.architecture, self.model_args, classes, self.input_px, context.seed)
        start = context.network(self.pretrained)
        return new.trained_learner(start, classes, self.input_px, context.seed, frozen=self.freeze_backbone)

    def _recipe(self, seed: int) -> Recipe:
        trainer, views, targets = learning.classifier.trainer, learning.classifier.views, learning.classifier.targets
        return trainer.Recipe(
            views=views.ViewRecipe(self.input_px, self.input_px, self.min_crop, self.flip, self.randaugment),
            mix=targets.MixRecipe(self.mix_share, self.mixup_alpha, self.cutmix_alpha),
            epochs=self.epochs,
            batch=self.batch_size,
            learning_rate=self.learning_rate,
            warmup_epochs=self.warmup_epochs,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            ema_decay=self.ema_decay,
            distillation_weight=self.distillation_weight,
            distinct_views=self.distinct_views,
            seed=seed,
            sharpen=self.sharpen,
            jitter=self.jitter,
        )

    def _result(self, trainer: Trainer) -> Result:
        """The averaged weights, in half precision where that costs no accuracy, and what they are worth."""
        model, examples = trainer.ema.module, trainer.examples
        full, halved = learning.classifier.models.copied(model), learning.classifier.models.halved(model)
        named = trainer.predictions(model, full_precision=True)
        model.load_state_dict(halved)
        named_by_half = trainer.predictions(model, full_precision=True)
        keep_half = trainer.accuracy(named) - trainer.accuracy(named_by_half) <= HALF_MAY_COST
        tensors, named = (halved, named_by_half) if keep_half else (full, named)
        confusions = learning.classifier.models.confusions(named, examples.held_out_labels, examples.class_names)
        items: dict[str, Item] = {
            "network": Weights(
                tensors=learning.classifier.models.arrays(tensors),
                config=trainer.learner.configuration(examples.class_names),
            ),
            **_curves(trainer.state),
            "confusions": Table(columns=("Picture of", "Taken for", "Times", "Of"), rows=tuple(confusions)),
            "top1": Scalar(value=trainer.accuracy(named), unit="share"),
            "parameters": Scalar(value=sum(part.numel() for part in model.parameters())),
        }
        return Result({output.name: replace(items[output.name], caption=output.caption) for output in self.outputs})


def _resume(trainer: Trainer, content: bytes) -> None:
    """Go on from a checkpoint; from the start where it is damaged."""
    try:
        trainer.resume(content)
    except Damaged:
        return


def _curves(state: TrainerState) -> dict[str, Series]:
    """Accuracy and loss against the epoch, as far as they go."""
    epochs = np.arange(1, len(state.top1) + 1, dtype=np.float32)
    accuracy = np.asarray(state.top1, np.float32)
    loss = np.asarray(state.losses, np.float32)
    return {
        "accuracy": Series(x=epochs, y=accuracy, x_label="Epoch", y_label="Accuracy, share of held-out pictures"),
        "loss": Series(x=epochs, y=loss, x_label="Epoch", y_label="Loss"),
    }
