"""Each family of operations by hand, on a network that is nothing but it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.attribution.unravelling.points import Points, TracingConfig, strongest
from core.engine.attribution.unravelling.walk import Start, Unravelled, unravel
from core.errors import Undefined

PAPER = TracingConfig()
SHARED = TracingConfig(supporters=2, places=2, weighted=True, pools_all=True)


class Alone(nn.Module):
    """A network that is this function."""

    def __init__(self, function: Callable[[Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part.requires_grad_(requires_grad=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def random_tensor(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def back(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    index: int,
    config: TracingConfig = PAPER,
    sign: float = 1,
    **parts: nn.Module,
) -> Unravelled:
    """Unravel element `index` of the output."""
    point = Points(np.array([index]), np.array([sign], np.float32), np.ones(1), np.zeros(1, np.int64))
    return unravel(Alone(function, **parts), x, Start(lambda _: (point, None)), config, audit=True)


def reached(result: Unravelled) -> dict[int, float]:
    """Position -> sign times weight."""
    points = result.pixels.points
    return dict(zip(points.index.tolist(), (points.sign * points.weight).tolist(), strict=True))


def test_a_linear_layer_on_tokens_is_supported_by_its_strongest_inputs_at_the_same_token() -> None:
    torch.manual_seed(1)  # two of the inputs are positive
    x, layer = random_tensor(1, 5, 8), nn.Linear(8, 4)
    products = (layer.weight[2] * x[0, 3]).detach()
    best = int(products.argmax())
    result = reached(back(layer, x, 3 * 4 + 2, layer=layer))
    assert result == {3 * 8 + best: float(x[0, 3, best].sign())}
    two = products.topk(2).values
    shares = reached(back(layer, x, 3 * 4 + 2, SHARED, layer=layer))
    assert sorted(map(abs, shares.values())) == pytest.approx(sorted((two / two.sum()).tolist()), rel=1e-5)
    less = reached(back(layer, x, 3 * 4 + 2, sign=-1, layer=layer))
    worst = int(products.argmin())
    assert less == {3 * 8 + worst: float(x[0, 3, worst].sign())}  # so that the input would become smaller in amount


def test_a_fully_connected_layer_is_supported_by_all_positive_inputs() -> None:
    x, layer = random_tensor(1, 9), nn.Linear(9, 3)
    result = reached(back(layer, x, 1, layer=layer))
    assert set(result) == set(torch.nonzero(layer.weight[1] * x[0] > 0)[:, 0].tolist())


@pytest.mark.parametrize(
    "options", [{"padding": 1}, {"stride": 2}, {"padding": 2, "dilation": 2}, {"groups": 2, "padding": 1}]
)
def test_a_convolution_is_supported_by_the_channel_of_the_largest_sum_and_its_best_pixel(
    options: dict[str, int],
) -> None:
    x, layer = random_tensor(1, 4, 9, 9), nn.Conv2d(4, 6, 3, **options)
    outcome = layer(x)
    group = options.get("groups", 1)
    per = 4 // group
    for unit, y, column in ((1, 0, 0), (4, 2, 3), (5, outcome.shape[2] - 1, 1)):
        index = int(np.ravel_multi_index((unit, y, column), outcome.shape[1:]))
        products = torch.zeros_like(x)
        for i in range(3):
            for j in range(3):
                row = y * options.get("stride", 1) - options.get("padding", 0) + i * options.get("dilation", 1)
                across = column * options.get("stride", 1) - options.get("padding", 0) + j * options.get("dilation", 1)
                if 0 <= row < 9 and 0 <= across < 9:
                    first = unit // (6 // group) * per
                    products[0, first : first + per, row, across] = (
                        layer.weight[unit, :, i, j].detach() * x[0, first : first + per, row, across]
                    )
        sums = products.sum(dim=(2, 3))[0]
        sums[products.abs().sum(dim=(2, 3))[0] == 0] = -torch.inf
        channel = int(sums.argmax())
        result = back(layer, x, index, layer=layer)
        assert max(result.errors) < 1e-5
        (place,) = reached(result)
        assert place // 81 == channel
        if sums[channel] > 0:
            assert place == channel * 81 + int(products[0, channel].argmax())


def test_attention_is_supported_by_the_token_with_the_largest_contribution() -> None:
    x = random_tensor(1, 6, 12)

    def attend(inputs: Tensor) -> Tensor:
        query, key, value = (part.view(1, 6, 2, 2).transpose(1, 2) for part in inputs.split(4, dim=2))
        return functional.scaled_dot_product_attention(query, key, value)

    query, key, value = (part.view(1, 6, 2, 2).transpose(1, 2) for part in x.split(4, dim=2))
    weights = ((query @ key.transpose(2, 3)) / 2**0.5).softmax(-1)
    head, row, unit = 1, 4, 0
    products = weights[0, head, row] * value[0, head, :, unit]
    token = int(products.argmax())
    result = reached(back(attend, x, int(np.ravel_multi_index((head, row, unit), (2, 6, 2)))))
    assert result == {token * 12 + 8 + head * 2 + unit: 1.0}


def test_a_sum_is_supported_by_its_larger_part_and_a_tie_by_the_skip() -> None:
    x = torch.tensor([[[1.0, 5.0], [3.0, 4.0]]])
    assert reached(back(lambda inputs: inputs[:, :1] + inputs[:, 1:], x, 0)) == {2: 1}
    assert reached(back(lambda inputs: inputs[:, :1] + inputs[:, 1:], x, 1)) == {1: 1}
    both = reached(back(lambda inputs: inputs[:, :1] + inputs[:, 1:], x, 1, SHARED))
    assert both == pytest.approx({1: 5 / 9, 3: 4 / 9})
    assert reached(back(lambda inputs: inputs[:, :1] - inputs[:, 1:], x, 0)) == {0: 1}
    tied = back(lambda inputs: inputs + functional.relu(inputs), x, 1)
    assert reached(tied) == {1: 1}
    assert reached(back(lambda inputs: inputs[:, 1:] - inputs[:, :1], -x, 0)) == {0: -1}


@pytest.mark.parametrize(
    ("function", "index", "expected"),
    [
        (lambda x: torch.roll(x, 1, dims=2), 0, {2: 1}),
        (lambda x: x.flip(2), 0, {2: 1}),
        (lambda x: x.transpose(1, 2), 1, {3: 1}),
        (lambda x: functional.pad(x, (1, 0)), 1, {0: 1}),
        (lambda x: functional.pad(x, (1, 0)), 0, {}),
        (lambda x: torch.cat([torch.ones(1, 1, 3), x], dim=1), 4, {1: 1}),
        (lambda x: torch.cat([torch.ones(1, 1, 3), x], dim=1), 1, {}),
        (lambda x: torch.stack([x[:, 0], x[:, 1]], dim=2), 3, {4: 1}),
        (lambda x: x[:, :, None].expand(-1, -1, 2, -1), 10, {4: 1}),
        (lambda x: x[:, [1, 0]], 0, {3: 1}),
        (lambda x: x.repeat(1, 2, 1), 8, {2: 1}),
        (lambda x: torch.einsum("bij->bji", x), 1, {3: 1}),
    ],
)
def test_a_moved_element_is_traced_to_its_source(
    function: Callable[[Tensor], Tensor], index: int, expected: dict[int, float]
) -> None:
    x = torch.arange(1.0, 7).view(1, 2, 3)
    result = back(function, x, index)
    assert reached(result) == expected
    assert result.lost == (not expected)


def test_pools_are_supported_by_the_largest_or_by_all_positive_values() -> None:
    x = torch.tensor([[3.0, -1.0], [2.0, 5.0]]).view(1, 1, 2, 2)
    assert reached(back(lambda inputs: functional.max_pool2d(inputs, 2), x, 0)) == {3: 1}
    assert reached(back(lambda inputs: inputs.amax(dim=(2, 3)), x, 0)) == {3: 1}
    for mean in (lambda inputs: inputs.mean(dim=(2, 3)), nn.AdaptiveAvgPool2d(1), nn.AvgPool2d(2)):
        assert reached(back(mean, x, 0)) == {3: 1}
        assert reached(back(mean, x, 0, SHARED)) == pytest.approx({0: 0.3, 2: 0.2, 3: 0.5})


def test_gates_are_constants_and_negative_factors_flip_the_sign() -> None:
    x = torch.tensor([[1.0, -2.0, 3.0, 4.0]])
    assert reached(back(lambda inputs: inputs[:, :2] * inputs[:, 2:].sigmoid(), x, 0)) == {0: 1}
    assert reached(back(lambda inputs: inputs[:, :2].sigmoid() * inputs[:, 2:], x, 1)) == {3: 1}
    assert reached(back(lambda inputs: inputs[:, 2:] * functional.gelu(inputs[:, :2]), x, 0)) == {2: 1}  # GELU(1) > 0
    assert reached(back(lambda inputs: inputs * -3, x, 0)) == {0: -1}
    assert reached(back(lambda inputs: 1 - inputs, x, 0)) == {0: -1}
    assert reached(back(lambda inputs: inputs / torch.tensor([-1.0, 1, 1, 1]), x, 0)) == {0: -1}
    norm = nn.LayerNorm(4)
    norm.weight.data = torch.tensor([1.0, -1.0, 1.0, 1.0])
    assert reached(back(norm, x, 1, norm=norm)) == {1: -1}


def test_in_place_writes_are_traced_and_writes_into_a_part_are_refused() -> None:
    x = torch.tensor([[1.0, 5.0]])

    def added(inputs: Tensor) -> Tensor:
        outcome = inputs * 2
        outcome += inputs.flip(1) * 4
        return outcome.relu_()

    assert reached(back(added, x, 0)) == {1: 1}
    assert reached(back(added, x, 1)) == {1: 1}

    def partly(inputs: Tensor) -> Tensor:
        outcome = inputs * 2
        outcome[:, :1] = inputs[:, 1:]
        return outcome + 1

    def into_a_constant(inputs: Tensor) -> Tensor:
        outcome = torch.zeros(1, 2)
        outcome[:, :1] = inputs[:, 1:]
        return outcome + inputs

    for function in (partly, into_a_constant):
        with pytest.raises(Undefined, match="a write into a part"):
            back(function, x, 0)


def test_an_operation_without_a_rule_is_named_in_the_error() -> None:
    cells = nn.LSTM(3, 2, batch_first=True)
    with pytest.raises(Undefined, match="an LSTM"):
        back(lambda inputs: cells(inputs)[0], random_tensor(1, 4, 3), 0, cells=cells)
    with pytest.raises(Undefined, match="3 dimensions"):
        back(lambda inputs: functional.conv3d(inputs, torch.ones(1, 1, 2, 2, 2)), random_tensor(1, 1, 3, 3, 3), 0)
    with pytest.raises(Undefined, match="transposed"):
        back(lambda inputs: functional.conv_transpose2d(inputs, torch.ones(1, 1, 2, 2)), random_tensor(1, 1, 3, 3), 0)
    with pytest.raises(Undefined, match="cumsum"):
        back(lambda inputs: inputs.cumsum(1), random_tensor(1, 3), 0)


def test_ties_go_to_the_first_supporter_and_a_point_without_any_stays_or_goes() -> None:
    table = np.array([[1, 3, 3], [-2, -1, -3]], np.float32)
    support = strongest(table, 2)
    assert support.parent.tolist() == [0, 0, 1]
    assert support.candidate.tolist() == [1, 2, 1]
    assert support.share.tolist() == [0.5, 0.5, 1]
    assert support.stays.tolist() == [False, False, True]
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[-1.0, -2.0]])
    x = torch.ones(1, 3, 2)
    assert reached(back(layer, x, 1, layer=layer)) == {2: -1}
    assert reached(back(layer, x, 1, TracingConfig(stays=False), layer=layer)) == {}
