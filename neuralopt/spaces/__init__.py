"""Search spaces: rows of decisions and the rules that they encode."""

from neuralopt.spaces.registry import SPACES as SPACES
from neuralopt.spaces.registry import load as load
from neuralopt.spaces.space import Constraints as Constraints
from neuralopt.spaces.space import Space as Space
