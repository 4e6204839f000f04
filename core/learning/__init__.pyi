from . import autoencoder as autoencoder
from . import classifier as classifier
from . import fast_style as fast_style
from . import gan as gan
from . import loop as loop
from . import pictures as pictures
from . import sheets as sheets
