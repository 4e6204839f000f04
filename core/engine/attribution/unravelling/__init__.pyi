from . import points as points
from . import walk as walk
