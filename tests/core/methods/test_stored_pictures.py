"""Every number beside a picture is that of the stored picture: decoded from its PNG and computed again, independently.

A method that gives pictures and numbers is in `CASES`, or in `OF_THE_ORIGINAL` if its numbers are about the original.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional

from core.items import Result
from core.media.picture import Picture
from core.media.samples import sample
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.support.contexts import StoredContext
from tests.support.squares import squares

NETWORKS = ("bundled/cnn", "bundled/vit", "bundled/mixer")
OF_THE_ORIGINAL = {
    "attention_rollout", "cam", "deconvnet", "fixation", "grad_cam", "guided_backprop", "integrated_gradients",
    "occlusion", "saliency",
}  # fmt: skip
"""Methods whose pictures are the input as the network receives it, maps drawn in colors, or traces of the gradient."""
NO_NUMBERS = {"sample"}
PNG_GAP_PX = 2
LUMINANCE = torch.tensor([0.299, 0.587, 0.114])
KEY = "a" * 64
JUDGE = "random/test_resnet"
"""It reads pictures of another size than the bundled networks."""

Compared = Iterator[tuple[str, float, float]]
"""(what, the number that the result says, the number of the stored files)"""


@dataclass(frozen=True)
class Stored:
    """A result as its files say it."""

    result: Result
    network: Network
    """The job's network, or the judge of a method without one."""

    def pictures(self, name: str, count: int = 1, columns: int = 1) -> Tensor:
        """The `count` pictures of a sheet, (N, 3, H, W) in [0, 1]."""
        sheet = self.pixels(name)
        rows = -(-count // columns)
        height = (len(sheet) + PNG_GAP_PX) // rows
        width = (sheet.shape[1] + PNG_GAP_PX) // columns
        tiles = [
            sheet[row * height : (row + 1) * height - PNG_GAP_PX * (rows > 1)][
                :, column * width : (column + 1) * width - PNG_GAP_PX * (columns > 1)
            ]
            for row, column in (divmod(index, columns) for index in range(count))
        ]
        return torch.tensor(np.stack(tiles)).permute(0, 3, 1, 2).float() / 255

    def pixels(self, name: str) -> NDArray[np.uint8]:
        with PillowImage.open(io.BytesIO(self.result.items[name].files()["png"])) as image:
            return np.asarray(image)

    def number(self, name: str) -> float:
        return float(self.result.items[name].meta()["value"])

    def last(self, name: str) -> float:
        return float(json.loads(self.result.items[f"trace_{name}"].files()["json"])["y"][-1])

    def rows(self, name: str) -> list[list[Any]]:
        rows: list[list[Any]] = json.loads(self.result.items[name].files()["json"])["rows"]
        return rows

    def values(self, name: str) -> Tensor:
        return torch.tensor(self.result.items[name].values)  # type: ignore[attr-defined]

    @torch.no_grad()
    def logits(self, pictures: Tensor) -> Tensor:
        """(N, K), after normalization by the network's card."""
        card = self.network.card
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))
        logits: Tensor = self.network.model((pictures - mean) / std)
        return logits

    def probabilities(self, pictures: Tensor) -> Tensor:
        return self.logits(pictures).softmax(dim=1)

    def index(self, name: str) -> int:
        """The class that a number is about."""
        return self.network.card.class_names.index(self.result.items[name].meta()["subject"])


def predictions(stored: Stored, before: Tensor, after: Tensor) -> Compared:
    """The table of predictions before and after."""
    names = stored.network.card.class_names
    for name, *said in stored.rows("predictions"):
        for picture, value in zip((before, after), said, strict=True):
            yield f"prediction {name}", value, float(stored.probabilities(picture)[0, names.index(name)])


def amplified(stored: Stored) -> Compared:
    original, changed = stored.pictures("original"), stored.pictures("changed")
    index = stored.index("probability_after")
    probability = float(stored.probabilities(changed)[0, index])
    before = float(stored.probabilities(original)[0, index])
    size = float((changed - original).square().mean().sqrt())
    yield "before", stored.number("probability_before"), before
    for said in (stored.number("probability_after"), stored.last("probability")):
        yield "after", said, probability
    for said in (stored.number("change_size"), stored.last("change")):
        yield "change", said, size
    odds = [np.log(share / (1 - share)) for share in (before, probability)]
    yield "gain", stored.number("gain") * size * 100, float(odds[1] - odds[0])
    yield from predictions(stored, original, changed)


def boxed(stored: Stored) -> Compared:
    yield from amplified(stored)
    changed = stored.pixels("changed").astype(int) - stored.pixels("original")
    yield "largest change", 2.0, float(np.abs(changed).max())  # the whole steps in 0.01 * 255


def searched(stored: Stored) -> Compared:
    original, left = stored.pictures("original"), stored.pictures("remaining")
    probability = stored.probabilities(left)[0, stored.index("probability_after")]
    for said in (stored.number("probability_after"), stored.last("probability")):
        yield "probability", said, float(probability)
    for said in (stored.number("edges_left"), stored.last("edges")):
        yield "edges left", said, edge_energy(left) / edge_energy(original)
    yield "detail", stored.last("detail"), edge_energy(left)
    removed = (original - left).abs().mean(dim=1)[0]
    yield "removed", 0.0, float((stored.values("destroyed") - removed).abs().max())
    yield from predictions(stored, original, left)


def edge_energy(picture: Tensor) -> float:
    """Mean absolute response to Sobel's filters along both axes."""
    along_x = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    channels = picture[0][:, None]
    responses = [functional.conv2d(channels, kernel[None, None]) for kernel in (along_x, along_x.T)]
    return sum(float(response.abs().mean()) for response in responses)


def classes(stored: Stored) -> Compared:
    images = stored.pictures("images", count=2, columns=2)
    index = stored.index("probability_after")
    probability = float(stored.probabilities(images)[:, index].mean())
    for said in (stored.number("probability_after"), stored.last("probability")):
        yield "probability", said, probability
    yield "logit", stored.last("logit"), float(stored.logits(images)[:, index].mean())
    judge = Stored(stored.result, network(JUDGE))
    own, of_judge = stored.probabilities(images), judge.probabilities(resized(images, judge.network))
    highest = [float(shares.max()) for shares in (*own, *of_judge)]
    for row, share in zip(stored.rows("judgments"), highest, strict=True):
        yield "judgment", row[3], share


def features(stored: Stored) -> Compared:
    images = stored.pictures("images", count=2, columns=2)
    logits = stored.logits(images)
    names = stored.network.card.class_names
    units = [names.index(row[0]) for row in stored.rows("units")]
    activations = logits[torch.arange(2), units]
    for said in (stored.number("activation_after"), stored.last("activation")):
        yield "activation", said, float(activations.mean())
    for row, activation, shares in zip(stored.rows("units"), activations, logits.softmax(dim=1), strict=True):
        yield "unit", row[3], float(activation)
        yield "predicted", row[5], float(shares.max())


def inverted(stored: Stored) -> Compared:
    original, image = stored.pictures("original"), stored.pictures("inverted")
    read = [output_of_half(stored.network, picture) for picture in (image, original)]
    distance = float((read[0] - read[1]).square().sum() / read[1].square().sum())
    for said in (stored.number("distance"), stored.last("distance")):
        yield "distance", said, distance
    yield "error", stored.number("picture_error"), float((image - original).square().mean().sqrt())
    variation = sum(float(image.diff(dim=axis).abs().mean()) for axis in (2, 3))
    yield "total variation", stored.last("total_variation"), variation
    yield "difference", 0.0, float((stored.values("difference") - (original - image).abs().mean(1)[0]).abs().max())
    yield from predictions(stored, original, image)


@torch.no_grad()
def output_of_half(network: Network, picture: Tensor) -> Tensor:
    """Spatial output of the layer in the middle, by a hook."""
    kept: list[Tensor] = []
    layer = network.model.get_submodule(make_method("inversion", {}).layer_name(network))  # type: ignore[attr-defined]
    hook = layer.register_forward_hook(lambda *call: kept.append(call[2]))
    try:
        network(picture)
    finally:
        hook.remove()
    output = kept[0]
    return output if output.ndim == 4 or "mixer" in network.card.name else output[:, 1:]  # without the class token


def dreamed(stored: Stored) -> Compared:
    original, dream = stored.pictures("original"), stored.pictures("dream")
    yield from predictions(stored, *(resized(picture, stored.network) for picture in (original, dream)))


def resized(pictures: Tensor, reader: Network) -> Tensor:
    """Whole pictures at the size that a network reads."""
    return functional.interpolate(pictures, size=reader.card.input_px, mode="bicubic", antialias=True).clamp(0, 1)


def dreamed_at_once(stored: Stored) -> Compared:
    """One window, rolled at random: the class's logit."""
    index = int(stored.logits(stored.pictures("original")).argmax())
    generator = torch.Generator().manual_seed(3)  # seed * 1,000,003 + step: the last one of a run with seed 0
    side = stored.network.card.input_px[0]
    roll = [int(torch.randint(side, (), generator=generator)) for _ in range(2)]
    for name, said in (("original", "activation_before"), ("dream", "activation_after")):
        rolled = stored.pictures(name).roll(roll, dims=(2, 3))
        yield said, stored.number(said), float(stored.logits(rolled)[0, index])
    yield "curve", stored.last("activation"), stored.number("activation_after")


def shuffled(stored: Stored) -> Compared:
    original, examples = stored.pictures("original"), stored.pictures("shuffled", count=3, columns=3)
    shares = dict(zip((1, 2, 4, 8), stored.probabilities(torch.cat([original, examples])), strict=True))
    predicted = int(shares[1].argmax())
    yield "before", stored.number("probability_before"), float(shares[1][predicted])
    for side, order, _, top, kept in stored.rows("predictions"):
        if order == 1:
            yield f"{side} x {side}", top, float(shares[side].max())
            yield f"{side} x {side} kept", kept, float(shares[side][predicted])


def stylized(stored: Stored) -> Compared:
    original, picture = stored.pictures("original"), stored.pictures("stylized")
    yield "similarity", stored.number("ssim"), similarity(picture, original)


def transferred(stored: Stored) -> Compared:
    yield from stylized(stored)
    image = stored.pictures("stylized")
    yield "total variation", stored.last("total_variation"), variation(image)
    yield from by_its_own_judge(stored)


def recolored(stored: Stored) -> Compared:
    """In the colors of the photo: the losses read the luminance."""
    yield from stylized(stored)
    gray = (stored.pictures("stylized") * LUMINANCE.view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    yield "total variation", stored.last("total_variation"), variation(gray)


def variation(image: Tensor) -> float:
    return sum(float(image.diff(dim=axis).abs().mean()) for axis in (2, 3))


def by_its_own_judge(stored: Stored) -> Compared:
    """A network that judges its own result says what its curves end with."""
    for name in ("content", "style") if stored.network.card.name == SMALL["judge"] else ():
        yield name, stored.last(name), stored.number(f"{name}_distance")


def similarity(first: Tensor, second: Tensor) -> float:
    gray = [(picture[0] * LUMINANCE[:, None, None]).sum(dim=0).double().numpy() for picture in (first, second)]
    return float(
        structural_similarity(*gray, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    )


def reconstructed(stored: Stored) -> Compared:
    """One picture, enlarged by a whole factor."""
    original, picture = stored.pictures("original"), stored.pictures("reconstruction")
    yield "squared error", stored.number("squared_error"), float((picture - original).square().mean())
    yield "map", 0.0, float((stored.values("error") - (picture - original).abs().mean(1)[0]).abs().max())


def encoded(stored: Stored) -> Compared:
    originals, pictures = (stored.pictures(name, count=12, columns=4) for name in ("originals", "reconstructions"))
    yield "squared error", stored.number("squared_error"), float((pictures - originals).square().mean())


def autoencoded(stored: Stored) -> Compared:
    originals, pictures = (stored.pictures(name, count=4, columns=4) for name in ("originals", "reconstructions"))
    yield "squared error", stored.number("held_out_error"), float((pictures - originals).square().mean())


def generated(stored: Stored) -> Compared:
    samples = stored.pictures("samples", count=16, columns=4)
    flat = samples.flatten(1).double()
    distances = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    held_out = torch.stack([torch.tensor(pixels(data)).permute(2, 0, 1) / 255 for data in DATASET.pictures[8:]])
    others = held_out.flatten(1).double()
    expected = torch.cdist(others, others) / others.shape[1] ** 0.5
    said = stored.number("diversity") * float(expected.sum()) / (4 * 3)
    yield "diversity", said, float(distances.sum()) / (16 * 15)


def pixels(data: bytes) -> NDArray[np.uint8]:
    with PillowImage.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def trained_style(stored: Stored) -> Compared:
    """The sheet has the photos in its upper half, the stylized ones below."""
    sheet = torch.tensor(stored.pixels("samples")).permute(2, 0, 1)[None].float() / 255
    side = sheet.shape[2] // 2
    columns = [sheet[..., start : start + side] for start in range(0, sheet.shape[3], side + PNG_GAP_PX)]
    means = [similarity(column[:, :, side:], column[:, :, :side]) for column in columns]
    yield "similarity", stored.number("ssim"), sum(means) / len(means)


DATASET = squares(each=4, held_out=2, classes=2, side=16)
SHORT = {"steps": 3, "frames": 2}
SMALL: dict[str, Any] = {"size_px": 64, "judge": "bundled/cnn", **SHORT}
CASES: Mapping[str, tuple[str, Mapping[str, Any], Callable[[Stored], Compared]]] = {
    "amplify": ("amplify", {**SHORT, "learning_rate": 0.005}, amplified),
    "amplify in a box": ("amplify", {**SHORT, "limit": "box", "learning_rate": 0.02}, boxed),
    "detail_search": ("detail_search", SHORT, searched),
    "detail search in bf16": ("detail_search", {**SHORT, "precision": "bf16"}, searched),
    "detail search, rescaled": ("detail_search", {**SHORT, "range": "rescale"}, searched),
    "detail search from noise": ("detail_search", {**SHORT, "start": "noise"}, searched),
    "class_image": ("class_image", {**SHORT, "seeds": 2, "judges": [JUDGE]}, classes),
    "class image of pixels": (
        "class_image", {**SHORT, "seeds": 2, "judges": [JUDGE], "parameterization": "pixels"}, classes,
    ),
    "feature_image": ("feature_image", {**SHORT, "unit": "logit", "first_unit": 3, "count": 2}, features),
    "inversion": ("inversion", SHORT, inverted),
    "deep_dream": ("deep_dream", {**SHORT, "output_scale": 1.5, "octaves": 2}, dreamed),
    "deep dream of a class": (
        "deep_dream", {**SHORT, "objective": "class", "output_scale": 1, "octaves": 1}, dreamed_at_once,
    ),
    "patch_shuffle": ("patch_shuffle", {"permutations": 2}, shuffled),
    "style_transfer": ("style_transfer", SMALL, transferred),
    "style transfer in the photo's colors": ("style_transfer", {**SMALL, "original_colors": True}, recolored),
    "photo_style": ("photo_style", {**SMALL, "working_px": 48}, stylized),
    "stylize": ("stylize", {"model": KEY, "size_px": 64, "judge": "bundled/cnn"}, stylized),
    "reconstruct": ("reconstruct", {"model": KEY}, reconstructed),
    "encode": ("encode", {"model": KEY}, encoded),
    "autoencoder": ("autoencoder", {"epochs": 1, "batch_size": 4, "labels_per_class": 0}, autoencoded),
    "gan": ("gan", {"epochs": 1, "batch_size": 4}, generated),
    "style_model": (
        "style_model", {"steps": 1, "size_px": 64, "batch_size": 2, "width": 4, "judge": "bundled/cnn"}, trained_style,
    ),
}  # fmt: skip
"""Name -> method, parameters, and what is compared. Those that have a method's name run on all of `NETWORKS`."""
TRAINED = {"stylize": "style_model", "reconstruct": "autoencoder", "encode": "autoencoder"}
"""Case -> the case that trains its model."""


@cache
def network(name: str) -> Network:
    return load(get_card(name))


@cache
def run(case: str, network_name: str) -> Result:
    name, parameters, _ = CASES[case]
    method = make_method(name, parameters)
    results = {KEY: run(TRAINED[case], network_name).items} if case in TRAINED else {}
    context = StoredContext(results, dataset=DATASET if method.needs.dataset else None)
    pictures: list[Picture] = [sample("cat")][: method.needs.pictures]
    if not method.needs.network:
        return method.run_without_network(pictures, context)
    return method.run(pictures, network(network_name), context)


def runs() -> Iterator[Any]:
    for case, (method, _, _) in CASES.items():
        for name in NETWORKS if case == method and METHODS[method].needs.network else NETWORKS[:1]:
            yield pytest.param(case, name, id=f"{case}-{name}")


@pytest.mark.parametrize(("case", "network_name"), list(runs()))
def test_its_numbers_are_those_of_the_stored_pictures(case: str, network_name: str) -> None:
    compared = list(CASES[case][2](Stored(run(case, network_name), network(network_name))))
    assert compared
    for what, said, measured in compared:
        assert said == pytest.approx(measured, rel=1e-4, abs=1e-4), what


def test_every_method_that_gives_pictures_is_compared() -> None:
    with_pictures = {name for name, cls in METHODS.items() if any(output.kind == "image" for output in cls.outputs)}
    assert {method for method, _, _ in CASES.values()} == with_pictures - OF_THE_ORIGINAL - NO_NUMBERS
