"""A job as data: what decides its result, and the key that this makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.canonical import digest_of
from core.errors import BadInput, BadLink
from core.method_base.method import Method
from core.methods import make_method
from core.networks.catalog import get_card

SCHEMA = 1
MAX_SEED = 2**31 - 1
KEY_PATTERN = re.compile(r"[0-9a-f]{64}")


def checked_key(text: str) -> str:
    """`text` if it is 64 hex digits; BadLink otherwise. Nothing else ever becomes part of a path or a Redis name."""
    if not isinstance(text, str) or not KEY_PATTERN.fullmatch(text):
        raise BadLink(f"a key is 64 hex digits, got {str(text)[:80]!r}")
    return text


def checked_seed(seed: Any) -> int:
    """`seed` as a whole number; BadInput outside 0 to 2147483647."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise BadInput(f"seed must be a whole number from 0 to {MAX_SEED}, got {str(seed)[:40]!r}")
    return seed


@dataclass(frozen=True)
class JobSpec:
    """Everything that decides a result. `network` is the network's identity (`NetworkCard.identity`)."""

    method: Method
    pictures: tuple[str, ...]
    network: str | None
    seed: int = 0
    dataset: str | None = None

    @property
    def network_name(self) -> str | None:
        """The catalog's name of the network."""
        return None if self.network is None else self.network.partition("#")[0]

    def document(self) -> dict[str, Any]:
        """The spec as JSON; what is hashed, sent through Redis and written into the manifest."""
        return {
            "schema": SCHEMA,
            "method": {
                "name": self.method.name,
                "version": self.method.version,
                "parameters": self.method.model_dump(mode="json"),
            },
            "pictures": list(self.pictures),
            "dataset": self.dataset,
            "network": self.network,
            "seed": self.seed,
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical document, 64 hex digits: the job's id and the result's name."""
        return digest_of(self.document())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> JobSpec:
        """The spec again, every part validated anew; BadInput where it is not one of ours or of another version."""
        try:
            if document["schema"] != SCHEMA:
                raise BadInput(f"this job is of schema {document['schema']}, this Gazegrid's is {SCHEMA}")
            asked, network = document["method"], document["network"]
            method = make_method(asked["name"], asked["parameters"])
            if asked["version"] != method.version:
                raise BadInput(f"this job asks for {method.name} version {asked['version']}, here is {method.version}")
            pictures = tuple(checked_key(digest) for digest in document["pictures"])
            if not isinstance(network, str | None):
                raise BadInput(f"a job's network is a name, got {str(network)[:80]!r}")
            dataset = document["dataset"]
            dataset = None if dataset is None else checked_key(dataset)
            if (dataset is not None) != method.needs.dataset:
                raise BadInput(f"{method.name} needs {'a' if method.needs.dataset else 'no'} data set")
            spec = cls(method, pictures, network, checked_seed(document["seed"]), dataset)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"this is no job description: {type(error).__name__} {error}") from None
        if spec.network_name is not None and get_card(spec.network_name).identity != network:
            raise BadInput(f"the weights of {spec.network_name} have changed since this job was described")
        return spec
