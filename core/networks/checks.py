"""The check of a network's answers, made once when its weights are first loaded, and kept on this machine.

A network whose logits are not finite on a gray picture and on noise has no answer to explain. Needs no torch, so that
lists can show the outcome; `core.networks.loading` makes the check.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from core.canonical import canonical_json, sha256_hex
from core.networks.card import NetworkCard
from core.settings import get_settings

NOT_CHECKED = "checked at first use"


@dataclass(frozen=True)
class AnswersCheck:
    """What the logits of a network were on a gray picture and on noise."""

    weights_sha256: str
    """SHA-256 of the checked weights."""
    first_not_finite: str = ""
    """The first layer with a value that is not finite; empty where all answers are finite."""


def kept_check(card: NetworkCard) -> AnswersCheck | None:
    """The outcome for the network of this card; None where this machine has not loaded it yet."""
    try:
        document = json.loads(_file(card).read_bytes())
        return AnswersCheck(str(document["weights_sha256"]), str(document["first_not_finite"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def keep_check(card: NetworkCard, check: AnswersCheck) -> None:
    """Store the outcome for `kept_check`."""
    file = _file(card)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):  # the next load checks again
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(canonical_json(asdict(check)))
        scratch.replace(file)


def answers_text(card: NetworkCard) -> str:
    """The outcome in words: `finite`, `not finite from LAYER on`, or `checked at first use`."""
    check = kept_check(card)
    if check is None:
        return NOT_CHECKED
    return f"not finite from {check.first_not_finite} on" if check.first_not_finite else "finite"


def answers_texts(cards: Iterable[NetworkCard]) -> dict[str, str]:
    """Name -> `answers_text` of many networks; most of them were never loaded."""
    kept = {file.name for file in _folder().glob("*.json")}
    return {card.name: answers_text(card) if _file(card).name in kept else NOT_CHECKED for card in cards}


def _folder() -> Path:
    return get_settings().home / "networks" / "checks"


def _file(card: NetworkCard) -> Path:
    return _folder() / f"{sha256_hex(card.identity.encode())[:32]}.json"
