"""Pictures by gradient descent: objective x parameterization x transforms, and the loop that optimizes.

Takes a parameterization and an objective; gives an `Outcome`: picture, traces, frames. Each module is imported on first
use, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
