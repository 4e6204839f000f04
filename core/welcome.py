"""The comparison that a newcomer sees filling up on the first page."""

from __future__ import annotations

from core.comparison import Comparison, PictureRef
from core.methods import make_method
from core.samples import sample
from core.store import Store

PICTURES = ("cat", "coffee", "rocket")
NETWORKS = ("bundled/cnn", "bundled/vit", "bundled/mixer", "bundled/concentrator")
METHOD = "detail_search"


def welcome(store: Store) -> Comparison:
    """The welcome comparison, its pictures kept in the store."""
    pictures = tuple(PictureRef(store.put_picture(sample(name)), f"sample:{name}") for name in PICTURES)
    return Comparison(pictures, NETWORKS, (make_method(METHOD, {}),))
