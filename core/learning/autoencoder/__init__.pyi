from . import autoencoder as autoencoder
from . import evaluation as evaluation
from . import inputs as inputs
from . import learner as learner
from . import noise as noise
from . import projections as projections
from . import stored as stored
