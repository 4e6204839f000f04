from . import evaluation as evaluation
from . import latents as latents
from . import learner as learner
from . import networks as networks
from . import stored as stored
