"""Score rules in one call: names in, scores out."""

from collections.abc import Sequence

from neuralopt.engines import Engine, Numerics, choose_engine
from neuralopt.evaluators.multitask import multitask_scores
from neuralopt.evaluators.scorer import scorer
from neuralopt.language import Expression, Rule, as_expression
from neuralopt.scoring import Budget, Score, named_budget
from neuralopt.tasks import Task, load_tasks


def evaluate(
    rules: Sequence[str | Expression | Rule],
    task: str | Task = "digits",
    budget: str | Budget = "bello2017",
    seed: int = 0,
    engine: str | Engine = "auto",
    device: str = "cpu",
    precision: str = "float32",
) -> list[Score]:
    """Score rules on a task's validation split, in the order given.

    rules: texts, names of RULES, expressions or named rules. task: with several, as in
    ``digits+ravine``, qualities are set against Adam's, which is trained too: see
    `neuralopt.evaluators.multitask`. device: ``cpu``, ``cuda`` or ``cuda:N``.
    precision: ``float32``, ``bfloat16`` (of products alone) or ``float64``.
    Raises ValueError for a rule that can't be parsed, for unknown names, and for a
    device that this machine has not.

    >>> score, = evaluate(["sgd"], budget="smoke")
    >>> score.status, score.lr
    ('scored', 0.1)
    """
    tasks = load_tasks(task) if isinstance(task, str) else (task,)
    budget = named_budget(budget) if isinstance(budget, str) else budget
    numerics = Numerics.named(precision, device)
    numerics.check()
    scorers = [
        scorer(
            each,
            budget,
            choose_engine(engine, each, seed, numerics)
            if isinstance(engine, str)
            else engine,
        )
        for each in tasks
    ]
    texts = [str(as_expression(rule)) for rule in rules]
    if isinstance(task, str) and len(tasks) > 1:
        return multitask_scores(task.split("+"), scorers, texts, budget.name)
    return scorers[0](texts)
