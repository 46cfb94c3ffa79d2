"""Evaluators decide where rules are scored: in this process or on Ray actors."""

from neuralopt.evaluators.evaluate import evaluate as evaluate
from neuralopt.evaluators.evaluator import Completion as Completion
from neuralopt.evaluators.evaluator import Evaluator as Evaluator
from neuralopt.evaluators.evaluator import EvaluatorError as EvaluatorError
from neuralopt.evaluators.evaluator import Request as Request
from neuralopt.evaluators.evaluator import Scorer as Scorer
from neuralopt.evaluators.evaluator import WorkerPlan as WorkerPlan
from neuralopt.evaluators.evaluator import Workers as Workers
from neuralopt.evaluators.in_process import InProcessEvaluator as InProcessEvaluator
from neuralopt.evaluators.multitask import MultiTaskEvaluator as MultiTaskEvaluator
from neuralopt.evaluators.multitask import MultiTaskPlan as MultiTaskPlan
from neuralopt.evaluators.multitask import adam_qualities as adam_qualities
from neuralopt.evaluators.multitask import check_baselines as check_baselines
from neuralopt.evaluators.objective import fitted as fitted
from neuralopt.evaluators.objective import is_relative as is_relative
from neuralopt.evaluators.objective import part_names as part_names
from neuralopt.evaluators.registry import EVALUATORS as EVALUATORS
from neuralopt.evaluators.registry import check_evaluator as check_evaluator
from neuralopt.evaluators.registry import make_evaluator as make_evaluator
from neuralopt.evaluators.scorer import ScoringPlan as ScoringPlan
from neuralopt.evaluators.scorer import TaskScorer as TaskScorer
from neuralopt.evaluators.tabular import TabularEvaluator as TabularEvaluator
