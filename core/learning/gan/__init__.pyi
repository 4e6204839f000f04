from . import features as features
from . import latents as latents
from . import learner as learner
from . import neighbours as neighbours
from . import networks as networks
from . import stored as stored
from . import trained as trained
