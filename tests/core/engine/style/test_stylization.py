from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.engine.style.gram import gram
from core.engine.style.stylization import (
    MIN_SIDE_PX,
    Maps,
    Region,
    StyleLayers,
    TransferTargets,
    map_styles,
    normalized_shares,
    scaled_size,
    transfer_targets,
)

SIZE = (40, 48)
LAYERS = {"near": 0.75, "far": 0.25}


@dataclass(frozen=True)
class Toy:
    """Two layers: 3 x 3 filters, and their means over 4 x 4 positions; `louder` scales all activations."""

    louder: float = 1.0
    margin_px: int = 0
    passes: list[tuple[int, ...]] | None = None

    def parts(self, picture: Tensor) -> Tensor:
        return picture

    def read(self, parts: Tensor) -> Maps:
        if self.passes is not None:
            self.passes.append(tuple(parts.shape))
        filters = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(3))
        near = self.louder * functional.conv2d(parts, filters, padding=1)
        return {"near": near, "far": functional.avg_pool2d(near, 4) ** 2}


def picture(seed: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Soft noise; seeds differ in their colors, too."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(1, 3, *size, generator=generator) * torch.rand(1, 3, 1, 1, generator=generator)).clamp(0, 1)


def the_targets(*regions: Region, encoder: Toy | None = None, smoothing: float = 0.0) -> TransferTargets:
    whole = regions or (Region([(picture(1), 1.0)]),)
    return transfer_targets(encoder or Toy(), picture(0), whole, StyleLayers("far", LAYERS, smoothing), SIZE)


def half() -> Tensor:
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., :24] = 1
    return mask


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_the_photo_has_all_of_its_content_and_none_of_the_style_and_the_style_the_style(smoothing: float) -> None:
    targets = the_targets(smoothing=smoothing)
    content, style = targets.distances(picture(0))
    torch.testing.assert_close(content, torch.tensor(0.0))
    torch.testing.assert_close(style, torch.tensor(1.0))
    torch.testing.assert_close(targets.distances(picture(1))[1], torch.tensor(0.0), atol=1e-6, rtol=0)


def test_a_constant_map_has_content_distance_1() -> None:
    targets = the_targets()
    far = targets.content.mean(dim=(2, 3), keepdim=True).expand_as(targets.content)

    class Flat(Toy):
        def read(self, parts: Tensor) -> Maps:
            return {**super().read(parts), "far": far}

    flat = TransferTargets(
        Flat(), SIZE, targets.transform, "far", targets.content, targets.content_unit, targets.styles
    )
    torch.testing.assert_close(flat.distances(picture(2))[0], torch.tensor(1.0))


def test_distances_are_those_of_the_formula_layer_by_layer() -> None:
    toy, stylized = Toy(), picture(2)
    content, style = the_targets().distances(stylized)
    photo, gram_target, current = (toy.read(each) for each in (picture(0), picture(1), stylized))
    expected = sum(
        share
        * (gram(current[layer]) - gram(gram_target[layer])).square().sum()
        / (gram(photo[layer]) - gram(gram_target[layer])).square().sum()
        for layer, share in LAYERS.items()
    )
    torch.testing.assert_close(style, torch.as_tensor(expected))
    varied = (photo["far"] - photo["far"].mean(dim=(2, 3), keepdim=True)).square().sum()
    torch.testing.assert_close(content, (current["far"] - photo["far"]).square().sum() / varied)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_the_scale_of_activations_changes_no_distance(smoothing: float) -> None:
    plain, loud = (
        the_targets(encoder=Toy(louder), smoothing=smoothing).distances(picture(2)) for louder in (1.0, 30.0)
    )
    torch.testing.assert_close(loud, plain, rtol=1e-4, atol=1e-6)


def test_several_styles_are_mixed_by_their_shares() -> None:
    first, second = picture(1), picture(3)
    targets = the_targets(Region([(first, 0.25), (second, 0.75)]))
    toy = Toy()
    for aim in targets.styles:
        expected = 0.25 * gram(toy.read(first)[aim.layer]) + 0.75 * gram(toy.read(second)[aim.layer])
        torch.testing.assert_close(aim.gram_target, expected)


def test_a_style_of_no_weight_changes_nothing() -> None:
    expected = the_targets(Region([(picture(1), 1.0)])).distances(picture(2))
    torch.testing.assert_close(
        the_targets(Region([(picture(1), 1.0), (picture(3), 0.0)])).distances(picture(2)), expected
    )


def test_in_each_region_its_own_style_counts_by_its_area() -> None:
    mask = half()
    targets = the_targets(Region([(picture(1), 1.0)], mask), Region([(picture(3), 1.0)], 1 - mask))
    assert [(aim.layer, aim.share) for aim in targets.styles] == [
        ("near", 0.375), ("far", 0.125), ("near", 0.375), ("far", 0.125),
    ]  # fmt: skip
    torch.testing.assert_close(targets.distances(picture(0))[1], torch.tensor(1.0))
    painted = mask * picture(1) + (1 - mask) * picture(0)  # half of the work, but for a column at the border
    assert targets.distances(painted)[1] == pytest.approx(0.5, abs=0.1)


def test_a_region_without_a_style_keeps_the_photos() -> None:
    mask = half()
    targets = the_targets(Region([(picture(1), 1.0)], mask), Region([], 1 - mask))
    inside, outside = targets.styles[0], targets.styles[2]
    assert outside.unit is inside.unit
    preserved = targets.by_layer(picture(0))[1]
    assert float(preserved[outside]) == pytest.approx(0, abs=1e-6)
    assert float(preserved[inside]) == pytest.approx(1)
    assert targets.by_layer(picture(1))[1][outside] > 0.1


def test_the_gradient_is_that_of_small_differences() -> None:
    targets = the_targets(Region([(picture(1), 1.0)], half()), Region([], 1 - half()), smoothing=0.5)
    start = picture(2).requires_grad_()
    content, style = targets.distances(start)
    (gradient,) = torch.autograd.grad(content + style, start)
    along = torch.randn(start.shape, generator=torch.Generator().manual_seed(5))
    step = 1e-3
    with torch.no_grad():
        after, before = (sum(targets.distances(start + direction * step * along)) for direction in (1, -1))
    assert float(after - before) / (2 * step) == pytest.approx(float((gradient * along).sum()), rel=2e-2)


def test_one_step_is_one_pass() -> None:
    passes: list[tuple[int, ...]] = []
    targets = the_targets(Region([(picture(1), 1.0)], half()), Region([], 1 - half()), encoder=Toy(passes=passes))
    passes.clear()
    targets.distances(picture(2))
    assert passes == [(1, 3, *SIZE)]


def test_photo_styles_and_masks_have_the_same_scale() -> None:
    passes: list[tuple[int, ...]] = []
    large = [(picture(1, (80, 160)), 1.0)]
    regions = [Region(large, torch.ones(1, 1, 80, 96))]
    targets = transfer_targets(Toy(passes=passes), picture(0, (80, 96)), regions, StyleLayers("far", LAYERS), SIZE)
    assert passes == [(1, 3, *SIZE), (1, 3, 40, 80)]
    targets.distances(picture(2, (80, 96)))
    assert passes[2:] == [(1, 3, *SIZE)]


def test_positions_beyond_the_picture_count_for_no_style() -> None:
    near, far = the_targets(encoder=Toy(margin_px=4)).styles
    assert (near.border, far.border) == (4, 1)  # a place of the far layer is 4 px wide
    maps = Toy().read(picture(0))
    for aim in (near, far):
        map_styles = maps[aim.layer].clone()
        map_styles[:, :, aim.border - 1] = 9.0
        torch.testing.assert_close(aim.distance(map_styles), aim.distance(maps[aim.layer]))
        map_styles[:, :, aim.border] = 9.0
        assert aim.distance(map_styles) > aim.distance(maps[aim.layer]) + 0.1


def test_positions_beyond_the_picture_count_for_no_content() -> None:
    class Edged(Toy):
        def read(self, parts: Tensor) -> Maps:
            maps = dict(super().read(parts))
            maps["far"] = functional.pad(maps["far"][:, :, 1:-1, 1:-1], (1,) * 4, value=edge)
            return maps

    edge = 0.0
    targets = the_targets(encoder=Edged(margin_px=4))
    plain = targets.distances(picture(2))[0]
    edge = 9.0
    torch.testing.assert_close(targets.distances(picture(2))[0], plain)


def test_shares_become_one_and_pictures_are_changed_one_by_one() -> None:
    assert [share for _, share in normalized_shares([(picture(0), 1.0), (picture(1), 3.0)])] == [0.25, 0.75]
    assert normalized_shares([]) == []
    (region,) = map_styles([Region([(picture(0), 1.0)], half())], lambda style: style * 0)
    assert region.styles[0][0].abs().max() == 0
    assert torch.equal(region.mask if region.mask is not None else torch.zeros(1), half())


def test_a_picture_keeps_its_shape_and_gets_no_smaller_than_the_minimum() -> None:
    assert scaled_size((100, 400), 0.5) == (50, 200)
    assert scaled_size((100, 400), 0.01) == (MIN_SIDE_PX, 4 * MIN_SIDE_PX)
    assert scaled_size((400, 40), 0.56) == (10 * MIN_SIDE_PX, MIN_SIDE_PX)


def test_a_photo_that_has_the_style_or_no_content_gives_distances_no_unit() -> None:
    ordinary = the_targets()
    assert not ordinary.photo_is_plain
    assert not ordinary.photo_has_style
    own = the_targets(Region([(picture(0), 1.0)]))
    assert own.photo_has_style
    assert not own.photo_is_plain


def test_a_plain_photo_has_no_content_to_be_distant_from() -> None:
    @dataclass(frozen=True)
    class Means(Toy):
        def read(self, parts: Tensor) -> Maps:
            return {
                name: values.mean((2, 3), keepdim=True).expand_as(values)
                for name, values in super().read(parts).items()
            }

    assert the_targets(encoder=Means()).photo_is_plain
