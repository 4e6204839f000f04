from . import goals as goals
from . import judging as judging
from . import learner as learner
from . import painter as painter
from . import photos as photos
from . import stored as stored
from . import trained as trained
