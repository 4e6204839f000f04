from . import models as models
from . import targets as targets
from . import teacher as teacher
from . import trainer as trainer
from . import views as views
