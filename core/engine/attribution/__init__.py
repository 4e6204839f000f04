"""Attribution: modified gradients, class activation maps, rollout, occlusion, integrated gradients, fixations.

Takes a network, pictures (N, 3, H, W) and a target; gives maps or points per picture. Each module is imported
on first use, so that declaring a method costs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
