"""Networks: what there is (`catalog`, `card`, free of torch), and how one is loaded and run (`loading`, `network`).

Takes a name, gives a `NetworkCard` or a `Network`. Each module is imported on first use, so that declaring a method
costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
