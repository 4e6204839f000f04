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


class Able(Context):
    """Loads other networks."""

    def network(self, identity: str) -> Network:
        return load(get_card(identity.partition("#")[0]))


def run(network: Network, picture: Picture, seed: int = 0, **parameters: Any) -> Result:
    return make_method("class_image", parameters).run([picture], network, Able(seed))


def images(result: Result) -> torch.Tensor:
    item = result.items["images"]
    assert isinstance(item, Image)
    return torch.tensor(item.pixels).movedim(2, 0) / 255


def test_of_a_linear_network_it_is_the_weight_vector(linear: Network, picture: Picture) -> None:
    """z - decay mean (x - 1/2)^2 is greatest at x = 1/2 + w count / (2 decay)."""
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


def test_seeds_are_pictures_of_their_own_side_by_side(linear: Network, picture: Picture) -> None:
    sheet = images(run(linear, picture, class_name="cat", seeds=4, steps=5, **STILL))
    first, second = sheet[:, :PIXELS, :PIXELS], sheet[:, :PIXELS, -PIXELS:]
    assert sheet.shape == (3, 2 * PIXELS + 2, 2 * PIXELS + 2)
    assert not torch.equal(first, second)


def test_with_probabilities_the_other_classes_are_lowered_too(linear: Network, picture: Picture) -> None:
    asked = {"class_name": "cat", "parameterization": "pixels", "seeds": 1, "l2_penalty": 300.0, **STILL}
    raised, surest = (images(run(linear, picture, score=answer, **asked)) for answer in ("logits", "probabilities"))
    others = [float(rows()[1] @ (sheet - 0.5).flatten()) for sheet in (raised, surest)]
    assert abs(others[0]) < 0.05  # at right angles to the class: the logit alone does not move it
    assert others[1] < -0.1


def test_a_network_and_others_say_what_they_see() -> None:
    result = run(
        load(get_card(LITE0)), sample("cat"), class_name="tabby", judges=f"{LITE1}, {LITE0}", seeds=2, steps=12
    )
    table = result.items["judgments"]
    assert isinstance(table, Table)
    assert [row[:2] for row in table.rows] == [(1, LITE0), (2, LITE0), (1, LITE1), (2, LITE1)]
    own = [row for row in table.rows if row[1] == LITE0]
    assert result.metrics["probability_after"] == pytest.approx(sum(row[4] for row in own) / 2)
    assert result.metrics["probability_after"] > 0.5
    named = sum(row[2] == "tabby" for row in table.rows)
    assert result.metrics["agreement"] == named / 4


def test_without_a_class_it_is_the_one_that_the_network_sees() -> None:
    network = load(get_card(LITE0))
    result = run(network, sample("cat"), seeds=1, steps=2)
    assert network.card.class_names[int(network(network.prepare(sample("cat"))[None]).argmax())] in (
        result.items["images"].caption
    )


def test_judges_are_kept_as_identities_and_each_once() -> None:
    method = make_method("class_image", {"judges": [LITE0, LITE1, LITE0]})
    assert method.model_dump()["judges"] == (get_card(LITE0).identity, get_card(LITE1).identity)
    assert make_method("class_image", method.model_dump(mode="json")) == method


@pytest.mark.parametrize(
    ("judges", "sentence"),
    [
        (3, "networks are given by their names"),
        ([LITE0 + "#other"], "the weights of lite/efficientnet_lite0 have changed"),
        ([f"random/{name}" for name in ("resnet18", "resnet26", "resnet34", "resnet50", "vgg11", "vgg13", "vgg16")]
         + [LITE0, LITE1], "at most 8 networks, got 9"),
    ],
)  # fmt: skip
def test_judges_that_cannot_be_are_a_sentence(judges: Any, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        make_method("class_image", {"judges": judges})


def test_a_judge_that_nobody_knows_is_a_sentence() -> None:
    with pytest.raises(UnknownNetwork, match="nobody"):
        make_method("class_image", {"judges": "lite/nobody"})
