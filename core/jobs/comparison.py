"""A grid, its cells and its own key: pictures x networks x methods, or data sets x variants of a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from core.canonical import digest_of
from core.errors import BadInput
from core.items import VISUAL_KINDS
from core.jobs.spec import SCHEMA, JobSpec, checked_key, checked_seed
from core.method_base.method import Method
from core.methods import make_method
from core.networks.catalog import get_card

MAX_CELLS = 2_000


def has_place(method: type[Method]) -> bool:
    """Whether a grid can show what it gives."""
    return any(output.kind in VISUAL_KINDS for output in method.outputs)


def check_place(method: Method) -> None:
    """BadInput where the method has no place in a grid."""
    if not has_place(type(method)):
        raise BadInput(f"{method.title} gives no picture: it has no place in a grid")


def combinations(varied: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """One value for each name, in every combination; of no names, the empty one."""
    return [dict(zip(varied, chosen, strict=True)) for chosen in product(*varied.values())]


def variants(
    method: type[Method], parameters: Mapping[str, Any], varied: Mapping[str, Sequence[Any]]
) -> tuple[Method, ...]:
    """The method with every combination of the varied parameters' values, each once.

    Where two combinations differ in nothing that matters they are one. Raises BadParameter.
    """
    made = [make_method(method.name, {**parameters, **variant}) for variant in combinations(varied)]
    return tuple(variant for place, variant in enumerate(made) if variant not in made[:place])


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
class DatasetRef:
    """A data set in the store, and the name under which its row is shown."""

    digest: str
    name: str


RowRef = PictureRef | DatasetRef


@dataclass(frozen=True)
class Cell:
    """One place of the grid; `undefined` says in a sentence why there is nothing to compute."""

    spec: JobSpec
    row: RowRef | None
    """What it is about; None where the method needs neither picture nor data set."""
    undefined: str | None = None

    @property
    def method(self) -> Method:
        """The method of this cell."""
        return self.spec.method

    @property
    def row_digest(self) -> str | None:
        """Of its picture or data set."""
        return self.row.digest if self.row else None

    @property
    def picture(self) -> PictureRef:
        """The picture that it is about; only for a grid of pictures."""
        if not isinstance(self.row, PictureRef):
            raise TypeError(f"{self.method.title} looks at no picture")
        return self.row

    @property
    def network(self) -> str:
        """The network's name; only for a grid through networks."""
        if self.spec.network_name is None:
            raise TypeError(f"{self.method.title} looks through no network")
        return self.spec.network_name


@dataclass(frozen=True)
class Comparison:
    """What is set side by side.

    Through networks: row = picture or data set (and method, where there are several), column = network. Of methods that
    need no network: row = data set or picture, whichever they need, and column = method, mostly variants of one.
    """

    pictures: tuple[PictureRef, ...]
    networks: tuple[str, ...]
    methods: tuple[Method, ...]
    seed: int = 0
    datasets: tuple[DatasetRef, ...] = ()

    def __post_init__(self) -> None:
        if not self.methods:
            raise BadInput("choose at least one method")
        for method in self.methods:
            check_place(method)
        if len({method.needs for method in self.methods}) > 1:
            titles = " and ".join(dict.fromkeys(method.title for method in self.methods))
            raise BadInput(f"{titles} cannot stand in one grid: they do not take the same things")
        self._check_parts()
        for name in self.networks:
            get_card(name)
        if (count := len(self.rows) * self.width * self.bands) > MAX_CELLS:
            raise BadInput(f"a grid has at most {MAX_CELLS} cells, this one would have {count}")
        checked_seed(self.seed)

    def _check_parts(self) -> None:
        """BadInput where something that the methods need is not there, or something is that they do not."""
        first = self.methods[0]
        parts = (
            ("picture", self.pictures, first.needs.pictures > 0),
            ("network", self.networks, first.needs.network),
            ("data set", self.datasets, first.needs.dataset),
        )
        for what, chosen, needed in parts:
            if needed and not chosen:
                raise BadInput(f"choose at least one {what}")
            if chosen and not needed:
                raise BadInput(f"{first.title} takes no {what}")

    @property
    def rows(self) -> tuple[RowRef | None, ...]:
        """What the rows are about."""
        return self.datasets or self.pictures or (None,)

    @property
    def bands(self) -> int:
        """How many rows there are of each of `rows`: one a method where the columns are networks."""
        return len(self.methods) if self.networks else 1

    def band(self, method: Method) -> int:
        """Which of a picture's rows is the method's."""
        return self.methods.index(method) if self.networks else 0

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.networks or self.methods)

    def cells(self) -> Iterator[Cell]:
        """The cells in reading order: picture by picture, method by method, network by network."""
        for row in self.rows:
            pictures = (row.digest,) if isinstance(row, PictureRef) else ()
            dataset = row.digest if isinstance(row, DatasetRef) else None
            for method in self.methods:
                if not self.networks:
                    yield Cell(JobSpec(method, pictures, None, self.seed, dataset), row)
                for card in map(get_card, self.networks):
                    spec = JobSpec(method, pictures, card.identity, self.seed, dataset)
                    yield Cell(spec, row, method.undefined_for(card))

    def document(self) -> dict[str, Any]:
        """The grid as JSON: what its link stands for."""
        datasets = [{"digest": dataset.digest, "name": dataset.name} for dataset in self.datasets]
        return {
            "schema": SCHEMA,
            "pictures": [{"digest": picture.digest, "name": picture.name} for picture in self.pictures],
            "networks": list(self.networks),
            "methods": [
                {"name": method.name, "version": method.version, "parameters": method.model_dump(mode="json")}
                for method in self.methods
            ],
            "seed": self.seed,
        } | ({"datasets": datasets} if datasets else {})

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
            pictures = tuple(PictureRef(*_digest_and_name(picture)) for picture in document["pictures"])
            datasets = tuple(DatasetRef(*_digest_and_name(dataset)) for dataset in document.get("datasets", ()))
            methods = tuple(make_method(asked["name"], asked["parameters"]) for asked in document["methods"])
            return cls(pictures, tuple(document["networks"]), methods, document["seed"], datasets)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"this is no comparison: {type(error).__name__} {error}") from None


def _digest_and_name(row: Mapping[str, Any]) -> tuple[str, str]:
    return checked_key(row["digest"]), str(row["name"])[:200]
