"""A grid: pictures x networks x methods, its cells and its own key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.canonical import digest_of
from core.errors import BadInput
from core.method import Method
from core.methods import make_method
from core.networks.catalog import get_card
from core.spec import SCHEMA, JobSpec, checked_key, checked_seed

MAX_CELLS = 2_000


def check_place(method: Method) -> None:
    """BadInput where the method has no place in a grid."""
    if not method.needs.grid:
        raise BadInput(f"{method.title} looks at no picture through a network: it has no place in a grid")


def asked_alike(method: Method, others: Iterable[Method]) -> tuple[Method, ...]:
    """`method`, and behind it the others, asked the same question: what both declare alike is set as in `method`.

    Alike is a parameter of the same name and description, such as the class that attributions explain.
    Raises BadParameter where another does not take the value.
    """
    mine = type(method).model_fields
    values = method.model_dump(mode="json")

    def alike(other: Method) -> Method:
        fields = type(other).model_fields
        shared = {name for name in fields.keys() & mine.keys() if fields[name].description == mine[name].description}
        return make_method(other.name, other.model_dump(mode="json") | {name: values[name] for name in shared})

    return (method, *map(alike, others))


@dataclass(frozen=True)
class PictureRef:
    """A picture in the store, and the name under which its row is shown."""

    digest: str
    name: str


@dataclass(frozen=True)
class Cell:
    """One place of the grid; `undefined` says in a sentence why there is nothing to compute."""

    spec: JobSpec
    picture: PictureRef
    network: str
    undefined: str | None

    @property
    def method(self) -> Method:
        """The method of this cell."""
        return self.spec.method


@dataclass(frozen=True)
class Comparison:
    """What is set side by side. Row = picture (and method, where there are several), column = network."""

    pictures: tuple[PictureRef, ...]
    networks: tuple[str, ...]
    methods: tuple[Method, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        for what, chosen in (("picture", self.pictures), ("network", self.networks), ("method", self.methods)):
            if not chosen:
                raise BadInput(f"choose at least one {what}")
        for name in self.networks:
            get_card(name)
        for method in self.methods:
            check_place(method)
        if (count := len(self.pictures) * len(self.networks) * len(self.methods)) > MAX_CELLS:
            raise BadInput(f"a grid has at most {MAX_CELLS} cells, this one would have {count}")
        checked_seed(self.seed)

    def cells(self) -> Iterator[Cell]:
        """The cells in reading order: picture by picture, method by method, network by network."""
        for picture in self.pictures:
            for method in self.methods:
                for card in map(get_card, self.networks):
                    spec = JobSpec(method, (picture.digest,), card.identity, self.seed)
                    yield Cell(spec, picture, card.name, method.undefined_for(card))

    def document(self) -> dict[str, Any]:
        """The grid as JSON: what its link stands for."""
        return {
            "schema": SCHEMA,
            "pictures": [{"digest": picture.digest, "name": picture.name} for picture in self.pictures],
            "networks": list(self.networks),
            "methods": [
                {"name": method.name, "version": method.version, "parameters": method.model_dump(mode="json")}
                for method in self.methods
            ],
            "seed": self.seed,
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical document, 64 hex digits."""
        return digest_of(self.document())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Comparison:
        """The grid again, every part validated anew; BadInput where it is not one of ours."""
        try:
            if document["schema"] != SCHEMA:
                raise BadInput(f"this grid is of schema {document['schema']}, this Gazegrid's is {SCHEMA}")
            pictures = tuple(
                PictureRef(checked_key(picture["digest"]), str(picture["name"])[:200])
                for picture in document["pictures"]
            )
            methods = tuple(make_method(asked["name"], asked["parameters"]) for asked in document["methods"])
            return cls(pictures, tuple(document["networks"]), methods, document["seed"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"this is no comparison: {type(error).__name__} {error}") from None
