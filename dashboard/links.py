"""Addresses of the page Compare: `?grid=KEY` opens a comparison, other names prefill the form.

    ?method=detail_search&pictures=sample:cat,sample:coffee&networks=bundled/vit,bundled/cnn&steps=100&seed=1
    ?method=fixation&beside=grad_cam,saliency&pictures=sample:cat&networks=bundled/vit
    ?method=style_transfer&styles=style:waves&pictures=sample:cat&networks=bundled/vit

Every value of an address is validated as on the command line, with the same error messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.canonical import digest_of
from core.errors import BadInput, BadLink
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, check_visual_output, variants
from core.jobs.spec import KEY_PATTERN, checked_seed
from core.media.file_names import comma_separated
from core.media.samples import SAMPLE_PREFIX, STYLE_PREFIX
from core.method_base.method import Method
from core.method_base.parameters import picture_fields
from core.methods import METHODS, make_method
from core.networks.catalog import get_card
from core.presets import DEFAULT_METHOD
from core.store.sources import RESULT_PREFIX, known_dataset, picture_from
from core.store.store import Store

GRID, CELL, ITEM, SCALE, REACH, DRAWN, VIEW = "grid", "cell", "item", "scale", "reach", "drawn", "view"
BACK = "back"
"""`GRID.CELL`: the cell whose picture was clicked."""
FORM_NAMES = ("method", "beside", "pictures", "networks", "data", "seed")
VIEW_NAMES = (GRID, CELL, ITEM, SCALE, REACH, DRAWN, VIEW, BACK)
MAX_SOURCES = 100


@dataclass(frozen=True)
class Draft:
    """The initial state of the form. `method` None: the defaults of the selected method."""

    pictures: tuple[PictureRef, ...] = ()
    networks: tuple[str, ...] = ()
    method: Method | None = None
    seed: int = 0
    also: tuple[Method, ...] = ()
    """Further methods of the same grid, or further variants."""
    datasets: tuple[DatasetRef, ...] = ()


def checked_address(key: str, what: str) -> str:
    """`key`, 64 hex digits. Raises BadLink where it is none; `what` has no such address, such as `data set`."""
    if not KEY_PATTERN.fullmatch(key):
        raise incomplete_link(what)
    return key


def incomplete_link(what: str) -> BadLink:
    """The error for an address that names nothing."""
    return BadLink(f"this link is incomplete: no {what} has this address")


def comparison_at(query: Mapping[str, str], store: Store) -> Comparison | None:
    """The comparison that the address names, or None. Raises BadLink, BadInput, Damaged."""
    key = query.get(GRID)
    return None if key is None else store.comparison(checked_address(key, "comparison"))


def form_query(query: Mapping[str, str]) -> dict[str, str]:
    """The part of an address that prefills the form: name -> value."""
    return {name: value for name, value in query.items() if name not in VIEW_NAMES}


def draft_from_query(query: Mapping[str, str], store: Store) -> Draft:
    """The form that `form_query` describes. Raises BadInput with the value and what is allowed."""
    parameters = {name: value for name, value in query.items() if name not in FORM_NAMES}
    if "method" not in query and parameters.keys() - METHODS[DEFAULT_METHOD].model_fields.keys():
        raise incomplete_link("comparison")
    methods = (
        _methods(query.get("method", DEFAULT_METHOD), parameters, store) if parameters or "method" in query else ()
    )
    also = tuple(make_method(name, {}) for name in _split(query.get("beside", "")))
    for method in (*methods, *also):
        check_visual_output(method)
    networks = tuple(get_card(name).name for name in _split(query.get("networks", "")))
    seed = query.get("seed", "0")
    if not seed.isdecimal():
        checked_seed(seed)
    pictures = tuple(picture_ref(source, store) for source in _split(query.get("pictures", "")))
    datasets = tuple(DatasetRef(*known_dataset(source, store)) for source in _split(query.get("data", "")))
    first, *others = (*methods, *also) if methods else (None, *also)
    return Draft(pictures, networks, first, checked_seed(int(seed)), tuple(filter(None, others)), datasets)


def _methods(name: str, parameters: Mapping[str, str], store: Store) -> tuple[Method, ...]:
    """The method; for one that is trained, a variant for each of the comma-separated values."""
    method = METHODS.get(name)
    if method is None:
        return (make_method(name, parameters),)
    pictures = {field: parameters[field] for field in picture_fields(method) if field in parameters}
    given = dict(parameters) | {field: _digests(sources, store) for field, sources in pictures.items()}
    if method.needs.grid:
        return (make_method(name, given),)
    varied = {field: _split(value) for field, value in parameters.items() if "," in value and field not in pictures}
    return variants(method, given, varied)


def _digests(sources: str, store: Store) -> str:
    """Comma-separated digests of the pictures that a parameter names, such as `style:waves`."""
    return ",".join(
        source if KEY_PATTERN.fullmatch(source) else picture_ref(source, store).digest for source in _split(sources)
    )


def draft_from_grid(comparison: Comparison) -> Draft:
    """The form that makes this comparison again."""
    method, *also = comparison.methods
    rows, columns = comparison.pictures, comparison.networks
    return Draft(rows, columns, method, comparison.seed, tuple(also), comparison.datasets)


def picture_ref(source: str, store: Store) -> PictureRef:
    """`sample:NAME` or `result:KEY/ITEM` as a picture in the store. An address never names a file of this machine."""
    if not source.startswith((SAMPLE_PREFIX, STYLE_PREFIX, RESULT_PREFIX)):
        raise BadInput(f"a link names pictures as {SAMPLE_PREFIX}NAME or {RESULT_PREFIX}KEY/ITEM, got {source[:80]!r}")
    picture, name = picture_from(source, store)
    return PictureRef(
        store.inputs.put_picture(picture), source if source.startswith((SAMPLE_PREFIX, STYLE_PREFIX)) else name
    )


def token_of(query: Mapping[str, str]) -> str:
    """An identifier of the form that the address describes, so that it is prefilled once; empty where it has none."""
    form = form_query(query)
    return query.get(GRID) or (digest_of(form) if form else "")


def _split(text: str) -> list[str]:
    """Comma-separated names, each once. Raises BadInput for more than `MAX_SOURCES`."""
    names = list(dict.fromkeys(comma_separated(text)))
    if len(names) > MAX_SOURCES:
        raise BadInput(f"a link names at most {MAX_SOURCES} pictures, networks or methods, got {len(names)}")
    return names
