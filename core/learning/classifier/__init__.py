"""How a network is trained: one recipe for every architecture, which a kill only delays.

As with `core.engine`, each module is imported on first use, so that declaring a method that trains costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
