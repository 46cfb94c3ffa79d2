"""How a rule is scored: budgets, the protocol of trainings, scores and probes."""

from neuralopt.scoring.budgets import BUDGETS as BUDGETS
from neuralopt.scoring.budgets import Budget as Budget
from neuralopt.scoring.budgets import named_budget as named_budget
from neuralopt.scoring.probes import rejection as rejection
from neuralopt.scoring.probes import rejections as rejections
from neuralopt.scoring.protocol import Trial as Trial
from neuralopt.scoring.protocol import score_trials as score_trials
from neuralopt.scoring.protocol import screening_limit as screening_limit
from neuralopt.scoring.random_rules import random_rules as random_rules
from neuralopt.scoring.score import Score as Score
from neuralopt.scoring.score import Status as Status
