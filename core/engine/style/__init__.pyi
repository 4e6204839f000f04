from . import color_grid as color_grid
from . import edges as edges
from . import luminance as luminance
from . import similarity as similarity
from . import stylization as stylization
