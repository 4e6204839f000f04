"""Unravelling: CNN Fixations for any architecture, traced back through every operation of a network.

`tape` records one forward pass, `rules` define for each operation which of its inputs support a point, `walk` traces
all points of a tensor back at once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
