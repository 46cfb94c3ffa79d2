"""neuralopt: a search for optimizer update rules.

The public names are loaded when they are first used, so that ``import neuralopt`` and
``neuralopt --help`` stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralopt import tables as tables
    from neuralopt.anatomy.explanation import Explanation as Explanation
    from neuralopt.api.comparing import ComparisonResult as ComparisonResult
    from neuralopt.api.comparing import compare as compare
    from neuralopt.api.comparing import compare_tuned as compare_tuned
    from neuralopt.api.inspecting import draw as draw
    from neuralopt.api.inspecting import explain as explain
    from neuralopt.api.inspecting import gradients as gradients
    from neuralopt.api.rediscovery import RediscoveryResult as RediscoveryResult
    from neuralopt.api.rediscovery import rediscover as rediscover
    from neuralopt.api.searching import search as search
    from neuralopt.archive import Archive as Archive
    from neuralopt.archive import ArchiveError as ArchiveError
    from neuralopt.archive import Proposal as Proposal
    from neuralopt.evaluators import EVALUATORS as EVALUATORS
    from neuralopt.evaluators import Evaluator as Evaluator
    from neuralopt.evaluators.evaluate import evaluate as evaluate
    from neuralopt.export import export_rule as export_rule
    from neuralopt.language import RULES as RULES
    from neuralopt.language import SCHEDULES as SCHEDULES
    from neuralopt.language import Expression as Expression
    from neuralopt.language import Rule as Rule
    from neuralopt.language import parse as parse
    from neuralopt.language import render as render
    from neuralopt.language import simplify as simplify
    from neuralopt.learned.files import Learned as Learned
    from neuralopt.learned.files import load_learned as load_learned
    from neuralopt.observer import Observer as Observer
    from neuralopt.observer import Progress as Progress
    from neuralopt.optimizer import RuleOptimizer as RuleOptimizer
    from neuralopt.optimizer import groups_by_kind as groups_by_kind
    from neuralopt.optimizer import (
        param_groups_weight_decay as param_groups_weight_decay,
    )
    from neuralopt.optimizer import parameter_kinds as parameter_kinds
    from neuralopt.optimizer import scheduler as scheduler
    from neuralopt.report.tuned_result import TunedResult as TunedResult
    from neuralopt.scoring.budgets import BUDGETS as BUDGETS
    from neuralopt.scoring.budgets import Budget as Budget
    from neuralopt.scoring.score import Score as Score
    from neuralopt.searchers import SEARCHERS as SEARCHERS
    from neuralopt.searchers import Searcher as Searcher
    from neuralopt.signals.report import SignalReport as SignalReport
    from neuralopt.spaces import SPACES as SPACES
    from neuralopt.spaces import Space as Space
    from neuralopt.tasks import TASKS as TASKS
    from neuralopt.tasks import GradientCheck as GradientCheck
    from neuralopt.tasks import Recipe as Recipe
    from neuralopt.tasks import Task as Task
    from neuralopt.tasks import check_gradients as check_gradients
    from neuralopt.tasks import make_task as make_task

__version__ = "0.1.0"

_MODULES = {
    "anatomy.explanation": ("Explanation",),
    "api.comparing": ("ComparisonResult", "compare", "compare_tuned"),
    "api.inspecting": ("draw", "explain", "gradients"),
    "api.rediscovery": ("RediscoveryResult", "rediscover"),
    "api.searching": ("search",),
    "archive": ("Archive", "ArchiveError", "Proposal"),
    "evaluators": ("EVALUATORS", "Evaluator", "evaluate"),
    "export": ("export_rule",),
    "language": (
        *("RULES", "SCHEDULES", "Expression", "Rule"),
        *("parse", "render", "simplify"),
    ),
    "learned.files": ("Learned", "load_learned"),
    "loop": ("Observer", "Progress"),
    "optimizer": (
        *("RuleOptimizer", "groups_by_kind", "param_groups_weight_decay"),
        *("parameter_kinds", "scheduler"),
    ),
    "report.tuned_result": ("TunedResult",),
    "scoring.budgets": ("BUDGETS", "Budget"),
    "scoring.score": ("Score",),
    "searchers": ("SEARCHERS", "Searcher"),
    "signals.report": ("SignalReport",),
    "spaces": ("SPACES", "Space"),
    "tasks": (
        *("TASKS", "GradientCheck", "Recipe", "Task"),
        *("check_gradients", "make_task"),
    ),
}
"""Public names by the module that defines them; a test compares them with the imports
above, which are for type checkers."""

_HOMES = {name: module for module, names in _MODULES.items() for name in names}

_PACKAGES = ("tables",)
"""Packages that are public as a whole."""

__all__ = sorted([*_HOMES, *_PACKAGES])


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return import_module(f"neuralopt.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'neuralopt' has no attribute {name!r}")
    return getattr(import_module(f"neuralopt.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
