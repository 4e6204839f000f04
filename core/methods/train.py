"""Train: a network learns to classify images; the recipe is the same for every architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import field_validator, model_validator

from core import engine, learning
from core.errors import BadInput, BadParameter
from core.items import Item, Result, Scalar, Series, Table, Weights
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.config import model_arguments
from core.networks.tables import families

if TYPE_CHECKING:
    from core.learning.classifier.models import Learner
    from core.learning.classifier.teacher import TeacherPredictions
    from core.learning.classifier.trainer import Recipe, Trainer, TrainerState
    from core.media.picture import Picture

CONFUSION_COLUMNS = ("true class", "predicted class", "count", "images of the class")
MAX_ACCURACY_LOSS = 0.001
"""Loss of accuracy, as a share, up to which weights are stored in half precision."""


class Train(Method):
    """Any timm architecture, trained with AdamW and a cosine schedule; see `core.learning.classifier`."""

    title: ClassVar[str] = "Train a network"
    summary: ClassVar[str] = (
        "How well and how fast does an architecture learn to classify these images? All architectures are trained with "
        "the same recipe, so that only the architecture differs."
    )
    source: ClassVar[str] = (
        "Loshchilov and Hutter 2017, arXiv:1711.05101 (AdamW); "
        "Szegedy et al. 2015, arXiv:1512.00567 (label smoothing); "
        "Cubuk et al. 2019, arXiv:1909.13719 (RandAugment); Zhang et al. 2017, arXiv:1710.09412 (mixup); "
        "Yun et al. 2019, arXiv:1905.04899 (CutMix); Hinton et al. 2015, arXiv:1503.02531 (distillation); "
        "Wightman et al. 2021, arXiv:2110.00476 (recipe)"
    )
    family: ClassVar[MethodFamily] = "training"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("network", "weights", "Trained network: averaged weights and timm's configuration"),
        Output("accuracy", "series", "Validation accuracy of the averaged weights after each epoch"),
        Output("loss", "series", "Training loss with all augmentations, mean of each epoch"),
        Output("confusions", "table", "Most frequent confusions among the validation images"),
        Output("top1", "scalar", "Validation accuracy (top-1)"),
        Output("parameters", "scalar", "Number of trained parameters"),
    )

    pretrained: str = parameter("", "Pretrained network, by its identity. Default: random weights.")
    freeze_backbone: bool = parameter(
        default=False, description="Train the classifier only, with all other weights of the pretrained network frozen."
    )
    architecture: str = parameter("resnet18", "Architecture: a name of timm's, `concentrator` or `open_mixer`.")
    model_args: dict[str, bool | int | float | str | list[int] | list[float]] = parameter(
        {}, "Arguments of the architecture, such as depth and embed_dim: names and values."
    )
    input_px: int = parameter(64, "Side of the network's input.", unit="px", ge=16, le=512)
    epochs: int = parameter(30, "Passes over all training images.", unit="", ge=1, le=10_000)
    batch_size: int = parameter(128, "Batch size.", unit="", ge=2, le=8192)
    learning_rate: float = parameter(1e-3, "Maximum learning rate.", unit="", gt=0, le=1)
    warmup_epochs: float = parameter(
        1.0, "Epochs in which the learning rate rises to its maximum.", unit="epochs", ge=0, le=100
    )
    weight_decay: float = parameter(0.05, "Weight decay of AdamW.", unit="", ge=0, le=10)
    label_smoothing: float = parameter(0.1, "Share of a label that is spread over all classes.", unit="", ge=0, lt=1)
    min_crop: float = parameter(0.35, "Minimum area of a random crop, as a share of the image.", unit="", ge=0.05, le=1)
    flip: bool = parameter(default=True, description="Mirror half of the images.")
    randaugment: float = parameter(
        5.0, "Magnitude of RandAugment, two augmentations per image; 0: none.", unit="", ge=0, le=10
    )
    sharpen: float = parameter(
        1.0, "Maximum random sharpening, since enlarged crops are blurrier than whole images; 0: none.", unit="", ge=0,
        le=4,
    )  # fmt: skip
    jitter: float = parameter(
        0.5, "Strength of a random shift, zoom and color change at each use of a view; it needs no new teacher "
        "prediction.", unit="", ge=0, le=2,
    )  # fmt: skip
    mix_share: float = parameter(0.25, "Share of batches whose images are mixed in pairs.", unit="", ge=0, le=1)
    mixup_alpha: float = parameter(0.2, "Parameter of mixup's beta distribution; 0: no mixup.", unit="", ge=0, le=10)
    cutmix_alpha: float = parameter(1.0, "Parameter of CutMix's beta distribution; 0: no CutMix.", unit="", ge=0, le=10)
    ema_decay: float = parameter(0.998, "Decay per step of the averaged weights (EMA).", unit="", ge=0, lt=1)
    distinct_views: int = parameter(
        0, "Epochs after which the same augmented views repeat; 0: never.", unit="epochs", ge=0, le=10_000
    )
    teacher: str = parameter("", "Teacher: a trained network for distillation, by its identity. Default: none.")
    distillation_weight: float = parameter(
        0.5, "Weight of the teacher's predictions; the labels have the rest.", unit="", ge=0, le=1
    )

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in families():
            raise ValueError(f"there is no architecture {name[:80]!r}: take one of timm's, concentrator or open_mixer")
        return name

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.pretrained and self.model_args:
            raise ValueError("model_args must be empty for a pretrained network, which has its own")
        if self.freeze_backbone and not self.pretrained:
            raise ValueError("freeze_backbone needs a pretrained network: random weights must be trained")
        if self.batch_size % 2:
            raise ValueError(f"batch_size must be even, as images are mixed in pairs, got {self.batch_size}")
        model_arguments(self.model_args)
        return self

    def subject(self) -> str:
        start = self.pretrained.partition("#")[0]
        learner = f"{start} with a new classifier" if start else self.architecture
        return f"{learner}, {self.input_px} px, {self.epochs} epoch{'s' * (self.epochs != 1)}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Train from the checkpoint on, and evaluate the averaged weights."""
        trainer = self._trainer(context)
        engine.checkpoints.resume(context.checkpoint, trainer.resume)
        trainer.on_teacher_progress = lambda share: self._report(context, trainer, {"teacher": share})
        timer = engine.checkpoint_timer.CheckpointTimer()
        while not trainer.done:
            context.draw(list(_curves(trainer.state).values()))
            for loss in trainer.epoch():
                self._report(context, trainer, {"loss": loss})
                timer.write_if_due(lambda: context.checkpoint.write(trainer.to_bytes()))
        context.noted["training_seconds"] = round(trainer.state.seconds, 1)
        return self._result(trainer)

    def _report(self, context: Context, trainer: Trainer, scalars: Mapping[str, float]) -> None:
        state, steps = trainer.state, trainer.batches_per_epoch
        top1 = {"top1": state.top1[-1]} if state.top1 else {}
        done = state.epoch * steps + state.batch
        context.report(done, self.epochs * steps, {"epoch": state.epoch + 1, **scalars, **top1})

    def _trainer(self, context: Context) -> Trainer:
        dataset = context.dataset
        if dataset is None:
            raise BadInput("a network is trained on a data set, and none was given")
        if (count := len(np.unique(dataset.labels))) < 2:
            raise BadInput(f"a classifier needs at least two classes, this data set has {count}")
        training = len(dataset) - int(dataset.held_out.sum())
        if training < self.batch_size:
            raise BadParameter(f"batch_size must be at most {training}, the training images, got {self.batch_size}")
        examples = learning.classifier.views.Examples(dataset, self.input_px, self.input_px)
        learner = self._learner(context, len(dataset.class_names))
        teacher = self._teacher(context, dataset.digest, dataset.class_names)
        return learning.classifier.trainer.Trainer(
            learner, examples, self._recipe(context.seed), context.device, teacher
        )

    def _teacher(self, context: Context, digest: str, class_names: Sequence[str]) -> TeacherPredictions | None:
        if not self.teacher:
            return None
        teacher = context.network(self.teacher)
        return learning.classifier.teacher.TeacherPredictions(teacher, digest, class_names, context.shared)

    def _learner(self, context: Context, classes: int) -> Learner:
        models = learning.classifier.models
        if not self.pretrained:
            return models.random_learner(self.architecture, self.model_args, classes, self.input_px, context.seed)
        start = context.network(self.pretrained)
        return models.trained_learner(start, classes, self.input_px, context.seed, frozen=self.freeze_backbone)

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
        """The averaged weights, in half precision where that costs no accuracy, and their evaluation."""
        model, examples, models = trainer.ema.module, trainer.examples, learning.classifier.models
        full, half = models.copied(model), models.halved(model)
        full_logits = trainer.logits(model, full_precision=True)
        model.load_state_dict(half)
        half_logits = trainer.logits(model, full_precision=True)
        accuracy = trainer.accuracy(full_logits)
        overflows = not half_logits.isfinite().all()
        keep_half = not overflows and accuracy - trainer.accuracy(half_logits) <= MAX_ACCURACY_LOSS
        tensors, logits = (half, half_logits) if keep_half else (full, full_logits)
        confusions = models.confusions(logits.argmax(dim=1), examples.held_out_labels, examples.class_names)
        items: dict[str, Item] = {
            "network": Weights(
                tensors=models.arrays(tensors), config=trainer.learner.configuration(examples.class_names)
            ),
            **_curves(trainer.state),
            "confusions": Table(columns=CONFUSION_COLUMNS, rows=tuple(confusions)),
            "top1": Scalar(value=trainer.accuracy(logits), unit="share"),
            "parameters": Scalar(value=sum(part.numel() for part in model.parameters())),
        }
        return self.result(items)


def _curves(state: TrainerState) -> dict[str, Series]:
    """Accuracy and loss of all finished epochs."""
    epochs = np.arange(1, len(state.top1) + 1, dtype=np.float32)
    accuracy = np.asarray(state.top1, np.float32)
    loss = np.asarray(state.losses, np.float32)
    return {
        "accuracy": Series(x=epochs, y=accuracy, x_label="Epoch", y_label="Validation accuracy"),
        "loss": Series(x=epochs, y=loss, x_label="Epoch", y_label="Loss"),
    }
