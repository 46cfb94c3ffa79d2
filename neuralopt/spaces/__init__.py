"""Spaces: rows of decisions and the rules that they stand for.

Knows grammars, masks and codings; refuses to know networks and scores.
"""

from neuralopt.spaces.registry import SPACES as SPACES
from neuralopt.spaces.registry import load as load
from neuralopt.spaces.space import Constraints as Constraints
from neuralopt.spaces.space import Space as Space
