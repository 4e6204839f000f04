from . import baselines as baselines
from . import bootstrap as bootstrap
from . import collages as collages
from . import concentration as concentration
from . import faithfulness as faithfulness
from . import features as features
from . import localization as localization
from . import randomization as randomization
