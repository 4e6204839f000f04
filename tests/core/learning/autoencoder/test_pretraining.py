from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from core.learning.autoencoder import pretraining
from core.learning.autoencoder.pretraining import Classifier, FewLabels, random_like
from tests.core.learning.autoencoder.fitting import fitted, pictures, untrained


def test_each_draw_labels_other_pictures_as_many_per_class() -> None:
    question = FewLabels(pictures(), 3, 0)
    labels = pictures().training_labels
    first, second = question.labeled(0), question.labeled(1)
    assert np.bincount(labels[first]).tolist() == [3] * 10
    assert set(first.tolist()) != set(second.tolist())
    assert question.labeled(0).tolist() == first.tolist()


def test_a_classifier_sees_codes_of_mean_zero_and_spread_one() -> None:
    inputs = pictures().training[:200].float() / 255
    classifier = Classifier(untrained(), inputs, 10).eval()
    codes = (classifier.encoder.encode(inputs) - classifier.get_buffer("mean")) / classifier.get_buffer("std")
    assert torch.allclose(codes.mean(0), torch.zeros(4), atol=1e-4)
    assert torch.allclose(codes.std(0, correction=0), torch.ones(4), atol=1e-3)
    assert classifier(inputs).shape == (200, 10)


def test_accuracy_depends_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "STEPS", 10)
    before = torch.get_rng_state()
    result = [FewLabels(pictures(), 2, seed).accuracy(lambda _: untrained()) for seed in (0, 0, 1)]
    assert result[0] == result[1] != result[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_pretraining_helps_where_labels_are_few() -> None:
    trained = fitted(decoder="transposed", epochs=40)
    question = FewLabels(pictures(), 3, 0)
    ahead = question.accuracy(lambda _: deepcopy(trained.model))
    behind = question.accuracy(lambda draw: random_like(trained.model, 0, draw))
    assert ahead > behind > 0.6
