"""The objective of functions that train rules: the one given, or that of a run."""

from collections.abc import Mapping

from neuralopt.cli.build import ScoringParts, build_tasks
from neuralopt.cli.candidates import Rules
from neuralopt.cli.commands.compare import settings_of_runs
from neuralopt.cli.config.saved import INHERITED
from neuralopt.engines import Numerics
from neuralopt.evaluators.registry import cores
from neuralopt.scoring.budgets import Budget, named_budget
from neuralopt.tasks import Task, load_tasks


def _objective(
    rules: Rules,
    task: str | Task | None,
    budget: str | Budget | None,
) -> tuple[tuple[Task, ...], Budget]:
    """Tasks and budget: those given, those of the runs named, or the defaults."""
    given = rules.values() if isinstance(rules, Mapping) else rules
    texts = [rule for rule in given if isinstance(rule, str)]
    named = [f"{key}=" for key, x in (("task", task), ("budget", budget)) if x]
    kept = settings_of_runs(texts, named) if len(named) < len(INHERITED) else None
    if task is None and kept is not None:
        tasks = build_tasks(kept)
    else:
        task = "suite" if task is None else task
        tasks = load_tasks(task) if isinstance(task, str) else (task,)
    if budget is None and kept is not None:
        budget = kept.budget
    budget = "suite" if budget is None else budget
    return tasks, named_budget(budget) if isinstance(budget, str) else budget


def scoring_of(
    rules: Rules,
    task: str | Task | None,
    budget: str | Budget | None,
    seed: int,
    engine: str,
    device: str,
    precision: str,
    workers: int,
) -> ScoringParts:
    """What scores rules, from the arguments that `compare` and others share.

    Raises:
        ValueError: a name is wrong, or this machine lacks the device.
    """
    tasks, budget = _objective(rules, task, budget)
    numerics = Numerics.named(precision, device)
    numerics.check()
    threads = workers or (cores() if numerics.on_cpu else 1)
    return ScoringParts(tasks, budget, numerics, engine, seed, threads)
