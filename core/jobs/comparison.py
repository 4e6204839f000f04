"""A comparison: the grid of pictures x networks x methods, or of data sets x variants of a method, and its key."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeVar

from core.canonical import canonical_json, digest_of
from core.errors import BadInput
from core.items import VISUAL_KINDS
from core.jobs.spec import SCHEMA, JobSpec, checked_key, checked_seed
from core.method_base.method import Method
from core.methods import make_method
from core.networks.catalog import get_card

MAX_CELLS = 2_000
MAX_ROW_NAME = 200
"""Characters."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
T = TypeVar("T")


def has_visual_output(method: type[Method]) -> bool:
    """Whether the method yields something that a cell of a grid can show: an image, map, points or animation."""
    return any(output.kind in VISUAL_KINDS for output in method.outputs)


def check_visual_output(method: Method) -> None:
    """Raise BadInput for a method without visual output, which no grid can show."""
    if not has_visual_output(type(method)):
        raise BadInput(f"{method.title} yields no image, map, points or animation: a grid cannot show it")


def combinations(varied: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of one value for each name; for no names, the empty combination."""
    return [dict(zip(varied, values, strict=True)) for values in product(*varied.values())]


def variants(
    method: type[Method], parameters: Mapping[str, Any], varied: Mapping[str, Sequence[Any]]
) -> tuple[Method, ...]:
    """The method with every combination of the varied parameters' values, without repeats.

    Combinations that differ only in parameters without effect are one variant. Raises BadParameter.
    """
    made = (make_method(method.name, {**parameters, **values}) for values in combinations(varied))
    return without_repeats(made, _method_identity)


def without_repeats(items: Iterable[T], identity: Callable[[T], Hashable]) -> tuple[T, ...]:
    """The first item of each `identity`, in order."""
    first: dict[Hashable, T] = {}
    for item in items:
        first.setdefault(identity(item), item)
    return tuple(first.values())


def _method_identity(method: Method) -> bytes:
    """Equal for methods that give the same jobs."""
    return canonical_json([method.name, method.model_dump(mode="json")])


def with_shared_parameters(method: Method, others: Iterable[Method]) -> tuple[Method, ...]:
    """`method` followed by the others, whose shared parameters are set as in `method`.

    A parameter is shared where both methods declare it with the same name and description, such as `target`.
    Raises BadParameter where another method does not allow the value.
    """
    own_fields = type(method).model_fields
    values = method.model_dump(mode="json")

    def adapted(other: Method) -> Method:
        fields = type(other).model_fields
        names = fields.keys() & own_fields.keys()
        shared = {name: values[name] for name in names if fields[name].description == own_fields[name].description}
        return make_method(other.name, other.model_dump(mode="json") | shared)

    return (method, *map(adapted, others))


@dataclass(frozen=True)
class PictureRef:
    """A picture in the store, and the name of its row."""

    digest: str
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _one_line(self.name))


@dataclass(frozen=True)
class DatasetRef:
    """A data set in the store, and the name of its row."""

    digest: str
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _one_line(self.name))


def _one_line(name: str) -> str:
    """A file's name as text without line breaks and other control characters, of at most `MAX_ROW_NAME` characters."""
    text = name.encode("utf-8", "replace").decode()  # a name of a file may have bytes that are no text
    return _CONTROLS.sub(" ", text)[:MAX_ROW_NAME]


RowRef = PictureRef | DatasetRef


@dataclass(frozen=True)
class Cell:
    """One cell of the grid; `undefined`: why there is nothing to compute, one sentence."""

    spec: JobSpec
    row: RowRef | None
    """Its picture or data set; None where the method needs neither."""
    undefined: str | None = None

    @property
    def method(self) -> Method:
        """The method of this cell."""
        return self.spec.method

    @property
    def row_digest(self) -> str | None:
        """Digest of its picture or data set; None where it has neither."""
        return self.row.digest if self.row else None

    @property
    def picture(self) -> PictureRef:
        """Its picture. Raises TypeError in a grid without pictures."""
        if not isinstance(self.row, PictureRef):
            raise TypeError(f"{self.method.title} takes no picture")
        return self.row

    @property
    def network(self) -> str:
        """Name of its network. Raises TypeError in a grid without networks."""
        if self.spec.network_name is None:
            raise TypeError(f"{self.method.title} takes no network")
        return self.spec.network_name


@dataclass(frozen=True)
class Comparison:
    """Jobs side by side.

    With networks: row = picture or data set (and method, where there are several), column = network. Without: row =
    picture or data set, column = method, mostly variants of one. Repeated pictures, networks, methods and data sets are
    dropped. Raises BadInput, UnknownNetwork or NetworkUnavailable for parts that do not make a grid.
    """

    pictures: tuple[PictureRef, ...]
    networks: tuple[str, ...]
    methods: tuple[Method, ...]
    seed: int = 0
    datasets: tuple[DatasetRef, ...] = ()

    def __post_init__(self) -> None:
        self._drop_repeats()
        if not self.methods:
            raise BadInput("choose at least one method")
        for method in self.methods:
            check_visual_output(method)
        if len({method.needs for method in self.methods}) > 1:
            titles = " and ".join(dict.fromkeys(method.title for method in self.methods))
            raise BadInput(f"{titles} cannot be compared in one grid: they take different inputs")
        self._check_parts()
        for name in self.networks:
            get_card(name)
        if (count := len(self.rows) * self.width * self.rows_each) > MAX_CELLS:
            raise BadInput(f"a grid must have at most {MAX_CELLS} cells, got {count}")
        checked_seed(self.seed)

    def _drop_repeats(self) -> None:
        """Drop repeated pictures, networks, methods and data sets, whose cells would have the same keys."""
        object.__setattr__(self, "pictures", without_repeats(self.pictures, lambda picture: picture.digest))
        object.__setattr__(self, "networks", without_repeats(self.networks, str))
        object.__setattr__(self, "methods", without_repeats(self.methods, _method_identity))
        object.__setattr__(self, "datasets", without_repeats(self.datasets, lambda dataset: dataset.digest))

    def _check_parts(self) -> None:
        """Raise BadInput where an input that the methods need is missing, or one is given that they do not take."""
        first = self.methods[0]
        parts = (
            ("picture", self.pictures, first.needs.pictures > 0),
            ("network", self.networks, first.needs.network),
            ("data set", self.datasets, first.needs.dataset),
        )
        for kind, given, needed in parts:
            if needed and not given:
                raise BadInput(f"choose at least one {kind}")
            if given and not needed:
                raise BadInput(f"{first.title} takes no {kind}")

    @property
    def rows(self) -> tuple[RowRef | None, ...]:
        """The data sets or pictures, one for each group of rows; (None,) where the methods take neither."""
        return self.datasets or self.pictures or (None,)

    @property
    def rows_each(self) -> int:
        """Number of rows for each of `rows`: one per method where the columns are networks, else 1."""
        return len(self.methods) if self.networks else 1

    def row_offset(self, method: Method) -> int:
        """Index of the method's row among the `rows_each` rows of a picture, from 0."""
        return self.methods.index(method) if self.networks else 0

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.networks or self.methods)

    def cells(self) -> Iterator[Cell]:
        """The cells, row by row: for each picture each method, for each method each network."""
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
        """The comparison as JSON; its hash is the key."""
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
        """The comparison that `document` gave, with every part validated again.

        Raises BadInput, UnknownNetwork or NetworkUnavailable where a part is not allowed or not available.
        """
        try:
            if document["schema"] != SCHEMA:
                raise BadInput(f"schema must be {SCHEMA}, got {str(document['schema'])[:40]} in this comparison")
            pictures = tuple(PictureRef(*_digest_and_name(picture)) for picture in document["pictures"])
            datasets = tuple(DatasetRef(*_digest_and_name(dataset)) for dataset in document.get("datasets", ()))
            methods = tuple(make_method(method["name"], method["parameters"]) for method in document["methods"])
            return cls(pictures, tuple(document["networks"]), methods, document["seed"], datasets)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"the comparison's description cannot be read: {type(error).__name__} {error}") from None


def _digest_and_name(row: Mapping[str, Any]) -> tuple[str, str]:
    return checked_key(row["digest"]), str(row["name"])
