"""What `timm.models.save_for_hf` writes is loaded as timm's own `local-dir:` loads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf
from torch import Tensor

from core.errors import NetworkUnavailable
from core.networks.catalog import get_card
from core.networks.loading import load

SMALL = {"depth": 2, "embed_dim": 48, "num_heads": 3}
EXPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("test_resnet", {}),
    "cnn with arguments": ("resnet18", {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1], "global_pool": "max"}),
    "cnn without batch norm": ("test_convnext", {"drop_path_rate": 0.1}),
    "vit": ("test_vit", {}),
    "vit of another size": ("vit_tiny_patch16_224", {"img_size": 96}),
    "vit of an oblong size": ("vit_tiny_patch16_224", {"img_size": (64, 96)}),
    "vit of any size": ("vit_tiny_patch16_224", {"dynamic_img_size": True}),
    "vit of any size, built at another": ("test_vit", {"img_size": 96}),
    "vit with arguments": ("vit_tiny_patch16_224", {"img_size": 64, "patch_size": 8, "global_pool": "avg"} | SMALL),
    "window attention": ("swin_tiny_patch4_window7_224", {"embed_dim": 24, "depths": [1, 1, 1, 1], "img_size": 112}),
    "mixer": ("mixer_s32_224", {}),
    "mixer of another size": ("gmlp_ti16_224", {"img_size": 64}),
    "our own mixer": ("open_mixer", {"num_blocks": 1, "embed_dim": 32, "img_size": 64, "patch_size": 8}),
}
UNNAMED = {"cnn", "vit", "vit of another size", "vit of an oblong size", "mixer", "mixer of another size"}
"""Exports that are built without `model_args` too, as earlier versions of timm wrote them."""


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "networks" / "local" / "mine"


def export(folder: Path, name: str, changes: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    architecture, arguments = EXPORTS[name]
    torch.manual_seed(3)
    model = timm.create_model(architecture, num_classes=7, **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_for_hf(
        model, str(folder), safe_serialization=True, model_config={"label_names": [f"kind {i}" for i in range(7)]}
    )
    config = json.loads((folder / "config.json").read_text())
    changes(config)
    (folder / "config.json").write_text(json.dumps(config))


def logits(folder: Path) -> tuple[Tensor, Tensor]:
    """Logits of our network and of timm's `local-dir:`."""
    network = load(get_card("local/mine"))
    x = torch.rand(2, 3, *network.card.input_px)
    reference = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    config = timm.data.resolve_data_config(model=reference)
    assert tuple(config["input_size"]) == (3, *network.card.input_px)
    mean, std = (torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        return network(x), reference((x - mean) / std)


@pytest.mark.parametrize("name", EXPORTS)
def test_what_timm_exports_gives_the_logits_that_timm_gives(folder: Path, name: str) -> None:
    export(folder, name)
    ours, timms = logits(folder)
    assert ours.shape == (2, 7)
    torch.testing.assert_close(ours, timms, atol=1e-5, rtol=0)
    assert get_card("local/mine").class_names[6] == "kind 6"


@pytest.mark.parametrize("name", sorted(UNNAMED))
def test_an_export_without_arguments_too(folder: Path, name: str) -> None:
    export(folder, name, lambda config: config.pop("model_args"))
    torch.testing.assert_close(*logits(folder), atol=1e-5, rtol=0)


def test_a_size_that_the_export_does_not_name_is_that_of_its_architecture(folder: Path) -> None:
    """A ViT of 96 px, written by hand: neither `img_size` nor `fixed_input_size` is in the configuration."""

    def by_hand(config: dict[str, Any]) -> None:
        del config["model_args"], config["pretrained_cfg"]["fixed_input_size"]

    export(folder, "vit of another size", by_hand)
    network = load(get_card("local/mine"))
    assert network.card.input_px == (96, 96)
    x = torch.rand(1, 3, 96, 96)
    reference = timm.create_model("vit_tiny_patch16_224", num_classes=7, img_size=96).eval()
    reference.load_state_dict(load_file(folder / "model.safetensors"))
    torch.testing.assert_close(network(x), reference((x - network.mean) / network.std))


def test_weights_of_another_size_are_resampled_as_timm_does(folder: Path) -> None:
    def larger(config: dict[str, Any]) -> None:
        del config["model_args"]
        config["pretrained_cfg"]["input_size"] = [3, 128, 128]

    export(folder, "vit of another size", larger)
    torch.testing.assert_close(*logits(folder), atol=1e-5, rtol=0)


def test_a_flat_configuration_of_an_early_timm(folder: Path) -> None:
    def flat(config: dict[str, Any]) -> None:
        config |= config.pop("pretrained_cfg") | {"labels": config.pop("label_names"), "mean": [0.1, 0.2, 0.3]}
        del config["model_args"]
        for name in ("num_features", "global_pool"):
            config.pop(name, None)

    export(folder, "cnn", flat)
    card = get_card("local/mine")
    assert (card.mean, card.class_names[2], card.input_px) == ((0.1, 0.2, 0.3), "kind 2", (160, 160))
    torch.testing.assert_close(*logits(folder), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ({"num_classes": 8}, "model_args must agree with the configuration in num_classes, which is 7"),
        ({"in_chans": 1}, "model_args must agree with the configuration in in_chans, which is 3"),
        ({"img_size": 10**6}, "img_size in model_args must be 1 to 4096 px, got 1000000"),
        ({"embed_dim": 10**9}, "model_args may not set embed_dim to 1000000000"),
    ],
)
def test_arguments_that_disagree_are_one_sentence(folder: Path, argument: dict[str, Any], sentence: str) -> None:
    export(folder, "cnn", lambda config: config["model_args"].update(argument))
    with pytest.raises(NetworkUnavailable, match=sentence):
        get_card("local/mine")


def wrapped(folder: Path, prefixes: tuple[str, ...], others: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Save the folder's weights under each of the prefixes, those of later ones with other values; the first ones."""
    tensors = load_file(folder / "model.safetensors")
    saved = dict(others or {})
    for number, prefix in enumerate(prefixes):
        saved |= {f"{prefix}{name}": tensor + number for name, tensor in tensors.items()}
    save_file(saved, folder / "model.safetensors")
    return tensors


EPOCH = {"epoch": torch.tensor(3), "optimizer.state.0.exp_avg": torch.ones(2), "n_averaged": torch.tensor(1)}


@pytest.mark.parametrize(
    ("prefixes", "others", "note"),
    [
        (["module."], None, "weights under module."),
        (["_orig_mod."], None, "weights under _orig_mod."),
        (["model."], EPOCH, "weights under model."),
        (["state_dict."], EPOCH, "weights under state_dict."),
        (["module._orig_mod."], None, "weights under module._orig_mod."),
        (["_orig_mod.module."], None, "weights under _orig_mod.module."),
        (["state_dict.model._orig_mod.module."], EPOCH, "weights under state_dict.model._orig_mod.module."),
        (["state_dict_ema.", "state_dict."], EPOCH, "weights under state_dict_ema., the moving average (EMA)"),
        (["model_ema.module.", "model."], EPOCH, "weights under model_ema.module., the moving average (EMA)"),
    ],
)
def test_wrapped_weights_are_found_and_said(
    folder: Path, prefixes: list[str], others: Mapping[str, Tensor] | None, note: str
) -> None:
    export(folder, "cnn")
    plain = wrapped(folder, tuple(prefixes), others)
    card = get_card("local/mine")
    network = load(card)
    assert card.weights_note == note
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert all(torch.equal(tensor, plain[name]) for name, tensor in network.model.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_wrapped_weights_give_what_timm_gives(folder: Path, prefix: str) -> None:
    export(folder, "cnn")
    wrapped(folder, (prefix,))
    torch.testing.assert_close(*logits(folder), atol=1e-5, rtol=0)


def test_a_part_that_is_compiled_alone(folder: Path) -> None:
    export(folder, "cnn")
    tensors = load_file(folder / "model.safetensors")
    renamed = {name.replace("layer1.", "layer1._orig_mod."): tensor for name, tensor in tensors.items()}
    save_file(renamed, folder / "model.safetensors")
    assert get_card("local/mine").weights_note == "weights without _orig_mod in their names"
    torch.testing.assert_close(load(get_card("local/mine")).model.fc.bias, tensors["fc.bias"])


@pytest.mark.parametrize(
    ("prefixes", "sentence"),
    [
        (("model.", "module."), "they are both under model. and module.: keep one"),
        (("model.", ""), "they are both under model. and beside it"),
        (("state_dict_ema.", "model_ema."), "they are both under model_ema. and state_dict_ema.: keep one"),
        (("_orig_mod.", ""), "they have .* and .*: keep one of them"),
    ],
)
def test_weights_that_are_there_twice_are_one_sentence(folder: Path, prefixes: tuple[str, ...], sentence: str) -> None:
    export(folder, "cnn")
    wrapped(folder, prefixes)
    with pytest.raises(NetworkUnavailable, match=sentence):
        get_card("local/mine")


@pytest.fixture
def damaged(folder: Path) -> dict[str, Tensor]:
    """Tensors of an export, for a test to damage."""
    export(folder, "cnn")
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("architecture", ["test_resnet", "dla46_c", "inception_v3"])
def test_a_tensor_too_few_is_named_also_where_timm_would_keep_random_weights(folder: Path, architecture: str) -> None:
    model = timm.create_model(architecture, num_classes=7)
    save_for_hf(model, str(folder), safe_serialization=True)
    tensors = model.state_dict()
    (classifier,) = {name for name in tensors if name.endswith("fc.weight") and "aux" not in name.lower()}
    save_file({name: tensor for name, tensor in tensors.items() if name != classifier}, folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=f"do not fit {architecture}: they lack {classifier}"):
        load(get_card("local/mine"))


def test_a_tensor_too_many_or_of_another_shape_is_named(folder: Path, damaged: dict[str, Tensor]) -> None:
    save_file(damaged | {"fc.scale": torch.ones(7)}, folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=r"they have fc\.scale, which it lacks"):
        load(get_card("local/mine"))
    save_file(damaged | {"fc.weight": torch.ones(7, 5)}, folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=r"fc\.weight must have the shape \[7, \d+\], got \[7, 5\]"):
        load(get_card("local/mine"))


def test_quantized_weights_are_refused_and_half_precision_is_taken(folder: Path, damaged: dict[str, Tensor]) -> None:
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in damaged.items()},
              folder / "model.safetensors")  # fmt: skip
    assert load(get_card("local/mine")).model.fc.weight.dtype == torch.float32
    save_file(damaged | {"fc.weight": damaged["fc.weight"].to(torch.int8)}, folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=r"fc\.weight in model\.safetensors has the type I8"):
        get_card("local/mine")
