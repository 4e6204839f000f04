from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.datasets.dataset import Dataset
from core.engine import checkpoints
from core.errors import ComputationFailed, Damaged
from core.learning.classifier.models import Learner
from core.learning.classifier.targets import MixRecipe
from core.learning.classifier.teacher import TeacherPredictions
from core.learning.classifier.trainer import CLIP_NORM, MIN_RATE, Trainer
from core.learning.classifier.views import Views
from tests.core.learning.classifier.small import ARCHITECTURES, SIDE, VIEWS, equal, learner, trained, trainer, weights
from tests.support.squares import squares

PLAIN = {"views": replace(VIEWS, min_crop=1, flip=False, magnitude=0), "mix": MixRecipe(0, 0, 0)}
each_family = pytest.mark.parametrize("family", ARCHITECTURES)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Three batches of four, and two of each class to measure with."""
    return squares(each=4, held_out=2, side=SIDE)


class FixedTeacher(TeacherPredictions):
    """A teacher with fixed predictions instead of a network."""

    def __init__(self, batches: int = 3, batch: int = 4, classes: int = 3) -> None:
        self.probabilities = (
            torch.rand(batches, batch, classes, generator=torch.Generator().manual_seed(1)).softmax(-1).half()
        )

    def of_epoch(self, views: Views, epoch: int, report: Callable[[float], None]) -> Tensor:  # noqa: ARG002
        return self.probabilities


def stir() -> None:
    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.seed()


# going on


@each_family
@pytest.mark.parametrize(("distinct_views", "half"), [(0, False), (1, True)])
def test_a_training_resumed_after_every_batch_ends_with_the_same_weights(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, family: str, distinct_views: int, half: bool
) -> None:
    monkeypatch.setattr("core.learning.classifier.trainer.half_precision", lambda _device: half)

    def fresh() -> Trainer:
        return trainer(dataset, family, FixedTeacher(), distinct_views=distinct_views)

    undisturbed, content, cuts = trained(fresh()), fresh().to_bytes(), 0
    while True:
        stir()
        part = fresh()
        part.resume(content)
        if part.done:
            break
        next(part.epoch(), None)
        content, cuts = part.to_bytes(), cuts + 1
    assert cuts == 8  # two epochs: three batches, and what follows the last one
    assert equal(weights(part), weights(undisturbed))
    assert equal(weights(part, averaged=True), weights(undisturbed, averaged=True))
    assert part.state.losses == undisturbed.state.losses
    assert part.state.top1 == undisturbed.state.top1
    assert 0 < part.state.seconds < 60


def test_a_resumed_training_of_one_step_is_not_the_whole_one(dataset: Dataset) -> None:
    """The test above can fail: going on from elsewhere ends elsewhere."""
    whole, other = trained(trainer(dataset)), trainer(dataset)
    next(other.epoch())
    tensors, numbers = checkpoints.from_bytes(other.to_bytes())
    for change in ({"batch": 2}, {"epoch": 1}):
        moved = trainer(dataset)
        moved.resume(checkpoints.to_bytes(tensors, numbers | change))
        assert not equal(weights(trained(moved)), weights(whole))


def without(prefix: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith(prefix)}


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {},
        without("model."),
        without("ema.fc"),
        lambda tensors: tensors | {"model.more": torch.ones(1)},
        lambda tensors: tensors | {"ema.fc.bias": torch.ones(4)},
    ],
    ids=["nothing", "no model", "part of the average", "more", "another shape"],
)
def test_a_checkpoint_that_does_not_fit_is_damaged_and_changes_nothing(
    dataset: Dataset, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    other = trainer(dataset, learner("cnn", seed=5))
    next(other.epoch())
    tensors, numbers = checkpoints.from_bytes(other.to_bytes())
    part = trainer(dataset)
    before = weights(part), weights(part, averaged=True)
    with pytest.raises(Damaged, match="does not fit"):
        part.resume(checkpoints.to_bytes(change(tensors), numbers))
    assert equal(weights(part), before[0])
    assert equal(weights(part, averaged=True), before[1])
    assert equal(weights(trained(part)), weights(trained(trainer(dataset))))


# what decides


@each_family
def test_the_same_seed_gives_the_same_weights_and_global_generators_are_unchanged(
    dataset: Dataset, family: str
) -> None:
    stir()
    before = random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002
    first = trained(trainer(dataset, family))
    assert (random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    stir()
    assert equal(weights(trained(trainer(dataset, family))), weights(first))
    assert not equal(weights(trained(trainer(dataset, family, seed=1))), weights(first))


def test_all_architectures_are_trained_on_the_same_views(dataset: Dataset) -> None:
    inputs_seen: dict[str, list[Tensor]] = {family: [] for family in ARCHITECTURES}
    for family, pictures in inputs_seen.items():
        one = trainer(dataset, family)
        one.model.register_forward_pre_hook(lambda _, inputs, to=pictures: to.append(inputs[0].clone()))
        trained(one)
    first, *rest = inputs_seen.values()
    assert len(first) == 6
    assert all(torch.equal(a, b) for other in rest for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("family", ["cnn", "vit", "mixer"])
def test_an_easy_task_is_learned(family: str) -> None:
    one = trainer(squares(each=24, held_out=8, side=SIDE), family, **PLAIN, epochs=5, batch=12, learning_rate=0.005)
    before = one.accuracy(one.logits(one.ema.module))
    trained(one)
    min_loss = -0.9333 * math.log(0.9333) - 2 * 0.0333 * math.log(0.0333)  # what smoothed labels leave of the loss
    assert min_loss < one.state.losses[-1] < 0.6 * one.state.losses[0]
    assert before < 0.8
    assert one.state.top1[-1] > 0.95


def test_only_the_classifier_of_a_frozen_network_learns_and_its_norms_stay(dataset: Dataset) -> None:
    free = learner("cnn")
    free.model.requires_grad_(requires_grad=False)
    free.model.get_classifier().requires_grad_(requires_grad=True)  # type: ignore[operator]
    one = trainer(dataset, replace(free, frozen=True))
    before = weights(one)
    trained(one)
    for averaged in (False, True):
        after = weights(one, averaged)
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed == {"fc.weight", "fc.bias"}
    assert any("running_mean" in name for name in before)


def test_a_network_that_is_not_frozen_learns_its_norms_too(dataset: Dataset) -> None:
    one = trainer(dataset)
    before = weights(one)
    after = weights(trained(one))
    assert [name for name in before if torch.equal(before[name], after[name])] == []


# the recipe in closed form


@pytest.mark.parametrize(("warmup", "epochs"), [(1.5, 6), (0, 3), (10, 4)])
def test_the_learning_rate_is_a_linear_warmup_and_a_cosine_decay(dataset: Dataset, warmup: float, epochs: int) -> None:
    one = trainer(dataset, warmup_epochs=warmup, epochs=epochs, learning_rate=0.2)
    warm, total = warmup * 3, epochs * 3  # three batches an epoch
    for step in range(total):
        if step < warm:
            expected = 0.2 * (step + 1) / warm
        else:
            expected = 0.2 * (MIN_RATE + (1 - MIN_RATE) * (1 + math.cos(math.pi * (step - warm) / (total - warm))) / 2)
        assert one.learning_rate(step) == pytest.approx(expected)
    if warm < total:
        assert one.learning_rate(math.ceil(warm)) == pytest.approx(0.2, rel=0.02)
        assert one.learning_rate(total) == pytest.approx(0.2 * MIN_RATE)


def test_each_step_has_its_learning_rate(dataset: Dataset) -> None:
    one, rates = trainer(dataset), []
    while not one.done:
        rates += [{group["lr"] for group in one.optimizer.param_groups} for _ in one.epoch()]
    assert rates == [{one.learning_rate(step)} for step in range(6)]


def test_the_averaged_weights_are_those_computed_by_hand(dataset: Dataset) -> None:
    one = trainer(dataset, ema_decay=0.7)
    expected = {name: tensor.double() for name, tensor in weights(one).items()}
    step = 0
    while not one.done:
        for _ in one.epoch():
            decay = min(0.7, 1 - (1 + step) ** (-2 / 3))  # while there is little to average, the average is short
            now = weights(one)
            expected = {name: decay * expected[name] + (1 - decay) * now[name].double() for name in expected}
            step += 1
    result = weights(one, averaged=True)
    assert step == 6
    for name, tensor in expected.items():
        if result[name].is_floating_point():
            assert torch.allclose(result[name].double(), tensor, atol=1e-6), name


@pytest.mark.parametrize(("family", "positions"), [("cnn", set()), ("vit", {"pos_embed", "cls_token"})])
def test_weights_decay_and_norms_biases_and_positions_do_not(
    dataset: Dataset, family: str, positions: set[str]
) -> None:
    """Decay is apart from the gradient: after one step the two differ by rate * decay * weight, and by nothing else."""
    start = weights(trainer(dataset, family))
    without_it, with_it = (trainer(dataset, family, weight_decay=decay, warmup_epochs=0) for decay in (0, 0.5))
    for one in (without_it, with_it):
        next(one.epoch())
    decayed = set()
    for name, parameter in with_it.model.named_parameters():
        lost = weights(without_it)[name] - parameter
        if lost.abs().max() > 0:
            assert torch.allclose(lost, 0.01 * 0.5 * start[name], atol=1e-6), name
            decayed.add(name)
    undecayed = {name for name, parameter in with_it.model.named_parameters() if parameter.ndim <= 1} | positions
    assert decayed == {name for name, _ in with_it.model.named_parameters()} - undecayed


class Probe(nn.Module):
    """Logits that are parameters and do not depend on the picture."""

    def __init__(self, logits: list[float], scale: float) -> None:
        super().__init__()
        self.logits, self.scale = nn.Parameter(torch.tensor(logits)), scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.logits.expand(len(x), -1)


def probe(logits: list[float], scale: float = 1.0) -> Learner:
    model = Probe(logits, scale)
    return Learner(model, "probe", {}, SIDE)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_the_cross_entropy_of_smoothed_labels(dataset: Dataset, smoothing: float) -> None:
    one = trainer(dataset, probe([0.0, 1.0, 2.0]), label_smoothing=smoothing, mix=MixRecipe(0, 0, 0))
    _, (_, labels) = next(iter(one.views.batches(0)))
    logs = np.log(np.exp([0.0, 1.0, 2.0]) / np.exp([0.0, 1.0, 2.0]).sum())
    expected = np.mean([-(1 - smoothing) * logs[label] - smoothing * logs.mean() for label in labels])
    assert next(one.epoch()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_teacher_s_predictions_have_their_weight(dataset: Dataset, share: float) -> None:
    teacher = FixedTeacher()
    changes = {"label_smoothing": 0.0, "mix": MixRecipe(0, 0, 0), "distillation_weight": share}
    one = trainer(dataset, probe([0.0, 1.0, 2.0]), teacher, **changes)
    _, (_, labels) = next(iter(one.views.batches(0)))
    expected = (1 - share) * torch.eye(3)[labels] + share * teacher.probabilities[0].float()
    expected = -(expected * torch.tensor([0.0, 1.0, 2.0]).log_softmax(0)).sum(dim=1).mean()
    assert next(one.epoch()) == pytest.approx(float(expected), rel=1e-5)


def test_gradients_are_clipped(dataset: Dataset) -> None:
    one = trainer(dataset, probe([0.0, 0.1, 0.2], scale=1000.0))
    next(one.epoch())
    (gradient,) = [parameter.grad for parameter in one.model.parameters()]
    assert gradient is not None
    assert float(gradient.norm()) == pytest.approx(CLIP_NORM, rel=1e-4)


def test_repeated_views_are_mixed_differently(dataset: Dataset) -> None:
    one, inputs_seen = trainer(dataset, mix=MixRecipe(1, 1.0, 0), distinct_views=1), []
    one.model.register_forward_pre_hook(lambda _, inputs: inputs_seen.append(inputs[0].clone()))
    trained(one)
    assert len({batch.numpy().tobytes() for batch in inputs_seen}) == 6


def test_the_mean_loss_and_the_accuracy_of_each_epoch_are_kept(dataset: Dataset) -> None:
    one = trainer(dataset, probe([0.0, 9.0, 0.0]), learning_rate=1e-6)
    losses = list(one.epoch())
    assert one.state.losses == [pytest.approx(sum(losses) / 3)]
    assert one.state.top1 == [pytest.approx(1 / 3)]
    assert one.logits(one.ema.module).argmax(dim=1).tolist() == [1] * 6
    json.dumps(vars(one.state), allow_nan=False)


def test_equal_logits_have_the_accuracy_of_chance(dataset: Dataset) -> None:
    one = trainer(dataset, probe([2.0, 2.0, 2.0]))
    assert one.accuracy(one.logits(one.ema.module)) == pytest.approx(1 / 3)
    two = trainer(dataset, probe([2.0, 2.0, -9.0]))
    assert two.accuracy(two.logits(two.ema.module)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_averaged_weights_that_are_not_finite_have_no_accuracy(dataset: Dataset, broken: float) -> None:
    one = trainer(dataset, probe([broken, 0.0, 0.0]))
    with pytest.raises(ComputationFailed, match="output is not finite"):
        one.accuracy(one.logits(one.ema.module))


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_training(dataset: Dataset, broken: float) -> None:
    one = trainer(dataset, probe([broken, 0.0, 0.0]))
    with pytest.raises(ComputationFailed, match=r"^the loss was (nan|inf) at step 0: try a lower learning rate$"):
        next(one.epoch())
