"""Networks: the catalog (`catalog`, `card`, without torch), and loading and running one (`loading`, `network`).

Takes a name, gives a `NetworkCard` or a `Network`. Each module is imported on first use, so that declaring a method
does not import torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
