from __future__ import annotations

from typing import Any

import pytest
import torch

from core.engine.attribution.rollout import attention_weights, rollout, supports_rollout
from core.errors import Undefined
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.catalog import get_card
from tests.core.methods.attributions import Broken, hooks, loaded, made, photos


def test_two_layers_by_hand() -> None:
    first = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]]])  # (1, 2 heads, 2, 2)
    second = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]] * 2])
    # means [[.5, .5], [1, 0]] and [[.5, .5], [0, 1]]; with the skip [[.75, .25], [.5, .5]] and [[.75, .25], [0, 1]]
    expected = torch.tensor([[[0.6875, 0.3125], [0.5, 0.5]]])
    torch.testing.assert_close(rollout([first, second]), expected)
    # maximum of the heads: [[1, 1], [1, 0]], with the skip [[1, .5], [.5, .5]], rows normalized
    torch.testing.assert_close(rollout([first], "max"), torch.tensor([[[2 / 3, 1 / 3], [0.5, 0.5]]]))


def test_identity_attention_is_the_identity() -> None:
    torch.testing.assert_close(rollout([torch.eye(4).expand(1, 3, 4, 4)] * 5)[0], torch.eye(4))


def test_it_is_the_row_of_the_class_token_without_that_token() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network)
    maps, reader, blocks = made("attention_rollout").maps(network, pictures)
    with attention_weights(network.model) as weights:
        network(pictures)
    side = maps.shape[1]
    torch.testing.assert_close(maps[0], rollout(weights)[0, 0, 1:].view(side, side))
    assert (reader, blocks) == ("the class token", 6)
    assert 0 < maps.sum() < 1


def test_a_batch_equals_single_pictures() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network, 2)
    together = made("attention_rollout").maps(network, pictures)[0]
    apart = torch.cat([made("attention_rollout").maps(network, pictures[row : row + 1])[0] for row in range(2)])
    torch.testing.assert_close(together, apart)


def test_the_weights_are_those_of_the_forward_pass() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network)
    with attention_weights(network.model) as weights:
        explicit = network(pictures)
    torch.testing.assert_close(explicit, network(pictures), rtol=1e-3, atol=1e-4)
    assert all(torch.allclose(block.sum(dim=-1), torch.ones(1)) for block in weights)


def test_fused_attention_and_hooks_are_restored_after_an_error() -> None:
    network = loaded("random/test_vit")

    def fused() -> list[Any]:
        return [module.fused_attn for module in network.modules() if hasattr(module, "fused_attn")]

    before = fused()
    assert any(before)
    with pytest.raises(RuntimeError, match="out of memory"):
        made("attention_rollout").run([sample("cat")], network, Broken())
    with pytest.raises(ValueError, match="inside"), attention_weights(network.model):
        raise ValueError("inside")
    assert fused() == before
    assert hooks(network) == 0


def test_networks_without_attention_are_undefined() -> None:
    for name in ("random/test_resnet", "random/mixer_s32_224"):
        assert "no attention between tokens" in str(made("attention_rollout").undefined_for(get_card(name)))


def test_only_attention_of_all_tokens_to_all_tokens_is_supported() -> None:
    whole = torch.full((2, 3, 5, 5), 0.2)
    assert supports_rollout([whole, whole], 2)
    for other in (
        whole.repeat(4, 1, 1, 1),  # windows of each picture
        torch.full((2, 3, 4, 4), 0.25),  # another grid
        whole[:, :, :1],  # of a class token alone
        whole * 1.5,  # heads mixed after the softmax
    ):
        assert not supports_rollout([whole, other], 2)
    assert not supports_rollout([whole[:, :, :1]] * 2, 2)


def test_attention_in_windows_is_undefined() -> None:
    with pytest.raises(Undefined, match="Attention stays within windows"):
        made("attention_rollout").run([sample("cat")], loaded("random/test_coatnet"), Context())
