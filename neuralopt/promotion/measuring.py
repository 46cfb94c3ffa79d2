"""Measure the contenders of a promotion with an evaluator, and keep what it finds."""

from collections.abc import Callable, Sequence

from neuralopt.engines import Numerics
from neuralopt.evaluators import Evaluator, MultiTaskPlan, ScoringPlan, part_names
from neuralopt.evaluators.evaluator import Completion
from neuralopt.evaluators.evaluator import Request as Proposal
from neuralopt.language import parse
from neuralopt.promotion.deciding import Contender
from neuralopt.promotion.funnel import Measure, Measurement, Request, StageCost
from neuralopt.promotion.store import Key, MeasurementFile
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import steps_of_trial
from neuralopt.scoring.score import NO_RESULT
from neuralopt.tasks import Split, Task

SPLIT: Split = "validation"
"""On which evaluators measure qualities; learning rates are chosen by it too."""

SECONDS = 0.5
"""That one wait for completions takes at most."""

Progress = Callable[[int, int, int], None]
"""Called with the stage's place, and measurements that are done and all of them."""


def measured_by(
    evaluators: Callable[[int], Evaluator],
    store: MeasurementFile,
    contenders: Sequence[Contender],
    progress: Progress = lambda stage, done, total: None,
) -> Measure:
    """Make a measure of evaluators; what was measured before comes from the file.

    Args:
        evaluators: starts the evaluator of a stage, of a `MultiTaskPlan`; it is closed
            when the stage is measured.
        store: open; measurements are appended as they come.
        contenders: all that may be asked for.
        progress: called at least twice a second.

    Returns:
        A measure for `promote`. It raises EvaluatorError if there are no workers.
    """
    texts = {each.name: each.rule for each in contenders}
    numbers = {text: number for number, text in enumerate(texts.values())}

    def measure(stage: int, requests: Sequence[Request]) -> list[Measurement]:
        keys = [(stage, texts[name], replicate) for name, replicate in requests]
        missing = [key for key in dict.fromkeys(keys) if key not in store.known]
        if missing:
            open_: dict[tuple[int, int | None], Key] = {
                (numbers[key[1]], key[2]): key for key in missing
            }
            evaluator = evaluators(stage)
            try:
                evaluator.submit(
                    [
                        Proposal(number, parse(key[1]), replicate)
                        for (number, replicate), key in open_.items()
                    ]
                )
                while open_:
                    done = [
                        each
                        for each in evaluator.collect(SECONDS)
                        if not each.retried and each.key in open_
                    ]
                    store.add(
                        (open_.pop(each.key), _measurement(each)) for each in done
                    )
                    progress(stage, len(keys) - len(open_), len(keys))
            finally:
                evaluator.close()
        return [store.known[key] for key in keys]

    return measure


def stage_plan(
    tasks: Sequence[Task], budget: Budget, engine: str, seed: int, numerics: Numerics
) -> MultiTaskPlan:
    """Return what workers score the contenders of a stage with, on `SPLIT`.

    Args:
        tasks: of the stage.
        budget: its gates are left out.
        engine: a name of ENGINES, or ``auto``.
        seed: of initial weights, data orders and random bits of rules.
        numerics: device and precision.
    """
    whole = budget.without_gates()
    return MultiTaskPlan(
        tuple(ScoringPlan(task, whole, engine, seed, numerics) for task in tasks)
    )


def stage_cost(tasks: Sequence[Task], budget: Budget) -> StageCost:
    """Return the parts of a stage and the cost of a measurement on all of them.

    Args:
        tasks: of the stage.
        budget: learning rates and lengths of the trainings.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    long = 1 + len(budget.horizons)
    short = len(budget.learning_rates) + 3 * bool(budget.refinement_epochs)
    return StageCost(
        part_names([task.name for task in tasks], budget),
        (short + long) * len(tasks),
        sum(steps_of_trial(task, budget, 1) for task in tasks),
    )


def _measurement(done: Completion) -> Measurement:
    broken = done.score.status in NO_RESULT
    qualities = () if broken else tuple(each.quality for each in done.score.tasks)
    return Measurement(qualities, round(done.seconds, 3))
