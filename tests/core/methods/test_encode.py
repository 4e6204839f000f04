from __future__ import annotations

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.errors import BadInput
from core.items import Embedding, Result
from core.learning.autoencoder.inputs import prepare_all
from core.learning.autoencoder.stored import as_weights
from core.methods import make_method
from tests.core.learning.autoencoder.fitting import untrained
from tests.support.contexts import StoredContext
from tests.support.squares import squares

KEY = "a" * 64
MODEL = untrained(architecture="linear", code=20).eval()


def run(dataset: Dataset | None) -> Result:
    context = StoredContext({KEY: {"network": as_weights(MODEL)}}, dataset=dataset)
    return make_method("encode", {"model": KEY}).run_without_network([], context)


def codes(result: Result, name: str = "codes") -> Embedding:
    item = result.items[name]
    assert isinstance(item, Embedding)
    return item


def test_codes_have_the_order_of_the_data_set() -> None:
    dataset = squares(each=4, held_out=2)
    item = codes(run(dataset))
    expected = MODEL.encode(prepare_all(dataset, MODEL.design, "cpu").float() / 255).detach().numpy()
    assert item.points == pytest.approx(expected, abs=1e-5)
    assert list(item.labels) == [dataset.class_names[label] for label in dataset.labels]


def test_codes_of_digits_are_projected_and_classified() -> None:
    result = run(digits())
    assert codes(result).points.shape == (1797, 20)
    for name in ("codes_pca", "codes_tsne"):
        assert codes(result, name).points.shape == (1000, 2)
        assert codes(result, name).thumbnails is not None
    assert 0.7 < result.metrics["accuracy_codes"] <= result.metrics["accuracy_pixels"]


def test_images_of_one_class_have_no_accuracy() -> None:
    dataset = squares(each=3, held_out=1, classes=1)
    result = run(dataset)
    accuracies = [value for name, value in result.metrics.items() if name.startswith("accuracy")]
    assert accuracies == [None, None]
    assert np.isfinite(result.metrics["squared_error"])


def test_a_data_set_is_required() -> None:
    with pytest.raises(BadInput, match="are a data set, and none was given"):
        run(None)
