"""How rules are scored: budgets, engines, evaluators."""

from neuralopt.evaluation.arithmetic import Arithmetic as Arithmetic
from neuralopt.evaluation.budgets import BUDGETS as BUDGETS
from neuralopt.evaluation.budgets import Budget as Budget
from neuralopt.evaluation.budgets import named_budget as named_budget
from neuralopt.evaluation.engine import Trainee as Trainee
from neuralopt.evaluation.evaluate import ENGINES as ENGINES
from neuralopt.evaluation.evaluate import ScoringPlan as ScoringPlan
from neuralopt.evaluation.evaluate import choose_engine as choose_engine
from neuralopt.evaluation.evaluate import evaluate as evaluate
from neuralopt.evaluation.evaluate import fastest_engine as fastest_engine
from neuralopt.evaluation.evaluate import scorer as scorer
from neuralopt.evaluation.evaluator import Completion as Completion
from neuralopt.evaluation.evaluator import Evaluator as Evaluator
from neuralopt.evaluation.evaluator import EvaluatorError as EvaluatorError
from neuralopt.evaluation.evaluator import InProcessEvaluator as InProcessEvaluator
from neuralopt.evaluation.evaluator import Request as Request
from neuralopt.evaluation.evaluator import Scorer as Scorer
from neuralopt.evaluation.evaluator import Workers as Workers
from neuralopt.evaluation.probes import random_rules as random_rules
from neuralopt.evaluation.probes import rejection as rejection
from neuralopt.evaluation.probes import rejections as rejections
from neuralopt.evaluation.scores import Score as Score
from neuralopt.evaluation.scores import Status as Status
