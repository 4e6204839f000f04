from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import BadParameter, UnknownNetwork
from core.items import Image, Result, Table
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.conftest import PIXELS, rows

STILL = {"jitter": 0.0, "scale": 0.0, "rotate": 0.0}
LITE0, LITE1 = "lite/efficientnet_lite0", "lite/efficientnet_lite1"


class Loading(Context):
    """A context that loads other networks."""

    def network(self, identity: str) -> Network:
        return load(get_card(identity.partition("#")[0]))


def run(network: Network, picture: Picture, seed: int = 0, **parameters: Any) -> Result:
    return make_method("class_image", parameters).run([picture], network, Loading(seed))


def images(result: Result) -> torch.Tensor:
    item = result.items["images"]
    assert isinstance(item, Image)
    return torch.tensor(item.pixels).movedim(2, 0) / 255


def test_for_a_linear_network_it_is_the_weight_vector(linear: Network, picture: Picture) -> None:
    """z - penalty mean (x - 1/2)^2 has its maximum at x = 1/2 + w count / (2 penalty)."""
    result = run(
        linear,
        picture,
        class_name="dog",
        parameterization="pixels",
        seeds=1,
        l2_penalty=200.0,
        steps=300,
        learning_rate=0.02,
        **STILL,
    )
    expected = 0.5 + rows()[1].view(3, PIXELS, PIXELS) * 432 / (2 * 200)
    torch.testing.assert_close(images(result), expected.clamp(0, 1), atol=0.006, rtol=0)


def test_seeds_give_different_images_in_a_grid(linear: Network, picture: Picture) -> None:
    sheet = images(run(linear, picture, class_name="cat", seeds=4, steps=5, **STILL))
    first, second = sheet[:, :PIXELS, :PIXELS], sheet[:, :PIXELS, -PIXELS:]
    assert sheet.shape == (3, 2 * PIXELS + 2, 2 * PIXELS + 2)
    assert not torch.equal(first, second)


def test_with_probabilities_other_classes_are_lowered_too(linear: Network, picture: Picture) -> None:
    parameters = {"class_name": "cat", "parameterization": "pixels", "seeds": 1, "l2_penalty": 300.0, **STILL}
    by_logit, by_probability = (
        images(run(linear, picture, score=score, **parameters)) for score in ("logits", "probabilities")
    )
    others = [float(rows()[1] @ (sheet - 0.5).flatten()) for sheet in (by_logit, by_probability)]
    assert abs(others[0]) < 0.05  # orthogonal to the class: its logit stays
    assert others[1] < -0.1


def test_the_network_and_the_judges_classify_the_images() -> None:
    result = run(
        load(get_card(LITE0)), sample("cat"), class_name="tabby", judges=f"{LITE1}, {LITE0}", seeds=2, steps=12
    )
    table = result.items["judgments"]
    assert isinstance(table, Table)
    assert [row[:2] for row in table.rows] == [(1, LITE0), (2, LITE0), (1, LITE1), (2, LITE1)]
    own = [row for row in table.rows if row[1] == LITE0]
    assert result.metrics["probability_after"] == pytest.approx(sum(row[4] for row in own) / 2)
    assert result.metrics["probability_after"] > 0.5
    agreeing = sum(row[2] == "tabby" for row in table.rows)
    assert result.metrics["agreement"] == agreeing / 4


def test_equal_logits_agree_by_chance(linear: Network, picture: Picture) -> None:
    with torch.no_grad():
        for weights in linear.parameters():
            weights.zero_()
    result = run(linear, picture, class_name="cat", seeds=2, steps=1)
    assert result.metrics["agreement"] == pytest.approx(1 / len(linear.card.class_names))


def test_the_default_class_is_the_predicted_one() -> None:
    network = load(get_card(LITE0))
    result = run(network, sample("cat"), seeds=1, steps=2)
    assert network.card.class_names[int(network(network.prepare(sample("cat"))[None]).argmax())] in (
        result.items["images"].caption
    )


def test_judges_are_kept_as_identities_without_duplicates() -> None:
    method = make_method("class_image", {"judges": [LITE0, LITE1, LITE0]})
    assert method.model_dump()["judges"] == (get_card(LITE0).identity, get_card(LITE1).identity)
    assert make_method("class_image", method.model_dump(mode="json")) == method


@pytest.mark.parametrize(
    ("judges", "sentence"),
    [
        (3, "networks must be names"),
        ([LITE0 + "#other"], "the weights of lite/efficientnet_lite0 have changed"),
        ([f"random/{name}" for name in ("resnet18", "resnet26", "resnet34", "resnet50", "vgg11", "vgg13", "vgg16")]
         + [LITE0, LITE1], "at most 8 networks, got 9"),
    ],
)  # fmt: skip
def test_judges_that_are_not_allowed_are_refused_in_a_sentence(judges: Any, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        make_method("class_image", {"judges": judges})


def test_an_unknown_judge_is_refused() -> None:
    with pytest.raises(UnknownNetwork, match="nobody"):
        make_method("class_image", {"judges": "lite/nobody"})
