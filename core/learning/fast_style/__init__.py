"""Style transfer by one pass: networks that are trained for a style, and what is shown and measured of them.

As with `core.engine`, each module is imported on first use, so that declaring a method that learns costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
