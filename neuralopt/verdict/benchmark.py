"""Train candidates on fresh seeds, to compare them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import torch

from neuralopt.engines import Numerics, choose_engine
from neuralopt.engines.engine import Engine, OptimizerSpec, TorchOptimizer
from neuralopt.engines.step_counter import StepCounter, counting_steps
from neuralopt.evaluators.objective import part_names
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_horizons, steps_of_trial
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.scoring.score import Score
from neuralopt.tasks import Split, Task
from neuralopt.verdict.scores import Benchmark

TRIALS_A_TASK = 16
PROGRESS_SECONDS = 0.5
"""Between looks at how far trainings are."""

CPU_FLOAT32 = Numerics()


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
    first_replicate: int = FIRST_VERDICT_REPLICATE,
) -> list[Benchmark]:
    """Score every candidate on the same fresh seeds, each seed by itself.

    Each seed chooses its own learning rate, by the loss on the validation split, and is
    measured on `splits`. Optimizers of torch are trained by the serial engine.

    Args:
        candidates: rules or optimizers of torch by name.
        task: that all are trained on.
        budget: of each training.
        seeds: trainings of each candidate.
        seed: of the engine.
        engine: a name of ENGINES, or ``auto``.
        splits: that the trainings are measured on.
        workers: threads.
        numerics: dtype, device and precision.
        progress: called with (done, total), in trials, whenever done has grown. Trials
            that are being trained count by their share of optimizer steps, rounded
            down in sum.
        first_replicate: number of the first seed's initial weights and data order.

    Returns:
        One benchmark for the budget's `epochs` and one for each horizon, named as
        `part_names` says: one score a seed of every candidate on every split.

    Raises:
        ValueError: the engine is unknown, there is fewer than one seed, this machine
            does not have the device, or a training breaks.
    """
    numerics.check()
    if seeds < 1:
        raise ValueError(f"verdict.seeds is {seeds}: give 1 or more")
    torch.set_num_threads(1)
    trials = [
        (name, Trial(rule, (first_replicate + index,)))
        for index in range(seeds)
        for name, rule in candidates.items()
    ]
    total, done = len(trials), 0
    names = part_names([task.name], budget)
    scores: list[dict[Split, dict[str, list[Score]]]] = [
        {split: {name: [] for name in candidates} for split in splits} for _ in names
    ]
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
            jobs = [
                _Chunk(chosen, task, budget, [trial for _, trial in chunk], splits)
                for chunk in chunks
            ]
            results = _run(pool, jobs, done, total, progress)
            for chunk, result in zip(chunks, results, strict=True):
                for kept, horizon in zip(scores, result, strict=True):
                    for (name, _), by_split in zip(chunk, horizon, strict=True):
                        for split in splits:
                            kept[split][name].append(by_split[split])
            done += len(some)
    return [
        Benchmark(
            name,
            budget.name,
            seeds,
            {
                split: {rival: tuple(row) for rival, row in rivals.items()}
                for split, rivals in kept.items()
            },
        )
        for name, kept in zip(names, scores, strict=True)
    ]


@dataclass(slots=True)
class _Chunk:
    """Trials that one thread trains together, and how far they are."""

    engine: Engine
    task: Task
    budget: Budget
    trials: Sequence[Trial]
    splits: Sequence[Split]
    counter: StepCounter = field(default_factory=StepCounter)

    def scores(self) -> list[list[dict[Split, Score]]]:
        """Score the trials; an error in a user's task is a ValueError of one line."""
        try:
            with counting_steps(self.counter):
                return score_horizons(
                    self.engine, self.task, self.budget, self.trials, self.splits
                )
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValueError(
                f"task {self.task.name}: training breaks: {what[:300]}"
            ) from error


def _run(
    pool: ThreadPoolExecutor,
    chunks: Sequence[_Chunk],
    before: int,
    total: int,
    progress: Callable[[int, int], None],
) -> list[list[list[dict[Split, Score]]]]:
    """Score chunks on threads; report their trials, and those done before, as done."""
    futures = [pool.submit(chunk.scores) for chunk in chunks]
    told, pending = 0, set(futures)
    try:
        while pending:
            finished, pending = wait(pending, PROGRESS_SECONDS, "FIRST_COMPLETED")
            for future in finished:
                future.result()
            steps = sum(chunk.counter.done for chunk in chunks)
            each = steps_of_trial(chunks[0].task, chunks[0].budget, 1)
            if (done := steps // each) > told:
                told = done
                progress(before + done, total)
    finally:
        for future in futures:
            future.cancel()
    return [future.result() for future in futures]
