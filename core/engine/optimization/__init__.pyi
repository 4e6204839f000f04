from . import canvas as canvas
from . import gradients as gradients
from . import objectives as objectives
from . import octaves as octaves
from . import optimize as optimize
from . import parameterizations as parameterizations
from . import starts as starts
from . import transforms as transforms
