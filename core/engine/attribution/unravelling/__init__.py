"""What an answer rests on, followed back through every operation of a network: CNN Fixations for any architecture.

`tape` records one forward pass, `rules` say for each operation which of its inputs support a point, `walk` takes all
points of a tensor back at once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
