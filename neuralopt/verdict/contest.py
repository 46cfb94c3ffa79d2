"""Contenders trained on fresh seeds, ready to be compared.

Knows how rules and torch's optimizers are scored alike; refuses to know tables.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from neuralopt.evaluation import Arithmetic, Budget, Score, choose_engine
from neuralopt.evaluation.engine import Engine, TorchOptimizer, Trainee
from neuralopt.evaluation.scoring import Trial, score_trials
from neuralopt.tasks import Part, Task
from neuralopt.verdict.comparison import Comparison, compare

FIRST_REPLICATE = 1_000
"""Replicates from here on belong to verdicts: no search trains with them."""

TRIALS_A_TASK = 16
PLAIN = Arithmetic()


@dataclass(frozen=True, slots=True)
class Contest:
    """scores[part][name] holds one Score a seed; all meet the same seeds."""

    scores: Mapping[Part, Mapping[str, tuple[Score, ...]]]

    def comparison(
        self, part: Part, baselines: Sequence[str] | None = None
    ) -> Comparison:
        """Standings on a part; the reference is the best of the baselines."""
        names = list(self.scores[part])
        scores = [self.scores[part][name] for name in names]
        return compare(
            names,
            [[score.quality for score in row] for row in scores],
            losses=[
                [math.inf if score.loss is None else score.loss for score in row]
                for row in scores
            ],
            baselines=baselines,
        )

    def curves(self, part: Part) -> dict[str, tuple[float, ...]]:
        """Training loss along the long run of each contender's first seed."""
        return {name: row[0].curve for name, row in self.scores[part].items()}


def hold_contest(
    contenders: Mapping[str, Trainee],
    task: Task,
    budget: Budget,
    seeds: int,
    seed: int = 0,
    engine: str = "auto",
    parts: Sequence[Part] = ("selection",),
    workers: int = 1,
    arithmetic: Arithmetic = PLAIN,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Contest:
    """Score every contender on the same fresh seeds, each seed for itself.

    Each seed chooses its own learning rate, by the loss on the validation part, and is
    measured on `parts`. Optimizers of torch are trained by the serial engine.
    progress: called with (done, total) trials.
    Raises ValueError for an unknown engine, fewer than one seed, a device that this
    machine has not, or a training that breaks.
    """
    arithmetic.check()
    if seeds < 1:
        raise ValueError(f"verdict.seeds is {seeds}: give 1 or more")
    torch.set_num_threads(1)
    trials = [
        (name, Trial(rule, (FIRST_REPLICATE + index,)))
        for index in range(seeds)
        for name, rule in contenders.items()
    ]
    total, done = len(trials), 0
    scores: dict[Part, dict[str, list[Score]]] = {
        part: {name: [] for name in contenders} for part in parts
    }
    own = [trial for trial in trials if isinstance(trial[1].rule, TorchOptimizer)]
    rules = [trial for trial in trials if not isinstance(trial[1].rule, TorchOptimizer)]
    with ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        for kind, some in ((engine, rules), ("serial", own)):
            chosen = choose_engine(kind, task, seed, arithmetic)
            chunks = [
                some[start : start + TRIALS_A_TASK]
                for start in range(0, len(some), TRIALS_A_TASK)
            ]
            results = pool.map(
                lambda chunk, chosen=chosen: _scores(
                    chosen, task, budget, [trial for _, trial in chunk], parts
                ),
                chunks,
            )
            for chunk, result in zip(chunks, results, strict=True):
                for (name, _), by_part in zip(chunk, result, strict=True):
                    for part in parts:
                        scores[part][name].append(by_part[part])
                done += len(chunk)
                progress(done, total)
    return Contest(
        {
            part: {name: tuple(row) for name, row in names.items()}
            for part, names in scores.items()
        }
    )


def _scores(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    parts: Sequence[Part],
) -> list[dict[Part, Score]]:
    """As `score_trials`; what breaks in a user's task is a ValueError of one line."""
    try:
        return score_trials(engine, task, budget, trials, parts)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"task {task.name}: training breaks: {what[:300]}") from error
