"""What an address asks for: `?grid=KEY` shows a comparison, other names prefill the form.

    ?method=detail_search&pictures=sample:cat,sample:coffee&networks=bundled/vit,bundled/cnn&steps=100&seed=1
    ?method=fixation&beside=grad_cam,saliency&pictures=sample:cat&networks=bundled/vit
    ?method=style_transfer&styles=style:waves&pictures=sample:cat&networks=bundled/vit

Everything of an address goes through the checks of every other door and is refused in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.canonical import digest_of
from core.errors import BadInput
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, check_place, variants
from core.jobs.spec import KEY_PATTERN, checked_key, checked_seed
from core.media.samples import SAMPLE_PREFIX, STYLE_PREFIX
from core.method_base.method import Method, picture_fields
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.presets import DEFAULT_METHOD
from core.store.sources import RESULT_PREFIX, known_dataset, picture_from
from core.store.store import Store

GRID, CELL, ITEM, SCALE, REACH, DRAWN, VIEW = "grid", "cell", "item", "scale", "reach", "drawn", "view"
BACK = "back"
"""`GRID.CELL`: the cell in whose picture was clicked."""
DOOR = ("method", "beside", "pictures", "networks", "data", "seed")
OWN = (GRID, CELL, ITEM, SCALE, REACH, DRAWN, VIEW, BACK)
SOURCES_MAX = 100


@dataclass(frozen=True)
class Draft:
    """What the form starts from. `method` None: the defaults of whichever is chosen."""

    pictures: tuple[PictureRef, ...] = ()
    networks: tuple[str, ...] = ()
    method: Method | None = None
    seed: int = 0
    beside: tuple[Method, ...] = ()
    """Further methods that are asked the same, or further variants."""
    datasets: tuple[DatasetRef, ...] = ()


def grid_of(query: Mapping[str, str], store: Store) -> Comparison | None:
    """The comparison that the address names, or None. Raises BadLink, BadInput, Damaged."""
    key = query.get(GRID)
    return None if key is None else store.comparison(checked_key(key))


def door_of(query: Mapping[str, str]) -> dict[str, str]:
    """What the address says about the form; empty where it says nothing."""
    return {name: value for name, value in query.items() if name not in OWN}


def draft_from_door(door: Mapping[str, str], store: Store) -> Draft:
    """The form that the address asks for. Raises BadInput and its kin with the value and what is allowed."""
    parameters = {name: value for name, value in door.items() if name not in DOOR}
    methods = _methods(door.get("method", DEFAULT_METHOD), parameters, store) if parameters or "method" in door else ()
    beside = tuple(make_method(name, {}) for name in _listed(door.get("beside", "")))
    for asked in (*methods, *beside):
        check_place(asked)
    networks = tuple(get_card(name).name for name in _listed(door.get("networks", "")))
    seed = door.get("seed", "0")
    if not seed.isdecimal():
        checked_seed(seed)
    pictures = tuple(picture_ref(source, store) for source in _listed(door.get("pictures", "")))
    datasets = tuple(DatasetRef(*known_dataset(source, store)) for source in _listed(door.get("data", "")))
    method, *others = (*methods, *beside) if methods else (None, *beside)
    return Draft(pictures, networks, method, checked_seed(int(seed)), tuple(filter(None, others)), datasets)


def _methods(name: str, parameters: Mapping[str, str], store: Store) -> tuple[Method, ...]:
    """The method, or of one that learns its variants: one for each of the values with commas between."""
    method = METHODS.get(name)
    if method is None:
        return (make_method(name, parameters),)
    pictures = {field: parameters[field] for field in picture_fields(method) if field in parameters}
    given = dict(parameters) | {field: _digests(sources, store) for field, sources in pictures.items()}
    if method.needs.grid:
        return (make_method(name, given),)
    varied = {field: _listed(value) for field, value in parameters.items() if "," in value and field not in pictures}
    return variants(method, given, varied)


def _digests(sources: str, store: Store) -> str:
    """Pictures that a parameter names, by their digests: `style:waves` becomes that of the picture."""
    listed = _listed(sources)
    return ",".join(one if KEY_PATTERN.fullmatch(one) else picture_ref(one, store).digest for one in listed)


def draft_from_grid(comparison: Comparison) -> Draft:
    """The form that would ask for this comparison again."""
    method, *beside = comparison.methods
    rows, columns = comparison.pictures, comparison.networks
    return Draft(rows, columns, method, comparison.seed, tuple(beside), comparison.datasets)


def picture_ref(source: str, store: Store) -> PictureRef:
    """`sample:NAME` or `result:KEY/ITEM` as a picture in the store. An address never names a file of this machine."""
    if not source.startswith((SAMPLE_PREFIX, STYLE_PREFIX, RESULT_PREFIX)):
        raise BadInput(f"pictures in a link are {SAMPLE_PREFIX}NAME or {RESULT_PREFIX}KEY/ITEM, got {source[:80]!r}")
    picture, name = picture_from(source, store)
    return PictureRef(store.put_picture(picture), source if source.startswith((SAMPLE_PREFIX, STYLE_PREFIX)) else name)


def token_of(query: Mapping[str, str]) -> str:
    """A name for what the address asks the form to be; the form is prefilled once for each."""
    return query.get(GRID) or (digest_of(door_of(query)) if door_of(query) else "")


def _listed(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if len(names) > SOURCES_MAX:
        raise BadInput(f"a link names at most {SOURCES_MAX} pictures, networks or methods, this one {len(names)}")
    return names
