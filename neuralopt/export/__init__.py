"""A rule as a file that stands alone, for torch or for optax."""

from neuralopt.export.export import TARGETS as TARGETS
from neuralopt.export.export import export_rule as export_rule
