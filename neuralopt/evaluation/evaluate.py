"""Rules, a task, a budget and an engine put together.

Knows names; refuses to know the archive and searchers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from neuralopt.catalog import hint
from neuralopt.evaluation.arithmetic import Arithmetic
from neuralopt.evaluation.budgets import Budget, named_budget
from neuralopt.evaluation.engine import Engine
from neuralopt.evaluation.evaluator import Scorer
from neuralopt.evaluation.native import NativeEngine
from neuralopt.evaluation.scores import Score
from neuralopt.evaluation.scoring import Trial, score_trials
from neuralopt.evaluation.serial import SerialEngine
from neuralopt.evaluation.several import scores_of_several
from neuralopt.evaluation.stacked import StackedEngine
from neuralopt.language import RULES, Expression, Rule, parse
from neuralopt.optimizer import as_expression
from neuralopt.tasks import Task, load_tasks

PLAIN = Arithmetic()
ENGINES: Mapping[str, Callable[..., Engine]] = {
    "native": NativeEngine,
    "stacked": StackedEngine,
    "serial": SerialEngine,
}
"""By name, fastest first: made of a task, a seed and arithmetic."""


def choose_engine(
    name: str, task: Task, seed: int = 0, arithmetic: Arithmetic = PLAIN
) -> Engine:
    """The engine of this name; ``auto`` is the fastest that supports the task.

    Raises ValueError for an unknown name, or if the engine can't train the task.
    """
    if name == "auto":
        return fastest_engine(task, seed, arithmetic)[0]
    if name not in ENGINES:
        known = hint(name, ["auto", *ENGINES])
        raise ValueError(f"unknown engine {name!r}: {known}")
    return ENGINES[name](task, seed, arithmetic=arithmetic)


def fastest_engine(
    task: Task, seed: int = 0, arithmetic: Arithmetic = PLAIN
) -> tuple[Engine, list[str]]:
    """The fastest engine that supports the task, and why each faster one does not."""
    reasons: list[str] = []
    for make in ENGINES.values():
        try:
            return make(task, seed, arithmetic=arithmetic), reasons
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError("; ".join(reasons))


def scorer(task: Task, budget: Budget, engine: Engine) -> Scorer:
    """A function from canonical rule texts to scores on the validation part."""
    replicates = tuple(range(budget.replicates))

    def score(texts: Sequence[str]) -> list[Score]:
        trials = [Trial(parse(text), replicates) for text in texts]
        return [
            scores["validation"]
            for scores in score_trials(engine, task, budget, trials)
        ]

    return score


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """What a worker in another process needs to make its scorer, the data included."""

    task: Task
    budget: Budget
    engine: str
    seed: int
    arithmetic: Arithmetic = PLAIN

    def scorer(self) -> Scorer:
        """A scorer with an engine of its own.

        Raises ValueError if this machine does not have the device.
        """
        self.arithmetic.check()
        engine = choose_engine(self.engine, self.task, self.seed, self.arithmetic)
        return scorer(self.task, self.budget, engine)


def evaluate(
    rules: Sequence[str | Expression | Rule],
    task: str | Task = "digits",
    budget: str | Budget = "bello2017",
    seed: int = 0,
    engine: str | Engine = "auto",
    device: str = "cpu",
    precision: str = "float32",
) -> list[Score]:
    """Score rules on a task's validation part, in the order given.

    rules: texts, names of RULES, expressions or named rules. task: with several, as in
    ``digits+ravine``, qualities are set against Adam's, which is trained too: see
    `neuralopt.evaluation.several`. device: ``cpu``, ``cuda`` or ``cuda:N``. precision:
    ``float32``, ``bfloat16`` (of products alone) or ``float64``.
    Raises ValueError for a rule that can't be parsed, for unknown names, and for a
    device that this machine has not.

    >>> score, = evaluate(["sgd"], budget="smoke")
    >>> score.status, score.lr
    ('scored', 0.1)
    """
    tasks = load_tasks(task) if isinstance(task, str) else (task,)
    budget = named_budget(budget) if isinstance(budget, str) else budget
    arithmetic = Arithmetic.named(precision, device)
    arithmetic.check()
    scorers = [
        scorer(
            each,
            budget,
            choose_engine(engine, each, seed, arithmetic)
            if isinstance(engine, str)
            else engine,
        )
        for each in tasks
    ]
    named = [
        RULES[rule] if isinstance(rule, str) and rule in RULES else rule
        for rule in rules
    ]
    texts = [str(as_expression(rule)) for rule in named]
    if isinstance(task, str) and len(tasks) > 1:
        return scores_of_several(task.split("+"), scorers, texts, budget.name)
    return scorers[0](texts)
