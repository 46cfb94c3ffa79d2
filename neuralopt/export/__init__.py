"""Export a rule as a stand-alone file, for torch or for optax."""

from neuralopt.export.export import TARGETS as TARGETS
from neuralopt.export.export import export_rule as export_rule
