"""Candidates trained on fresh seeds, ready to be compared.

Knows how rules and torch's optimizers are scored alike; refuses to know tables.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from neuralopt.engines import Numerics, choose_engine
from neuralopt.engines.engine import Engine, OptimizerSpec, TorchOptimizer
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.score import Score
from neuralopt.tasks import Split, Task
from neuralopt.verdict.comparison import Comparison, compare

FIRST_REPLICATE = 1_000
"""Replicates from here on belong to verdicts: no search trains with them."""

TRIALS_A_TASK = 16
CPU_FLOAT32 = Numerics()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Scores of candidates on the same fresh seeds.

    Attributes:
        task: its name.
        budget: its name.
        seeds: how many.
        scores: ``scores[split][name]`` holds one Score a seed.
    """

    task: str
    budget: str
    seeds: int
    scores: Mapping[Split, Mapping[str, tuple[Score, ...]]]

    def comparison(
        self, split: Split, baselines: Sequence[str] | None = None
    ) -> Comparison:
        """Standings on a split; the reference is the best of the baselines."""
        names = list(self.scores[split])
        scores = [self.scores[split][name] for name in names]
        return compare(
            names,
            [[score.quality for score in row] for row in scores],
            losses=[
                [math.inf if score.loss is None else score.loss for score in row]
                for row in scores
            ],
            baselines=baselines,
        )

    def curves(self, split: Split) -> dict[str, tuple[float, ...]]:
        """Training loss along the long run of each candidate's first seed."""
        return {name: row[0].curve for name, row in self.scores[split].items()}


def run_benchmark(
    candidates: Mapping[str, OptimizerSpec],
    task: Task,
    budget: Budget,
    seeds: int,
    seed: int = 0,
    engine: str = "auto",
    splits: Sequence[Split] = ("selection",),
    workers: int = 1,
    numerics: Numerics = CPU_FLOAT32,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Benchmark:
    """Score every candidate on the same fresh seeds, each seed for itself.

    Each seed chooses its own learning rate, by the loss on the validation split, and is
    measured on `splits`. Optimizers of torch are trained by the serial engine.
    progress: called with (done, total) trials.
    Raises ValueError for an unknown engine, fewer than one seed, a device that this
    machine has not, or a training that breaks.
    """
    numerics.check()
    if seeds < 1:
        raise ValueError(f"verdict.seeds is {seeds}: give 1 or more")
    torch.set_num_threads(1)
    trials = [
        (name, Trial(rule, (FIRST_REPLICATE + index,)))
        for index in range(seeds)
        for name, rule in candidates.items()
    ]
    total, done = len(trials), 0
    scores: dict[Split, dict[str, list[Score]]] = {
        split: {name: [] for name in candidates} for split in splits
    }
    own = [trial for trial in trials if isinstance(trial[1].rule, TorchOptimizer)]
    rules = [trial for trial in trials if not isinstance(trial[1].rule, TorchOptimizer)]
    with ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        for kind, some in ((engine, rules), ("serial", own)):
            if not some:
                continue
            chosen = choose_engine(kind, task, seed, numerics)
            chunks = [
                some[start : start + TRIALS_A_TASK]
                for start in range(0, len(some), TRIALS_A_TASK)
            ]
            results = pool.map(
                lambda chunk, chosen=chosen: _scores(
                    chosen, task, budget, [trial for _, trial in chunk], splits
                ),
                chunks,
            )
            for chunk, result in zip(chunks, results, strict=True):
                for (name, _), by_split in zip(chunk, result, strict=True):
                    for split in splits:
                        scores[split][name].append(by_split[split])
                done += len(chunk)
                progress(done, total)
    return Benchmark(
        task.name,
        budget.name,
        seeds,
        {
            split: {name: tuple(row) for name, row in names.items()}
            for split, names in scores.items()
        },
    )


def _scores(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    splits: Sequence[Split],
) -> list[dict[Split, Score]]:
    """As `score_trials`; what breaks in a user's task is a ValueError of one line."""
    try:
        return score_trials(engine, task, budget, trials, splits)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"task {task.name}: training breaks: {what[:300]}") from error
