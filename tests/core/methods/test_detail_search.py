from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.engine.style.edges import energy, sobel
from core.errors import BadParameter
from core.items import Animation, Image, Map, Result, Scalar, Series, Table
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.class_weights import MAX_CLASSES
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

LINEAR = {
    "optimizer": "sgd",
    "momentum": 0.0,
    "schedule": "constant",
    "range": "clamp",
    "score": "logits",
    "edges": "mse",
}


def run(network: Network, picture: Picture, seed: int = 0, **parameters: Any) -> Result:
    return make_method("detail_search", parameters).run([picture], network, Context(seed))


def curve(result: Result, name: str) -> NDArray[np.float32]:
    item = result.items[f"trace_{name}"]
    assert isinstance(item, Series)
    return item.y


def pixels(result: Result, name: str = "remaining") -> NDArray[np.uint8]:
    item = result.items[name]
    assert isinstance(item, Image)
    return item.pixels


def same_bytes(first: Result, second: Result) -> bool:
    return all(first.items[name].files() == second.items[name].files() for name in first.items)


@pytest.fixture(scope="module")
def lite() -> Network:
    return load(get_card("lite/efficientnet_lite0"))


def test_logits_approach_their_goals_as_in_closed_form(linear: Network, picture: Picture) -> None:
    goals = {"target": "set", "wanted": {"cat": 2.0, "dog": 1.0}, "opposed": {"bird": 1.0}, "goal": 6.0}
    free = LINEAR | {"range": "rescale", "rescale_every": 1_000}
    result = run(linear, picture, **free, **goals, k1=1.0, k2=0.0, learning_rate=2e-4, steps=15)
    # orthogonal rows: each logit's distance shrinks independently, by 1 - rate * values * 2 k1 w / K per step
    weights, step = torch.tensor([2.0, 1.0, 1.0]), 2e-4 * 432 * 2 / 3
    distances = torch.tensor([6.0, 6.0, 0.0]) - linear(linear.prepare(picture)[None])[0]
    shrunk = torch.stack([distances * (1 - step * weights) ** taken for taken in range(15)])
    expected = (weights * shrunk.square()).mean(dim=1).numpy()
    assert curve(result, "class")[:15] == pytest.approx(expected, rel=1e-4)
    assert expected[14] < 0.3 * expected[0]


def test_the_total_loss_reaches_the_least_squares_minimum(linear: Network, picture: Picture) -> None:
    original = linear.prepare(picture)[None].double()
    weights = linear.model[1].weight.double()  # type: ignore[index]
    unit = torch.eye(original.numel(), dtype=torch.float64).view(-1, *original.shape[1:])
    edges = torch.cat([part.flatten(1) for part in sobel(unit)], dim=1).T  # (responses, values)
    k1, k2 = 0.5, 0.3
    system = torch.cat([(k1 / 3) ** 0.5 * weights, (k2 / (3 * 10 * 10)) ** 0.5 * edges])
    target = torch.cat([(k1 / 3) ** 0.5 * weights @ original.flatten(), torch.zeros(len(edges), dtype=torch.float64)])
    least = (system @ torch.linalg.lstsq(system, target, driver="gelsd").solution - target).square().sum()
    parameters = LINEAR | {"momentum": 0.95, "learning_rate": 0.002, "range": "rescale", "rescale_every": 10_000}
    total = curve(run(linear, picture, **parameters, k1=k1, k2=k2, steps=3_000), "total")
    assert least < 0.05 * total[0]
    assert total[-2] == pytest.approx(least.item(), rel=0.02, abs=1e-6)


@pytest.mark.parametrize("score", ["probabilities", "logits"])
def test_without_detail_loss_the_photo_is_unchanged(linear: Network, picture: Picture, score: str) -> None:
    result = run(linear, picture, score=score, k2=0.0, steps=30, range="clamp")
    assert np.array_equal(pixels(result), pixels(result, "original"))
    assert not result.items["destroyed"].values.any()  # type: ignore[attr-defined]
    assert result.metrics["edges_left"] == 1
    assert result.metrics["probability_after"] == result.metrics["probability_before"]


def test_without_class_loss_edge_energy_decreases_at_every_step(linear: Network, picture: Picture) -> None:
    """Plain descent below the bound on the rate, 0.0108 for 12 x 12 pixels (see tests/core/engine/optimization)."""
    result = run(linear, picture, **LINEAR, k1=0.0, learning_rate=0.01, steps=60)
    assert (np.diff(curve(result, "edges"))[:-1] < 0).all()  # the last one is that of the rounded picture
    assert result.metrics["edges_left"] < 0.05


def test_k1_keeps_the_prediction_and_k2_removes_detail(linear: Network, picture: Picture) -> None:
    def run_with(k1: float, k2: float) -> Result:
        return run(linear, picture, **LINEAR, k1=k1, k2=k2, learning_rate=0.002, steps=60)

    kept = [curve(run_with(k1, 1.0), "class")[-1] for k1 in (0.0, 0.01, 0.3)]
    left = [run_with(0.1, k2).metrics["edges_left"] for k2 in (0.1, 0.5, 2.0)]
    assert kept == sorted(kept, reverse=True)
    assert kept[2] < 0.01 * kept[0]
    assert left == sorted(left, reverse=True)
    assert left[2] < 0.2 * left[0]


def test_initial_steps_have_the_class_loss_only(linear: Network, picture: Picture) -> None:
    goals = {"target": "set", "opposed": ["bird"], "class_steps": 10, "steps": 20}
    result = run(linear, picture, **LINEAR, **goals, k1=0.1, k2=1.0, learning_rate=0.002)
    assert np.allclose(curve(result, "total")[:10], 0.1 * curve(result, "class")[:10])
    both = 0.1 * curve(result, "class") + curve(result, "detail")
    assert np.allclose(curve(result, "total")[10:], both[10:])
    assert curve(result, "edges")[10] > 0.97
    assert curve(result, "edges")[20] < 0.9


def test_the_runner_up_is_removed_before_details(lite: Network) -> None:
    result = run(lite, sample("cat"), target="without runner-up", class_steps=8, steps=24)
    table = result.items["predictions"]
    assert isinstance(table, Table)
    (own, own_before, own_after), (_, runner_up_before, runner_up_after), *_ = table.rows
    assert own == "tiger cat"
    assert own_after > own_before
    assert runner_up_after < 0.2 * runner_up_before
    assert curve(result, "probability")[8] > 1.5 * curve(result, "probability")[0]
    assert curve(result, "edges")[24] < curve(result, "edges")[8]


def test_a_network_with_one_class_has_no_runner_up(linear: Network) -> None:
    method = make_method("detail_search", {"target": "without runner-up"})
    alone = linear.card.model_copy(update={"class_names": ("cat",)})
    assert method.undefined_for(linear.card) is None
    assert method.undefined_for(alone) == "This network has a single class: there is no runner-up."


@pytest.mark.parametrize("range_name", ["rescale", "clamp"])
def test_the_remaining_picture_is_in_range(linear: Network, picture: Picture, range_name: str) -> None:
    left = pixels(run(linear, picture, range=range_name, learning_rate=0.1, steps=13))
    if range_name == "rescale":
        assert (left.min(), left.max()) == (0, 255)
    assert left.shape == (12, 12, 3)


@pytest.mark.parametrize("start", ["photo", "blank", "noise"])
@pytest.mark.parametrize("edges", ["mse", "mae"])
def test_a_constant_photo_gives_finite_numbers(linear: Network, start: str, edges: str) -> None:
    gray = Picture.from_pixels(np.full((12, 12, 3), 128, np.uint8))
    result = run(linear, gray, start=start, edges=edges, steps=20)
    assert all(np.isfinite(curve(result, name)).all() for name in ("total", "class", "detail"))
    assert "trace_edges" not in result.items
    left = result.items["edges_left"]
    assert isinstance(left, Scalar)
    assert (left.value, left.reason) == (None, "the original picture has no edges")
    assert all(np.isfinite(value) for value in result.metrics.values() if value is not None)
    assert all(item.files() is not None for item in result.items.values())


def test_a_blank_start_reaches_the_wanted_class(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, start="blank", target="set", wanted=["bird"], k2=0.01, steps=60, learning_rate=0.02)
    assert curve(result, "detail")[0] == 0
    assert result.metrics["probability_after"] > 0.9
    assert "bird" in [row[0] for row in result.items["predictions"].rows]  # type: ignore[attr-defined]


def test_the_kept_prediction_is_that_of_the_photo_from_any_start(linear: Network, picture: Picture) -> None:
    logits = linear(linear.prepare(picture)[None])
    start = linear(torch.full((1, 3, 12, 12), 0.5))
    result = run(linear, picture, start="blank", score="logits", steps=1)
    assert curve(result, "class")[0] == pytest.approx((logits - start).square().mean().item(), rel=1e-4)


def test_the_scalars_are_those_of_the_remaining_picture(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, edges="mse", steps=40)
    left = torch.from_numpy(pixels(result)).movedim(-1, 0)[None] / 255
    original = linear.prepare(picture)[None]
    share = energy(left) / energy(original)
    assert result.metrics["edges_left"] == pytest.approx(share.item(), rel=1e-5)
    assert curve(result, "edges")[-1] == pytest.approx(share.item(), rel=1e-5)
    destroyed = result.items["destroyed"]
    assert isinstance(destroyed, Map)
    assert np.allclose(destroyed.values, (original - left).abs().mean(dim=1)[0].numpy(), atol=1e-6)
    assert result.metrics["probability_after"] == pytest.approx(curve(result, "probability")[-1], abs=1e-5)


def test_the_seed_determines_noise_and_nothing_else(linear: Network, picture: Picture) -> None:
    noisy = [run(linear, picture, seed, start="noise", steps=5) for seed in (1, 1, 2)]
    assert same_bytes(noisy[0], noisy[1])
    assert pixels(noisy[0]).tobytes() != pixels(noisy[2]).tobytes()
    assert same_bytes(run(linear, picture, 1, steps=5), run(linear, picture, 2, steps=5))


def test_the_animation_has_the_given_number_of_frames(linear: Network, picture: Picture) -> None:
    for steps, frames, expected in ((30, 7, 7), (3, 24, 4)):
        animation = run(linear, picture, steps=steps, frames=frames).items["animation"]
        assert isinstance(animation, Animation)
        assert animation.frames.shape == (expected, 12, 12, 3)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"target": "set"}, "target 'set' needs at least one class in wanted or opposed"),
        (
            {"target": "set", "wanted": ["cat"], "opposed": "cat=2"},
            "must be wanted or opposed, 'cat' is both",
        ),
        ({"target": "set", "wanted": ["cat"], "goal": 5}, "goal must be 0 to 1 where score is 'probabilities', got 5"),
        ({"wanted": "tabby=0"}, "the weight of tabby must be more than 0 and at most 1000, got '0'"),
        ({"wanted": {"tabby": float("nan")}}, "the weight of tabby must be more than 0 and at most 1000, got 'nan'"),
        ({"wanted": "=1"}, "a class must be a name"),
        ({"wanted": 7}, "classes must be names"),
        ({"wanted": [str(number) for number in range(MAX_CLASSES + 1)]}, "at most 100 classes, got 101"),
        ({"learning_rate": 0}, "rate must be"),
        ({"k1": float("inf")}, "k1 must be"),
        ({"steps": 10**9}, "steps must be"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_in_a_sentence(parameters: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=r"^[^\n]+$") as caught:
        make_method("detail_search", parameters)
    assert sentence in str(caught.value)


def test_all_forms_of_classes_are_equal() -> None:
    forms: list[Any] = [{"tiger cat": 0.5, "tabby": 1}, "tabby=1, tiger cat=0.5", "tiger cat = 0.5,tabby"]
    written = [make_method("detail_search", {"wanted": form}).model_dump_json() for form in forms]
    assert len(set(written)) == 1
    assert make_method("detail_search", {"wanted": ["b", "a"]}) == make_method("detail_search", {"wanted": "a,b"})


def test_networks_without_the_target_are_undefined(linear: Network) -> None:
    card = linear.card
    assert make_method("detail_search", {}).undefined_for(card) is None
    nameless = card.model_copy(update={"class_names": ()})
    assert "no classes" in str(make_method("detail_search", {}).undefined_for(nameless))
    for name, expected in (("cat", None), ("2", None), ("3", "This network has no class '3'.")):
        method = make_method("detail_search", {"target": "set", "opposed": [name]})
        assert method.undefined_for(card) == expected


def test_a_trained_network_keeps_its_prediction_with_less_detail(lite: Network) -> None:
    result = run(lite, sample("coffee"), steps=60, learning_rate=0.02)
    assert result.metrics["probability_after"] > 0.8 * result.metrics["probability_before"]
    assert result.metrics["edges_left"] < 0.6
    table = result.items["predictions"]
    assert isinstance(table, Table)
    assert table.rows[0][0] == "espresso"


def test_one_target_class_has_the_same_weight_as_all_classes(lite: Network) -> None:
    result = run(
        lite, sample("cat"), target="set", wanted=["tabby"], opposed=["tiger cat"], steps=60, learning_rate=0.01
    )
    assert result.metrics["probability_after"] > 0.9
    assert result.metrics["edges_left"] < 0.9


@pytest.mark.parametrize("start", ["blank", "noise"])
def test_a_wanted_class_appears_from_an_empty_start(lite: Network, start: str) -> None:
    result = run(
        lite, sample("cat"), start=start, target="set", wanted=["tabby"], k2=0.05, steps=25, learning_rate=0.02
    )
    assert result.metrics["probability_before"] < result.metrics["probability_after"]
    assert curve(result, "class")[-1] < 0.2 * curve(result, "class")[0]


def test_reduced_precision_is_close_to_full_precision(lite: Network) -> None:
    exact, draft = (run(lite, sample("cat"), steps=8, precision=name) for name in ("float32", "bf16"))
    assert curve(draft, "edges") == pytest.approx(curve(exact, "edges"), rel=0.1)
    assert pixels(draft).tobytes() != pixels(exact).tobytes()
