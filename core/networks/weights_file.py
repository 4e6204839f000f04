"""The header of a safetensors file: names, types and shapes of its tensors, and where among them a network's are.

A checkpoint of a training wraps a network's names: `module.` (data parallel), `_orig_mod.` (compiled), `model.`,
`state_dict.`, `state_dict_ema.` and combinations. A timm network has no part of such a name.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

MAX_WEIGHTS_BYTES = 40_000_000_000
MAX_HEADER_BYTES = 10_000_000
"""Size of the table of tensors; that of the largest network of timm has 0.4 MB."""
EMA = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema")
"""Names under which a checkpoint has the moving average of the weights, which is used where there is one."""
WRAPPERS = (*EMA, "state_dict", "model_state_dict", "model", "module")
TRANSPARENT = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Names that wrap any part of a network."""
LEFTOVERS = frozenset({
    "amp_scaler", "arch", "args", "criterion", "decay", "epoch", "global_step", "grad_scaler", "loss_fn",
    "lr_scheduler", "metric", "metrics", "n_averaged", "num_batches", "num_updates", "optimizer", "scaler",
    "scheduler", "step", "version",
})  # fmt: skip
"""Further names of a checkpoint that hold no weights of the network."""
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index")
"""Endings of tensors that are not trained."""
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Types of weights; quantized ones have scales beside them that timm's networks do not apply."""


@dataclass(frozen=True)
class WeightsFile:
    """What the header of a weight file says of the network in it."""

    keys: dict[str, str]
    """The network's name of each of its tensors -> the name in the file."""
    parameters: int
    """Number of trained parameters."""
    note: str
    """Where in the file the network is, for a reader; empty where the names are the network's own."""


def read_header(path: Path) -> WeightsFile:
    """The network in this file. Raises OSError, and ValueError in one line."""
    _check_size(path)
    try:
        with safe_open(str(path), framework="numpy") as tensors:
            names = list(tensors.offset_keys())
            keys, note = unwrapped(names)
            slices = {name: tensors.get_slice(name) for name in keys.values()}
            kinds = {name: (str(piece.get_dtype()), tuple(piece.get_shape())) for name, piece in slices.items()}
    except SafetensorError as error:
        raise ValueError(f"{path.name} is not a safetensors file: {str(error)[:120]}") from None
    trained = {name: kinds[original] for name, original in keys.items() if not name.endswith(BUFFERS)}
    for name, (kind, _) in trained.items():
        if name.endswith((".weight", ".bias")) and kind not in FLOATS:
            raise ValueError(f"{name[:80]} in {path.name} has the type {kind}, not one of {', '.join(sorted(FLOATS))}")
    return WeightsFile(keys, sum(math.prod(shape) for _, shape in trained.values()), note)


def _check_size(path: Path) -> None:
    """Raise ValueError for what is no file, or whose table or whole exceeds the limits."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError(f"{path.name} must be a file")
    if facts.st_size > MAX_WEIGHTS_BYTES:
        raise ValueError(f"{path.name} must have at most {MAX_WEIGHTS_BYTES // 10**9} GB, got {facts.st_size:,} bytes")
    with path.open("rb") as file:
        table = int.from_bytes(file.read(8), "little")
    if MAX_HEADER_BYTES < table <= facts.st_size:
        raise ValueError(
            f"the table of tensors in {path.name} must have at most {MAX_HEADER_BYTES // 10**6} MB, got {table:,} bytes"
        )


def unwrapped(names: Iterable[str]) -> tuple[dict[str, str], str]:
    """(name without what wraps it -> name in the file, where the network is in the file, in words).

    Raises ValueError where the file has the weights twice, or none.
    """
    keys: dict[str, str] = {}
    for name in names:
        plain = ".".join(part for part in name.split(".") if part not in TRANSPARENT)
        if keys.setdefault(plain, name) != name:
            raise ValueError(f"they have {keys[plain][:80]} and {name[:80]}: keep one of them")
    prefix = wrapper_of(keys)
    inner = {plain.removeprefix(prefix): name for plain, name in keys.items() if plain.startswith(prefix)}
    if prefix:
        inner = {plain: name for plain, name in inner.items() if plain.partition(".")[0] not in LEFTOVERS}
    if not inner:
        raise ValueError("they have no tensors")
    return inner, _note(prefix, inner)


def wrapper_of(names: Iterable[str]) -> str:
    """The prefix of the network's tensors, such as `state_dict_ema.module.`; empty where there is none.

    Raises ValueError where several parts of a checkpoint could be the network.
    """
    prefix, inside = "", list(names)
    while True:
        parts = dict.fromkeys(name.partition(".")[0] for name in inside)
        nested = {name.partition(".")[0] for name in inside if "." in name}
        wrappers = [part for part in parts if part in WRAPPERS and part in nested]
        if not wrappers:
            return prefix
        if others := [part for part in parts if part not in WRAPPERS and part not in LEFTOVERS]:
            raise ValueError(f"they are both under {prefix}{wrappers[0]}. and beside it ({others[0][:80]})")
        chosen = [part for part in wrappers if part in EMA] or wrappers
        if len(chosen) > 1:
            raise ValueError(f"they are both under {prefix}{chosen[0]}. and {prefix}{chosen[1]}.: keep one")
        prefix += f"{chosen[0]}."
        inside = [name.removeprefix(f"{chosen[0]}.") for name in inside if name.startswith(f"{chosen[0]}.")]


def _note(prefix: str, inner: dict[str, str]) -> str:
    """`weights under state_dict_ema.module., the moving average`; empty for names as they are."""
    plain, name = next(iter(inner.items()))
    inside = any(part in TRANSPARENT for name in inner.values() for part in name.split("."))
    if not prefix and not inside:
        return ""
    wrapped = name.removesuffix(plain) if name.endswith(plain) else prefix
    average = ", the moving average (EMA)" if any(part in EMA for part in prefix.split(".")) else ""
    return f"weights under {wrapped}{average}" if wrapped else "weights without _orig_mod in their names"
