"""Building blocks of methods in pure torch: tensors in, tensors out, no disk and no network.

A method imports `from core import engine` and calls `engine.style.edges.energy(x)`. Each module is imported on first
use: declaring a method then costs no torch, so that the dashboard, which builds forms from the same class, stays small
and starts in a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
