from . import targets as targets
from . import teacher as teacher
from . import trained as trained
from . import trainer as trainer
from . import views as views
