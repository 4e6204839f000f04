"""Networks that stay loaded between jobs, within a limit of memory."""

from __future__ import annotations

from collections import OrderedDict

import torch

from core.errors import BadInput, NetworkUnavailable
from core.networks.card import NetworkCard
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

BYTES_PER_PARAMETER = 4


class NetworkPool:
    """Keeps at most `limit_bytes` of weights on `device`; unloads the least recently used networks first.

    A network larger than the limit is loaded too; then it is the only one.
    """

    def __init__(self, limit_bytes: int, device: torch.device | str) -> None:
        self.limit_bytes = limit_bytes
        self.device = torch.device(device)
        self._loaded: OrderedDict[str, Network] = OrderedDict()

    def get(self, name: str) -> Network:
        """The network of this name or identity, loaded if it is not yet.

        Raises UnknownNetwork, or NetworkUnavailable where its weights are unusable, or of another identity.
        """
        card = get_card(name.partition("#")[0])
        if "#" in name and name != card.identity:
            raise NetworkUnavailable(
                f"the weights of {card.name} have changed: they are {card.identity}, not {name[:200]}"
            )
        if card.identity not in self._loaded:
            self._make_room(card)
            self._loaded[card.identity] = load(card, self.device)
        self._loaded.move_to_end(card.identity)
        return self._loaded[card.identity]

    @property
    def identities(self) -> tuple[str, ...]:
        """Identities of the loaded networks, the least recently used first."""
        return tuple(self._loaded)

    @property
    def memory_bytes(self) -> int:
        """Memory of all loaded networks in bytes."""
        return sum(network.memory_bytes for network in self._loaded.values())

    def _make_room(self, card: NetworkCard) -> None:
        """Unload networks before the next one is loaded, so that the limit holds at every moment."""
        needed = card.parameters * BYTES_PER_PARAMETER
        while self._loaded and self.memory_bytes + needed > self.limit_bytes:
            self._loaded.popitem(last=False)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def default_device(setting: str) -> str:
    """The device for `setting` (auto, cpu, cuda, mps). Raises BadInput for one that this machine lacks."""
    devices = [name for name, usable in (("cuda", torch.cuda.is_available()), ("mps", _has_mps())) if usable] + ["cpu"]
    if setting == "auto":
        return devices[0]
    if setting not in devices:
        raise BadInput(f"device must be auto or one of this machine's ({', '.join(devices)}), got {setting[:40]!r}")
    return setting


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
