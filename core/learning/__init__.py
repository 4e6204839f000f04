"""What is trained: the loop, pictures in memory and sheets that all share, and a package for each kind of model.

Takes a `Dataset`, gives a `Result` with `Weights` in it, which other jobs load again. Each module is imported on first
use, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
