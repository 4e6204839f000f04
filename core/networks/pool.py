"""Networks that stay loaded between jobs, within a bound on memory."""

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
    """At most `limit_bytes` of weights on `device`; the least recently used network goes first.

    The network asked for is always given, even one that is larger than the bound: then it is alone.
    """

    def __init__(self, limit_bytes: int, device: torch.device | str) -> None:
        self.limit_bytes = limit_bytes
        self.device = torch.device(device)
        self._loaded: OrderedDict[str, Network] = OrderedDict()

    def get(self, name: str) -> Network:
        """The network of this name or identity, loaded now or before.

        Raises UnknownNetwork, or NetworkUnavailable where its weights cannot be had or are not of this identity.
        """
        card = get_card(name.partition("#")[0])
        if "#" in name and name != card.identity:
            raise NetworkUnavailable(f"the weights of {card.name} are now {card.identity}, asked for was {name[:200]}")
        if card.identity not in self._loaded:
            self._make_room(card)
            self._loaded[card.identity] = load(card, self.device)
        self._loaded.move_to_end(card.identity)
        return self._loaded[card.identity]

    @property
    def identities(self) -> tuple[str, ...]:
        """What is loaded, least recently used first."""
        return tuple(self._loaded)

    @property
    def memory_bytes(self) -> int:
        """Weights of all loaded networks."""
        return sum(network.memory_bytes for network in self._loaded.values())

    def _make_room(self, card: NetworkCard) -> None:
        """Let networks go before the next one is there, so that the bound holds at every moment."""
        needed = card.parameters * BYTES_PER_PARAMETER
        while self._loaded and self.memory_bytes + needed > self.limit_bytes:
            self._loaded.popitem(last=False)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def default_device(setting: str) -> str:
    """The device that `setting` (auto, cpu, cuda, mps) stands for here; BadInput for one that this machine lacks."""
    here = [name for name, there in (("cuda", torch.cuda.is_available()), ("mps", _has_mps())) if there] + ["cpu"]
    if setting == "auto":
        return here[0]
    if setting not in here:
        raise BadInput(f"device must be auto or one that this machine has ({', '.join(here)}), got {setting[:40]!r}")
    return setting


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
