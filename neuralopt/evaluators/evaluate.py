"""Score rules in one call, from names to scores."""

from collections.abc import Sequence

from neuralopt.engines import Engine, Numerics, choose_engine
from neuralopt.evaluators.multitask import multitask_scores
from neuralopt.evaluators.objective import is_relative
from neuralopt.evaluators.scorer import TaskScorer
from neuralopt.language import Expression, Rule, as_expression
from neuralopt.scoring.budgets import Budget, named_budget
from neuralopt.scoring.score import Score
from neuralopt.tasks import Task, load_tasks


def evaluate(
    rules: Sequence[str | Expression | Rule],
    task: str | Task = "suite",
    budget: str | Budget = "suite",
    seed: int = 0,
    engine: str | Engine = "auto",
    device: str = "cpu",
    precision: str = "float32",
) -> list[Score]:
    """Score rules on a task's validation split.

    Args:
        rules: texts, names of RULES, expressions or named rules.
        task: a name, several as in ``digits+ravine``, a group, or a Task.
        budget: or its name; its gates are left out, so that every rule is scored in
            full. With several tasks or horizons, qualities are relative to Adam's,
            which is trained too: see `neuralopt.evaluators.objective`.
        seed: of initial weights, data order and noise.
        engine: or its name.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``bfloat16`` (of products only) or ``float64``.

    Returns:
        One score a rule, in the order given.

    Raises:
        ValueError: a rule can't be parsed, a name is unknown, or this machine does not
            have the device.

    Example:
        >>> score, = evaluate(["sgd"], "digits", "smoke")
        >>> score.status, score.lr
        ('scored', 0.1)
    """
    tasks = load_tasks(task) if isinstance(task, str) else (task,)
    budget = named_budget(budget) if isinstance(budget, str) else budget
    budget = budget.without_gates()
    numerics = Numerics.named(precision, device)
    numerics.check()
    scorers = [
        TaskScorer(
            each,
            budget,
            choose_engine(engine, each, seed, numerics)
            if isinstance(engine, str)
            else engine,
        )
        for each in tasks
    ]
    if isinstance(rules, str):
        raise ValueError(f"rules is the text {rules!r}: give a list of rules")
    expressions = [as_expression(rule) for rule in rules]
    if is_relative(len(tasks), budget):
        return multitask_scores(scorers, expressions)
    return scorers[0](expressions)
