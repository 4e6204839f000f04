"""Autoencoders: pictures in memory, networks, how they learn, and what is shown of them.

As with `core.engine`, each module is imported on first use, so that declaring a method that learns costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
