"""Rules as torch optimizers."""

from neuralopt.optimizer.groups import (
    param_groups_weight_decay as param_groups_weight_decay,
)
from neuralopt.optimizer.optimizer import RuleOptimizer as RuleOptimizer
from neuralopt.optimizer.program import Program as Program
from neuralopt.optimizer.program import compile_rule as compile_rule
from neuralopt.optimizer.scheduling import scheduler as scheduler
