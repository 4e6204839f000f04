from . import edges as edges
from . import optimize as optimize
from . import parameterizations as parameterizations
from . import ranges as ranges
from . import shown as shown
from . import starts as starts
from . import targets as targets
