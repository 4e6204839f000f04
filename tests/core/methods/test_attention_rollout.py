from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import timm
import torch
from timm.layers import AttentionPoolLatent
from torch import Tensor, nn

from core.engine.attribution.rollout import Attention, attentions, in_parallel, rollout, supports_rollout
from core.errors import Undefined
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.attributions import Broken, hooks, loaded, made, photos
from tests.core.methods.conftest import card


def test_two_layers_by_hand() -> None:
    first = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]]])  # (1, 2 heads, 2, 2)
    second = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]] * 2])
    # means [[.5, .5], [1, 0]] and [[.5, .5], [0, 1]]; with the skip [[.75, .25], [.5, .5]] and [[.75, .25], [0, 1]]
    expected = torch.tensor([[[0.6875, 0.3125], [0.5, 0.5]]])
    torch.testing.assert_close(rollout([[first], [second]]), expected)
    # maximum of the heads: [[1, 1], [1, 0]], with the skip [[1, .5], [.5, .5]], rows normalized
    torch.testing.assert_close(rollout([[first]], "max"), torch.tensor([[[2 / 3, 1 / 3], [0.5, 0.5]]]))


def test_identity_attention_is_the_identity() -> None:
    torch.testing.assert_close(rollout([[torch.eye(4).expand(1, 3, 4, 4)]] * 5)[0], torch.eye(4))


def flow_of(network: Network, pictures: Tensor, groups: Sequence[int]) -> Tensor:
    """The product over the blocks by its definition, from attention recorded here; so many attentions per block."""
    with attentions(network.model) as ran:
        network(pictures)
    weights = iter([attention.weights.mean(dim=1) for attention in ran])
    flow = identity = torch.eye(ran[0].weights.shape[-1])
    for count in groups:
        flow = (sum(next(weights) for _ in range(count)) + identity) / (count + 1) @ flow
    return flow


def varied(architecture: str) -> Network:
    """A small network whose attention differs from place to place: as timm creates it, it is nearly even."""
    torch.manual_seed(0)
    small = {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3, "num_classes": 5}
    model = timm.create_model(architecture, **small)
    for path, weight in model.named_parameters():
        nn.init.normal_(weight, mean=float("norm" in path), std=0.1 if "head" in path else 0.2)
    return Network(card(architecture).model_copy(update={"input_px": (64, 64)}), model, "0" * 64)


READ_BY = {
    "vit_tiny_patch16_224": (1, [0], 1, "the class token"),
    "deit_tiny_distilled_patch16_224": (1, [0, 1], 2, "2 class tokens"),
    "vit_small_patch16_18x2_224": (2, [0], 1, "the class token"),
    "vit_pwee_patch16_reg1_gap_256": (1, [], 1, "all tokens"),
}
"""Architecture -> attentions per block, tokens that are read (none: all with a place), tokens without one, caption."""


@pytest.mark.parametrize("architecture", READ_BY)
def test_it_is_the_mean_row_of_the_tokens_that_are_read(architecture: str) -> None:
    count, rows, prefix, described = READ_BY[architecture]
    network = varied(architecture)
    pictures = photos(network)
    maps, reader, blocks = made("attention_rollout").maps(network, pictures)
    flow = flow_of(network, pictures, [count] * 3)
    expected = flow[:, rows or slice(prefix, None)].mean(dim=1)[0, prefix:]
    torch.testing.assert_close(maps[0].flatten(), expected, rtol=1e-4, atol=1e-7)
    assert (reader, blocks) == (described, 3)
    assert 0 < maps.sum() <= 1.001


def test_attentions_that_read_the_same_tokens_are_one_block() -> None:
    network = loaded("random/test_vit")
    with attentions(network.model) as ran:
        network(photos(network).requires_grad_())
    assert [len(group) for group in in_parallel(ran)] == [1] * 6


def test_a_pool_that_reads_tokens_by_attention_is_undefined() -> None:
    network = load(get_card("random/test_vit"))
    network.model.attn_pool = AttentionPoolLatent(network.model.embed_dim)
    with pytest.raises(Undefined, match="pool that reads tokens"):
        made("attention_rollout").maps(network, photos(network))


def test_a_prediction_that_reads_no_token_is_undefined() -> None:
    network = load(get_card("bundled/vit"))
    classifier: Any = network.model.get_classifier()  # type: ignore[operator]
    with torch.no_grad():
        classifier.weight.zero_()
    with pytest.raises(Undefined, match="depends on no token"):
        made("attention_rollout").run([sample("cat")], network, Context())


def test_a_batch_equals_single_pictures() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network, 2)
    together = made("attention_rollout").maps(network, pictures)[0]
    apart = torch.cat([made("attention_rollout").maps(network, pictures[row : row + 1])[0] for row in range(2)])
    torch.testing.assert_close(together, apart)


def test_the_weights_are_those_of_the_forward_pass() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network)
    with attentions(network.model) as ran:
        explicit = network(pictures)
    torch.testing.assert_close(explicit, network(pictures), rtol=1e-3, atol=1e-4)
    assert all(torch.allclose(attention.weights.sum(dim=-1), torch.ones(1)) for attention in ran)


def test_fused_attention_and_hooks_are_restored_after_an_error() -> None:
    network = loaded("random/test_vit")

    def fused() -> list[Any]:
        return [module.fused_attn for module in network.modules() if hasattr(module, "fused_attn")]

    before = fused()
    assert any(before)
    with pytest.raises(RuntimeError, match="out of memory"):
        made("attention_rollout").run([sample("cat")], network, Broken())
    with pytest.raises(ValueError, match="inside"), attentions(network.model):
        raise ValueError("inside")
    assert fused() == before
    assert hooks(network) == 0


def test_networks_without_attention_are_undefined() -> None:
    for name in ("random/test_resnet", "random/mixer_s32_224"):
        assert "no attention between tokens" in str(made("attention_rollout").undefined_for(get_card(name)))


def ran(weights: Tensor, tokens: int = 5) -> Attention:
    inputs = torch.zeros(2, tokens, 8)
    return Attention("attn", weights, inputs, inputs)


def test_only_attention_of_all_tokens_to_all_tokens_is_supported() -> None:
    whole = torch.full((2, 3, 5, 5), 0.2)
    assert supports_rollout([ran(whole), ran(whole)], 2)
    for other in (
        whole.repeat(4, 1, 1, 1),  # windows of each picture
        torch.full((2, 3, 4, 4), 0.25),  # another grid
        whole[:, :, :1],  # of a class token alone
        whole * 1.5,  # heads mixed after the softmax
    ):
        assert not supports_rollout([ran(whole), ran(other)], 2)
    assert not supports_rollout([ran(whole[:, :, :1])] * 2, 2)
    assert not supports_rollout([ran(whole, tokens=9)] * 2, 2)  # between channels


def test_attention_in_windows_is_undefined() -> None:
    with pytest.raises(Undefined, match="Attention stays within windows"):
        made("attention_rollout").run([sample("cat")], loaded("random/test_coatnet"), Context())
