"""Building blocks of methods in pure torch, no I/O; each module is imported on first use.

A method file says `from core import engine` and calls `engine.edges.energy(x)`: declaring a method then costs no
torch, so that the dashboard, which draws forms from the same class, stays small and starts in a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
