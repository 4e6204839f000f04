from __future__ import annotations

import torch

from core.engine.targets import all_classes, some_classes

ANSWER = torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])


def test_unchanged_logits_cost_nothing_and_every_class_counts_alike() -> None:
    target = all_classes(ANSWER)
    assert target.loss(ANSWER).tolist() == [0.0, 0.0]
    moved = ANSWER + torch.tensor([0.3, 0.0, 0.0])
    torch.testing.assert_close(target.loss(moved), torch.full((2,), 0.09 / 3))


def test_only_the_selected_classes_count_each_with_its_weight() -> None:
    target = some_classes({2: (1.0, 4.0), 0: (0.0, 0.5)}, ANSWER)
    expected = [(4 * (1 - z) ** 2 + 0.5 * a**2) / 3 for a, _, z in ANSWER.tolist()]  # the third weighs 0
    torch.testing.assert_close(target.loss(ANSWER), torch.tensor(expected))


def test_targets_for_all_classes_equal_the_logits_kept() -> None:
    goals = {index: (value, 1.0) for index, value in enumerate(ANSWER[0].tolist())}
    torch.testing.assert_close(some_classes(goals, ANSWER).loss(ANSWER), all_classes(ANSWER[:1]).loss(ANSWER))


def test_the_gradient_is_the_formulas() -> None:
    logits = ANSWER.clone().requires_grad_()
    some_classes({1: (1.0, 3.0)}, ANSWER).loss(logits).sum().backward()
    expected = torch.zeros(2, 3)
    expected[:, 1] = 2 * 3 * (ANSWER[:, 1] - 1) / 3
    torch.testing.assert_close(logits.grad, expected)


def test_targets_do_not_follow_the_logits() -> None:
    logits = ANSWER.clone().requires_grad_()
    assert not all_classes(logits).values.requires_grad
