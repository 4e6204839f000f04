"""Style and content: Gram matrices, similarity, edges, luminance, color grids, and losses of style transfer.

Takes pictures and activations; gives losses and pictures. Each module is imported on first use, so that declaring a
method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
