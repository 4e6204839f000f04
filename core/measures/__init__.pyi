from . import bootstrap as bootstrap
from . import concentration as concentration
from . import features as features
