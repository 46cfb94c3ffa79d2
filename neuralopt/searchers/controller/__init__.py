"""The controller: a recurrent network that learns which rules to propose."""

from neuralopt.searchers.controller.network import Controller as Controller
from neuralopt.searchers.controller.options import Training as Training
from neuralopt.searchers.controller.searcher import (
    ControllerSearcher as ControllerSearcher,
)
from neuralopt.searchers.controller.searcher import (
    PaperControllerSearcher as PaperControllerSearcher,
)
