"""Judges, networks that evaluate what another network produced: a parameter of their names, kept as identities."""

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
"""The judge of styles: its input has 224 px, since styles live in detail that is lost at 64 px."""
MAX_JUDGES = 8
COLUMNS = ("image", "network", "predicted class", "probability", "probability of the target class")

Row = tuple[Any, ...]


def _identities(value: Any) -> tuple[str, ...]:
    """Identities of a list of names, or of comma-separated names. Raises ValueError."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("networks must be names")
    names = dict.fromkeys(part.strip() for part in parts if part.strip())
    if len(names) > MAX_JUDGES:
        raise ValueError(f"at most {MAX_JUDGES} networks, got {len(names)}")
    return tuple(_identity(name) for name in names)


def _identity(name: str) -> str:
    identity = get_card(name.partition("#")[0]).identity
    if "#" in name and name != identity:
        raise ValueError(f"the weights of {name.partition('#')[0][:80]} have changed since this job was described")
    return identity


def _one(judges: tuple[str, ...]) -> tuple[str, ...]:
    if len(judges) != 1:
        raise ValueError(f"there must be one judge, got {len(judges)}")
    return judges


Judges = Annotated[tuple[str, ...], BeforeValidator(_identities)]
Judge = Annotated[Judges, AfterValidator(_one)]


def loaded_judges(judges: Judges, own: Network, context: Context) -> list[Network]:
    """`own`, and those judges that predict classes. Raises NetworkUnavailable."""
    others = [context.network(identity) for identity in judges if identity != own.card.identity]
    return [own, *(other for other in others if other.card.class_names)]


def judgments(networks: Sequence[Network], pictures: Tensor, class_name: str) -> list[Row]:
    """Prediction of each network for each picture (N, 3, H, W) as it is stored, as rows of `COLUMNS`.

    Each network gets the whole picture, resized to its input. The last column is None where it lacks the class.
    """
    rows: list[Row] = []
    for network in networks:
        names = network.card.class_names
        probabilities = logits_of(network, pictures).softmax(dim=1)
        for number, row in enumerate(probabilities, start=1):
            top = int(row.argmax())
            of_target = round(float(row[names.index(class_name)]), 6) if class_name in names else None
            rows.append((number, network.card.name, names[top], round(float(row[top]), 6), of_target))
    return rows


def logits_of(network: Network, pictures: Tensor) -> Tensor:
    """What a network gives for whole pictures (N, 3, H, W) as they are stored, resized to its input: (N, K)."""
    stored = engine.ranges.as_stored(pictures)
    logits: Tensor = network(engine.ranges.resized(stored, network.card.input_px))
    return logits.float()
