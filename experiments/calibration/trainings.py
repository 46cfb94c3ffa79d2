"""Real trainings whose qualities the calibration draws from."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.engines import Numerics, choose_engine
from neuralopt.engines.engine import Child
from neuralopt.language import RULES
from neuralopt.report.counting import counting
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.tasks import load_task

TASKS = ("digits", "regression")
EPOCHS = 2
AT_ONCE = 250

CONTENDERS = (("adam", 0.03), ("rmsprop", 0.01), ("momentum", 0.1), ("signum", 0.01))
"""Rules and their fixed learning rates; their ranking is not the question."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Qualities of one rule on many replicates of a task.

    Attributes:
        task: its name.
        rule: its name.
        validation: quality on the split that searches use, shape (replicates,).
        selection: quality on the split of verdicts, the same trainings.
    """

    task: str
    rule: str
    validation: NDArray[np.float64]
    selection: NDArray[np.float64]


def train_pools(replicates: int) -> dict[tuple[str, str], Pool]:
    """Train every contender on every task, on the same replicates.

    Args:
        replicates: trainings of each contender on each task.

    Returns:
        Pools by task and rule.
    """
    pools = {}
    with counting("trainings", show=sys.stderr.isatty()) as count:
        total, done = len(TASKS) * len(CONTENDERS) * replicates, 0
        for task_name in TASKS:
            task = load_task(task_name)
            engine = choose_engine("native", task, 0, Numerics())
            for rule, rate in CONTENDERS:
                rows: list[Sequence[float]] = []
                for first in range(0, replicates, AT_ONCE):
                    numbers = range(first, min(first + AT_ONCE, replicates))
                    children = [
                        Child(
                            RULES[rule].expression, rate, FIRST_VERDICT_REPLICATE + each
                        )
                        for each in numbers
                    ]
                    outcomes = engine.train(
                        children, EPOCHS, ("validation", "selection"), None
                    )
                    rows += [
                        [0.0, 0.0]
                        if each.diverged
                        else [task.quality(loss) for loss in each.losses]
                        for each in outcomes
                    ]
                    done += len(children)
                    count(done, total)
                validation, selection = np.array(rows).T
                pools[task_name, rule] = Pool(task_name, rule, validation, selection)
    return pools
