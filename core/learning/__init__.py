"""Training: the shared loop, pictures in memory and sheets, and a package for each kind of model.

Takes a `Dataset`, gives a `Result` that contains `Weights`, which other jobs load. Each module is imported on first
use, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
