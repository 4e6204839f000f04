from . import autoencoder as autoencoder
from . import inputs as inputs
from . import learner as learner
from . import noise as noise
from . import planes as planes
from . import stored as stored
from . import trained as trained
