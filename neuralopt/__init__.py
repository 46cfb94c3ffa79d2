"""neuralopt: a search for optimizer update rules.

The public names are loaded when they are first used, so that ``import neuralopt`` and
``neuralopt --help`` stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralopt.archive import Archive as Archive
    from neuralopt.evaluators.evaluate import evaluate as evaluate
    from neuralopt.export import export_rule as export_rule
    from neuralopt.language import RULES as RULES
    from neuralopt.language import SCHEDULES as SCHEDULES
    from neuralopt.language import Expression as Expression
    from neuralopt.language import Rule as Rule
    from neuralopt.language import parse as parse
    from neuralopt.language import render as render
    from neuralopt.language import simplify as simplify
    from neuralopt.loop import search as search
    from neuralopt.optimizer import RuleOptimizer as RuleOptimizer
    from neuralopt.optimizer import scheduler as scheduler
    from neuralopt.scoring.score import Score as Score
    from neuralopt.spaces import Space as Space
    from neuralopt.tasks import Recipe as Recipe
    from neuralopt.tasks import make_task as make_task

__version__ = "0.1.0"

_ROOMS = {
    "Archive": "archive",
    "Score": "scoring.score",
    "evaluate": "evaluators",
    "RULES": "language",
    "SCHEDULES": "language",
    "Expression": "language",
    "Rule": "language",
    "parse": "language",
    "render": "language",
    "simplify": "language",
    "search": "loop",
    "RuleOptimizer": "optimizer",
    "export_rule": "export",
    "scheduler": "optimizer",
    "Space": "spaces",
    "Recipe": "tasks",
    "make_task": "tasks",
}

__all__ = [
    "RULES",
    "SCHEDULES",
    "Archive",
    "Expression",
    "Recipe",
    "Rule",
    "RuleOptimizer",
    "Score",
    "Space",
    "evaluate",
    "export_rule",
    "make_task",
    "parse",
    "render",
    "scheduler",
    "search",
    "simplify",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'neuralopt' has no attribute {name!r}")
    return getattr(import_module(f"neuralopt.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
