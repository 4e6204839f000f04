from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest

from core.errors import BadInput, BadPicture, ComputationFailed, UnknownNetwork
from core.media.picture import read_picture
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from workers.cli.evaluate import evaluate

LITE = "lite/efficientnet_lite0"
SMALL = "random/test_resnet"
DATA = Path(os.environ.get("GAZEGRID_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def png(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_table(path: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.skipif(not (DATA / "imagenet250").is_dir(), reason="photos of ImageNet are not shipped")
@pytest.mark.parametrize(
    ("name", "stride"), [(LITE, 3), ("lite/efficientnet_lite1", 5), ("lite/efficientnet_lite2", 5)]
)
def test_lite_networks_classify_imagenet_photos_correctly(tmp_path: Path, name: str, stride: int) -> None:
    for photo in sorted((DATA / "imagenet250").iterdir())[::stride]:
        (tmp_path / photo.name).symlink_to(photo)
    measured = evaluate(name, [tmp_path])
    assert measured["n"] >= 50
    assert measured["top1"] >= 0.8
    assert measured["top5"] >= 0.94


def test_all_layouts_of_the_same_pictures_give_the_same_accuracy(tmp_path: Path) -> None:
    flat, nested = tmp_path / "flat", tmp_path / "nested"
    flat.mkdir()
    for number, label in enumerate([0, 7, 999]):
        (flat / f"{label:04}_n0_{number}.png").write_bytes(png(number))
        folder = nested / ("tench" if label == 0 else str(label))
        folder.mkdir(parents=True)
        (folder / "any.png").write_bytes(png(number))
    table = write_table(tmp_path / "all.parquet", image=[png(0), png(1), png(2)], label=[0, 7, 999])
    expected = evaluate(SMALL, [flat])
    assert expected["n"] == 3
    assert evaluate(SMALL, [nested]) == evaluate(SMALL, [table]) == expected
    both = evaluate(SMALL, [flat, table])
    assert (both["n"], both["top1"], both["top5"]) == (6, expected["top1"], expected["top5"])


def test_top1_and_top5_are_shares_of_the_pictures(tmp_path: Path) -> None:
    network = load(get_card(SMALL))
    order = network(network.prepare(read_picture(png()))[None])[0].argsort(descending=True).tolist()
    labels = [order[0], order[4], order[5], order[999]]
    table = write_table(tmp_path / "all.parquet", image=[png()] * 4, label=labels)
    measured = evaluate(SMALL, [table])
    low, high = binomtest(1, 4).proportion_ci(method="wilson")
    assert [measured[name] for name in ("network", "n", "top1", "top5")] == [SMALL, 4, 0.25, 0.5]
    assert (measured["top1_low"], measured["top1_high"]) == pytest.approx((low, high))


def with_logits(monkeypatch: pytest.MonkeyPatch, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Networks that are evaluated answer with changed logits."""

    class Changed(Network):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return change(super().forward(x))

    def loaded(*given: Any) -> Network:
        network = load(*given)
        network.__class__ = Changed
        return network

    monkeypatch.setattr("workers.cli.evaluate.load", loaded)


def test_equal_logits_have_the_accuracy_of_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_logits(monkeypatch, torch.zeros_like)
    table = write_table(tmp_path / "all.parquet", image=[png(seed) for seed in range(3)], label=[0, 7, 999])
    measured = evaluate(SMALL, [table])
    assert (measured["top1"], measured["top5"]) == pytest.approx((1 / 1000, 5 / 1000))
    assert measured["top1_low"] <= measured["top1"] < measured["top1_high"]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_an_output_that_is_not_finite_has_no_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    with_logits(monkeypatch, lambda logits: logits.index_fill(1, torch.tensor([3]), value))
    table = write_table(tmp_path / "all.parquet", image=[png()], label=[7])
    with pytest.raises(ComputationFailed, match=r"the network's output is not finite.* in the logits"):
        evaluate(SMALL, [table])


def test_top5_of_few_classes_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = get_card(SMALL).model_copy(update={"class_names": get_card(SMALL).class_names[:5]})
    monkeypatch.setattr("workers.cli.evaluate.get_card", lambda _: few)
    with_logits(monkeypatch, lambda logits: logits[:, :5])
    table = write_table(tmp_path / "all.parquet", image=[png()], label=[2])
    measured = evaluate(SMALL, [table])
    assert (measured["top5"], measured["top5_reason"]) == (None, "of 5 classes, all are among the top 5")


def test_bad_input_is_refused(tmp_path: Path) -> None:
    table = write_table(tmp_path / "few.parquet", image=[png()], klass=[1])
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    with pytest.raises(UnknownNetwork):
        evaluate("resnet", [tmp_path])
    with pytest.raises(BadInput, match=r"data must be a folder, a \.zip"):
        evaluate(SMALL, [tmp_path / "none"])
    with pytest.raises(BadInput, match="there is no picture in"):
        evaluate(SMALL, [tmp_path / "empty"])
    with pytest.raises(BadInput, match="one of classes, such as label; it has image, klass"):
        evaluate(SMALL, [table])
    with pytest.raises(BadInput, match="cannot be read"):
        evaluate(SMALL, [tmp_path / "bad.parquet"])


@pytest.mark.parametrize(
    ("file", "content", "error", "sentence"),
    [
        ("cat.png", png(), BadInput, "named <class index>_<anything>"),
        ("1000_cat.png", png(), BadInput, "a number from 0 to 999"),
        ("1_cat.png", b"no picture", BadPicture, "1_cat.png begins with b'no picture'"),
        ("1_cat.png", png()[:200], BadPicture, "1_cat.png is damaged or incomplete"),
        ("unicorn/cat.png", png(), BadInput, "a class of random/test_resnet must be a name"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, file: str, content: bytes, error: type[Exception], sentence: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(error, match=sentence):
        evaluate(SMALL, [tmp_path])
