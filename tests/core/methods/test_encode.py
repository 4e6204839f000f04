from __future__ import annotations

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.datasets.digits import digits
from core.errors import BadInput
from core.items import Embedding, Result
from core.learning.autoencoder.inputs import all_fitted
from core.learning.autoencoder.stored import as_weights
from core.method_base.method import Context
from core.methods import make_method
from tests.core.learning.autoencoder.fitting import untrained
from tests.support.squares import squares

KEY = "a" * 64
MODEL = untrained(architecture="linear", code=20).eval()


class Job(Context):
    """Knows one result."""

    def __init__(self, dataset: Dataset | None) -> None:
        super().__init__(0)
        self.dataset = dataset

    def result(self, key: str) -> Result:
        return Result({"network": as_weights(MODEL)}) if key == KEY else super().result(key)


def run(dataset: Dataset | None) -> Result:
    return make_method("encode", {"model": KEY}).run_without_network([], Job(dataset))


def codes(result: Result, name: str = "codes") -> Embedding:
    item = result.items[name]
    assert isinstance(item, Embedding)
    return item


def test_every_picture_has_its_code_in_the_order_of_the_data_set() -> None:
    dataset = squares(each=4, held_out=2)
    found = codes(run(dataset))
    expected = MODEL.encode(all_fitted(dataset, MODEL.design, "cpu").float() / 255).detach().numpy()
    assert found.points == pytest.approx(expected, abs=1e-5)
    assert list(found.labels) == [dataset.class_names[label] for label in dataset.labels]


def test_codes_of_digits_in_the_plane_and_what_they_are_worth() -> None:
    result = run(digits())
    assert codes(result).points.shape == (1797, 20)
    for name in ("codes_pca", "codes_tsne"):
        assert codes(result, name).points.shape == (1000, 2)
        assert codes(result, name).thumbnails is not None
    assert 0.7 < result.metrics["accuracy_codes"] <= result.metrics["accuracy_pixels"]


def test_pictures_of_one_class_have_codes_and_no_accuracy() -> None:
    dataset = squares(each=3, held_out=1, classes=1)
    result = run(dataset)
    assert not any(name.startswith("accuracy") for name in result.metrics)
    assert np.isfinite(result.metrics["squared_error"])


def test_without_a_data_set_it_is_refused() -> None:
    with pytest.raises(BadInput, match="are a data set, and none was given"):
        run(None)
