"""Networks: what there is (`catalog`, `card`, free of torch) and how one is loaded (`loading`).

`layout` is imported on first use, as `core.engine` is, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
