"""A job as data: everything that decides its result, and the key derived from it."""

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
    """`text`, if it is 64 lower-case hex digits; nothing else becomes part of a path or a Redis key. Raises BadLink."""
    if not isinstance(text, str) or not KEY_PATTERN.fullmatch(text):
        raise BadLink(f"a key must be 64 hex digits, got {str(text)[:80]!r}")
    return text


def checked_seed(seed: Any) -> int:
    """`seed`, if it is a whole number from 0 to 2147483647. Raises BadInput."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise BadInput(f"seed must be a whole number from 0 to {MAX_SEED}, got {str(seed)[:40]!r}")
    return seed


@dataclass(frozen=True)
class JobSpec:
    """Everything that decides a result."""

    method: Method
    pictures: tuple[str, ...]
    """Digests."""
    network: str | None
    """The network's identity (`NetworkCard.identity`); None where the method needs no network."""
    seed: int = 0
    dataset: str | None = None
    """Digest; None where the method needs no data set."""

    @property
    def network_name(self) -> str | None:
        """Name of the network in the catalog."""
        return None if self.network is None else self.network.partition("#")[0]

    def document(self) -> dict[str, Any]:
        """The spec as JSON: hashed for the key, sent through Redis and written into the manifest."""
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
        """The spec that `document` gave, with every part validated again.

        Raises BadInput, UnknownNetwork or NetworkUnavailable where a part is not allowed, or of another version.
        """
        try:
            if document["schema"] != SCHEMA:
                raise BadInput(f"schema must be {SCHEMA}, got {str(document['schema'])[:40]} in this job")
            described, network = document["method"], document["network"]
            method = make_method(described["name"], described["parameters"])
            if described["version"] != method.version:
                version = str(described["version"])[:40]
                raise BadInput(f"the version of {method.name} must be {method.version}, got {version} in this job")
            pictures = tuple(checked_key(digest) for digest in document["pictures"])
            if not isinstance(network, str | None):
                raise BadInput(f"a job's network must be a name, got {str(network)[:80]!r}")
            dataset = document["dataset"]
            dataset = None if dataset is None else checked_key(dataset)
            _check_inputs(method, len(pictures), network=network is not None, dataset=dataset is not None)
            spec = cls(method, pictures, network, checked_seed(document["seed"]), dataset)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"the job's description cannot be read: {type(error).__name__} {error}") from None
        if spec.network_name is not None and get_card(spec.network_name).identity != network:
            raise BadInput(f"the weights of {spec.network_name} have changed since this job was described")
        return spec


def _check_inputs(method: Method, pictures: int, *, network: bool, dataset: bool) -> None:
    """Raise BadInput unless a job has exactly the inputs that its method needs."""
    if pictures != method.needs.pictures:
        raise BadInput(f"the number of pictures for {method.name} must be {method.needs.pictures}, got {pictures}")
    if network != method.needs.network:
        raise BadInput(f"{method.name} needs {'a' if method.needs.network else 'no'} network")
    if dataset != method.needs.dataset:
        raise BadInput(f"{method.name} needs {'a' if method.needs.dataset else 'no'} data set")
