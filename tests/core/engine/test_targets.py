from __future__ import annotations

import torch

from core.engine.targets import chosen, kept

ANSWER = torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])


def test_a_kept_answer_costs_nothing_and_every_class_counts_alike() -> None:
    target = kept(ANSWER)
    assert target.loss(ANSWER).tolist() == [0.0, 0.0]
    moved = ANSWER + torch.tensor([0.3, 0.0, 0.0])
    torch.testing.assert_close(target.loss(moved), torch.full((2,), 0.09 / 3))


def test_only_the_chosen_classes_count_each_with_its_weight() -> None:
    target = chosen({2: (1.0, 4.0), 0: (0.0, 0.5)}, ANSWER)
    expected = [(4 * (1 - z) ** 2 + 0.5 * a**2) / 3 for a, _, z in ANSWER.tolist()]  # the third weighs 0
    torch.testing.assert_close(target.loss(ANSWER), torch.tensor(expected))


def test_asking_for_every_class_is_keeping_the_answer() -> None:
    goals = {index: (value, 1.0) for index, value in enumerate(ANSWER[0].tolist())}
    torch.testing.assert_close(chosen(goals, ANSWER).loss(ANSWER), kept(ANSWER[:1]).loss(ANSWER))


def test_the_gradient_is_the_formulas() -> None:
    answer = ANSWER.clone().requires_grad_()
    chosen({1: (1.0, 3.0)}, ANSWER).loss(answer).sum().backward()
    expected = torch.zeros(2, 3)
    expected[:, 1] = 2 * 3 * (ANSWER[:, 1] - 1) / 3
    torch.testing.assert_close(answer.grad, expected)


def test_what_is_kept_does_not_follow_the_answer() -> None:
    answer = ANSWER.clone().requires_grad_()
    assert not kept(answer).values.requires_grad
