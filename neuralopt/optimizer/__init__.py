"""Rules as torch optimizers."""

from neuralopt.optimizer.groups import (
    param_groups_weight_decay as param_groups_weight_decay,
)
from neuralopt.optimizer.kinds import groups_by_kind as groups_by_kind
from neuralopt.optimizer.kinds import parameter_kinds as parameter_kinds
from neuralopt.optimizer.optimizer import RuleOptimizer as RuleOptimizer
from neuralopt.optimizer.program import Program as Program
from neuralopt.optimizer.program import compile_rule as compile_rule
from neuralopt.optimizer.program import programs_of as programs_of
from neuralopt.optimizer.scheduling import scheduler as scheduler
