"""Other networks that are asked what they see, as a parameter: their names, kept as identities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from core import engine
from core.networks.catalog import get_card

if TYPE_CHECKING:
    from torch import Tensor

    from core.method_base.method import Context
    from core.networks.network import Network

DEFAULT_JUDGE = get_card("lite/efficientnet_lite0").identity
"""Where one network compares what others made, so that all are seen by the same eye: one that sees 224 px, since styles
live in what is lost at 64."""
MAX_JUDGES = 8
COLUMNS = ("picture", "network", "sees", "its probability", "probability of the class")

Row = tuple[Any, ...]


def _identities(value: Any) -> tuple[str, ...]:
    """Names, or a text with commas between, as identities; ValueError with a sentence."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("networks are given by their names")
    names = dict.fromkeys(part.strip() for part in parts if part.strip())
    if len(names) > MAX_JUDGES:
        raise ValueError(f"at most {MAX_JUDGES} networks, got {len(names)}")
    return tuple(_identity(name) for name in names)


def _identity(name: str) -> str:
    identity = get_card(name.partition("#")[0]).identity
    if "#" in name and name != identity:
        raise ValueError(f"the weights of {name.partition('#')[0][:80]} have changed since this was asked")
    return identity


def _one(judges: tuple[str, ...]) -> tuple[str, ...]:
    if len(judges) != 1:
        raise ValueError(f"one network judges, got {len(judges)}")
    return judges


Judges = Annotated[tuple[str, ...], BeforeValidator(_identities)]
Judge = Annotated[Judges, AfterValidator(_one)]


def asked(judges: Judges, own: Network, context: Context) -> list[Network]:
    """The network itself, and the others that give classes, loaded. Raises NetworkUnavailable."""
    others = [context.network(identity) for identity in judges if identity != own.card.identity]
    return [own, *(other for other in others if other.card.class_names)]


def verdicts(networks: Sequence[Network], pictures: Tensor, class_name: str) -> list[Row]:
    """What each network sees in each picture (N, 3, H, W), and how likely it finds the class; rows of `COLUMNS`."""
    rows: list[Row] = []
    for network in networks:
        names = network.card.class_names
        size = network.card.input_px
        answers = network(engine.ranges.resized(pictures, size)).float().softmax(dim=1)  # (N, K)
        for number, answer in enumerate(answers, start=1):
            best = int(answer.argmax())
            wanted = round(float(answer[names.index(class_name)]), 6) if class_name in names else None
            rows.append((number, network.card.name, names[best], round(float(answer[best]), 6), wanted))
    return rows
