"""Generative adversarial networks: generator and discriminator, their training, and evaluation.

Each module is imported on first use, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
