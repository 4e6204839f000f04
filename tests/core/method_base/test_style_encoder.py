from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.engine.style.gram import gram
from core.engine.style.stylization import StyleLayers
from core.media.samples import sample
from core.method_base.style import sized
from core.method_base.style_encoder import Encoder, automatic_style_layers, encoder_of, style_layers_by_depth
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

CNN, VIT, MIXER, HYBRID = "random/test_convnext", "random/test_vit", "random/mixer_s32_224", "random/test_coatnet"


def photo(size_px: int = 160) -> Tensor:
    return sized(sample("cat"), size_px, torch.device("cpu"))


def network(name: str) -> Network:
    return load(get_card(name))


def test_a_cnn_reads_the_whole_picture_and_other_networks_windows_of_their_input_size() -> None:
    parts = Encoder(network(CNN), ()).parts(photo(200))
    assert torch.equal(parts[:, :, 8:-8, 8:-8], photo(200))  # 133 x 200, and a margin that mirrors it
    assert torch.equal(parts[:, :, 8:-8, 7], photo(200)[..., 1])
    vit = network(VIT)  # 160 px
    assert Encoder(vit, ()).parts(photo(400)).shape == (12, 3, 160, 160)  # 267 x 400, twice two rows of three
    assert Encoder(vit, ()).parts(photo(100)).shape == (4, 3, 160, 160)  # enlarged, so that a window fits
    assert Encoder(vit, ()).parts(photo()[:, :, :100, :106]).shape == (2, 3, 160, 160)  # squeezed by a little
    assert Encoder(vit, ()).parts(photo()[:, :, :100, :107]).shape == (4, 3, 160, 160)


@pytest.mark.parametrize("name", [CNN, VIT, MIXER, HYBRID])
def test_maps_of_every_family_have_gradients_with_respect_to_the_picture(name: str) -> None:
    own = network(name)
    picture = photo().requires_grad_()
    style_layers = automatic_style_layers(own, picture.detach())
    encoder = encoder_of(own, style_layers)
    maps = encoder.read(encoder.parts(picture))
    assert maps.keys() == {*style_layers.styles, style_layers.content}
    assert all(values.ndim == 4 and values.shape[2] * values.shape[3] > 1 for values in maps.values())
    loss = torch.stack([gram(values).square().sum() for values in maps.values()]).sum()
    (gradient,) = torch.autograd.grad(loss, [picture])
    assert (gradient.abs().sum(dim=1) > 0).float().mean() > 0.9  # of nearly all pixels
    assert not any(parameter.grad is not None for parameter in own.parameters())


def test_style_layers_of_a_cnn_are_the_ends_of_all_stages_but_the_last() -> None:
    style_layers = automatic_style_layers(network("lite/efficientnet_lite0"), photo(224))
    assert style_layers.styles == dict.fromkeys(("blocks.0.0", "blocks.1.1", "blocks.2.1", "blocks.4.2"), 0.25)
    assert style_layers.content == "blocks.4.2"


@pytest.mark.parametrize(
    ("name", "styles", "content"), [(MIXER, (1, 2, 3, 5), 3), ("random/vit_tiny_patch16_224", (1, 3, 5, 7), 5)]
)
def test_style_layers_without_stages_are_evenly_spaced_blocks(name: str, styles: tuple[int, ...], content: int) -> None:
    style_layers = automatic_style_layers(network(name), photo(224))
    assert list(style_layers.styles) == [f"blocks.{number}" for number in styles]
    assert style_layers.content == f"blocks.{content}"
    assert sum(style_layers.styles.values()) == pytest.approx(1)


def test_weights_of_depths_in_the_same_block_add_up() -> None:
    own = network("lite/efficientnet_lite0")  # 16 blocks
    style_layers = style_layers_by_depth(own, 100, [1, 6, 50], [0.5, 0.25, 0.25])
    assert style_layers == StyleLayers("blocks.6.0", {"blocks.0.0": 0.75, "blocks.3.2": 0.25})


def test_the_gram_matrix_does_not_depend_on_the_order_of_tokens() -> None:
    """A ViT without position embeddings permutes its tokens as its patches are permuted."""
    vit = network(VIT)
    torch.nn.init.zeros_(vit.model.get_parameter("pos_embed"))
    patch = 16
    picture = photo(160)[:, :, :96, :160]
    picture = torch.nn.functional.interpolate(picture, (160, 160))
    rows = picture.view(1, 3, -1, patch, 160).flip(2).flatten(2, 3)  # its rows of patches upside down, each as it was
    encoder = Encoder(vit, ("blocks.1",))
    one, other = (encoder.read(each)["blocks.1"] for each in (picture, rows))  # a window each
    torch.testing.assert_close(other, one.flip(2), atol=1e-4, rtol=1e-3)
    assert not torch.allclose(other, one, atol=1e-2)
    torch.testing.assert_close(gram(other), gram(one), atol=1e-4, rtol=1e-3)


def test_the_network_runs_no_further_than_the_last_layer() -> None:
    own = network(CNN)
    blocks = [name for name in own.layers() if "blocks" in name]
    Encoder(own, (blocks[0], blocks[1])).read(photo())  # finds where the layers' places are
    ran: list[str] = []
    for name in own.layers():
        own.layer(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    Encoder(own, (blocks[0], blocks[1])).read(photo())
    assert ran[-1] == blocks[1]
