"""Train children once: a memo of trainings, in a file that survives interruptions."""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from neuralopt.engines import Numerics, choose_engine
from neuralopt.engines.engine import Child, Engine, Outcome, TorchOptimizer
from neuralopt.language import LANGUAGE_VERSION, simplify
from neuralopt.tasks import Split, Task
from neuralopt.verdict.training_file import TrainingFile

CHUNK = 32
"""Trainings that one thread runs between two lines of the file."""

CPU_FLOAT32 = Numerics()

Key = tuple[str, int, str, float, int, int]
"""Fingerprint of the task, seed, rule, learning rate, replicate and epochs."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """One training to be done.

    Attributes:
        task: with the recipe that it is trained with.
        child: rule, learning rate and replicate.
        epochs: passes over the training split.
        along: optimizer steps after which the first split is measured too.
    """

    task: Task
    child: Child
    epochs: int
    along: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A training that raised an error.

    Attributes:
        reason: the error in one line.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is kept of a training.

    Attributes:
        outcome: on `splits`, in their order.
        splits: that it was measured on.
        along: optimizer steps after which the first of them was measured too.
        seconds: that it took, its share of those trained together.
    """

    outcome: Outcome
    splits: tuple[Split, ...]
    along: tuple[int, ...]
    seconds: float

    def has(self, splits: Sequence[Split], along: tuple[int, ...]) -> bool:
        """Return whether this was measured.

        Args:
            splits: at the end.
            along: steps after which the first of the splits was measured too.
        """
        same = not along or (along == self.along and splits[0] == self.splits[0])
        return same and set(splits) <= set(self.splits)

    def on(self, splits: Sequence[Split], along: tuple[int, ...]) -> Outcome:
        """Return the outcome as if nothing else had been measured.

        Args:
            splits: each one of those measured.
            along: as in `has`.
        """
        places = [self.splits.index(split) for split in splits]
        return replace(
            self.outcome,
            losses=tuple(self.outcome.losses[place] for place in places),
            accuracies=tuple(self.outcome.accuracies[place] for place in places),
            along=self.outcome.along if along else (),
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What trainings cost, those that a memo already held included.

    Attributes:
        trainings: how many.
        steps: optimizer steps that they took.
        seconds: of one thread.
    """

    trainings: int = 0
    steps: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.trainings + other.trainings,
            self.steps + other.steps,
            self.seconds + other.seconds,
        )


class Trainings:
    """Trains what was not trained before.

    An outcome depends on the task, the seed, the rule, its learning rate, the replicate
    and the epochs; these are the key of the memo. It depends on numerics and, in the
    last bits, on the engine too: a file is of one of each. What is computed of outcomes
    is then a function of the file: a command that was interrupted continues where it
    was, and ends with the same result.

    Args:
        path: of the file, which is made if there is none; None keeps nothing.
        seed: of the engine.
        engine: a name of ENGINES, or ``auto``. torch's own optimizers are trained by
            the serial engine.
        numerics: dtype, device and precision.
        workers: threads.
        progress: called with the number of trainings finished so far.

    Raises:
        ValueError: the file is not one of trainings, or of another language version,
            precision or engine; or this machine does not have the device.
        OSError: the file can't be read.
    """

    def __init__(
        self,
        path: Path | None = None,
        seed: int = 0,
        engine: str = "auto",
        numerics: Numerics = CPU_FLOAT32,
        workers: int = 1,
        progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        numerics.check()
        self._seed, self._engine, self._numerics = seed, engine, numerics
        self._workers, self._progress = workers, progress
        self._results: dict[Key, Result] = {}
        self._failures: dict[Key, Failure] = {}
        self._engines: dict[tuple[str, str], Engine] = {}
        self._done = 0
        self._file = None
        if path is not None:
            context = {"language": LANGUAGE_VERSION, "numerics": str(numerics)}
            if engine != "auto":
                context["engine"] = engine
            self._file = TrainingFile(path, context)
            self._results.update(self._file.read(_result_of))

    def train(
        self, trainings: Sequence[Training], splits: Sequence[Split]
    ) -> list[Outcome | Failure]:
        """Return the outcome of each training; train those that are missing.

        Args:
            trainings: in any order, of any tasks.
            splits: that they are measured on.

        Returns:
            Outcomes on the splits, in the order of the trainings; a failure where a
            training raised an error, which does not stop the others.
        """
        keys = [self._key(training) for training in trainings]
        missing = {
            key: training
            for key, training in zip(keys, trainings, strict=True)
            if key not in self._failures and not self._holds(key, splits, training)
        }
        before = self._done
        self._done += len(keys) - len(missing)
        self._progress(self._done)
        if missing:
            self._run(missing, splits)
        self._done = before + len(keys)
        self._progress(self._done)
        return [
            self._failures[key] if key in self._failures
            else self._results[key].on(splits, training.along)
            for key, training in zip(keys, trainings, strict=True)
        ]  # fmt: skip

    def cost(self, trainings: Iterable[Training]) -> Cost:
        """Return what trainings cost; those that failed or were not trained are free.

        Args:
            trainings: of any tasks; one that is named twice counts once.
        """
        keys = dict.fromkeys(self._key(training) for training in trainings)
        found = [self._results[key] for key in keys if key in self._results]
        return Cost(
            len(found),
            sum(each.outcome.steps for each in found),
            math.fsum(each.seconds for each in found),
        )

    def _key(self, training: Training) -> Key:
        child = training.child
        return (
            training.task.fingerprint,
            self._seed,
            _text(child),
            child.learning_rate,
            child.replicate,
            training.epochs,
        )

    def _holds(self, key: Key, splits: Sequence[Split], training: Training) -> bool:
        known = self._results.get(key)
        return known is not None and known.has(splits, training.along)

    def _run(self, missing: dict[Key, Training], splits: Sequence[Split]) -> None:
        """Train in chunks on threads, and keep each chunk once it is done."""
        groups: dict[tuple[str, bool, int, tuple[int, ...]], list[Key]] = {}
        for key, training in missing.items():
            own = isinstance(training.child.rule, TorchOptimizer)
            group = key[0], own, key[5], training.along
            groups.setdefault(group, []).append(key)
        chunks = []
        for keys in groups.values():
            keys.sort(key=lambda key: key[4])  # a replicate's data are prepared once
            self._engine_for(missing[keys[0]])
            chunks += [keys[at : at + CHUNK] for at in range(0, len(keys), CHUNK)]
        torch.set_num_threads(1)
        with ThreadPoolExecutor(
            self._workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            jobs = [
                pool.submit(self._train_chunk, [missing[key] for key in keys], splits)
                for keys in chunks
            ]
            places = dict(zip(jobs, chunks, strict=True))
            try:
                left = set(jobs)
                while left:
                    finished, left = wait(left, return_when=FIRST_COMPLETED)
                    for job in finished:
                        self._keep(places[job], job.result())
            finally:
                for job in jobs:
                    job.cancel()

    def _keep(self, keys: Sequence[Key], found: Sequence[Result | Failure]) -> None:
        lines = []
        for key, each in zip(keys, found, strict=True):
            if isinstance(each, Failure):
                self._failures[key] = each
            else:
                self._results[key] = each
                lines.append(_line_of(key, each))
        if self._file is not None:
            self._file.append(lines)
        self._done += len(keys)
        self._progress(self._done)

    def _engine_for(self, training: Training) -> Engine:
        own = isinstance(training.child.rule, TorchOptimizer)
        name = "serial" if own else self._engine
        key = training.task.fingerprint, name
        if key not in self._engines:
            self._engines[key] = choose_engine(
                name, training.task, self._seed, self._numerics
            )
        return self._engines[key]

    def _train_chunk(
        self, trainings: Sequence[Training], splits: Sequence[Split]
    ) -> list[Result | Failure]:
        """Train children together; one by one if one of them raises an error."""
        first = trainings[0]
        engine, begun = self._engine_for(first), time.perf_counter()
        children = [training.child for training in trainings]
        try:
            along = first.along
            outcomes = engine.train(children, first.epochs, splits, along=along)
        except Exception as error:  # noqa: BLE001  a failure is a result
            if len(trainings) == 1:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                return [Failure(reason[:300])]
            return [
                result
                for training in trainings
                for result in self._train_chunk([training], splits)
            ]
        seconds = (time.perf_counter() - begun) / len(trainings)
        return [Result(each, tuple(splits), along, seconds) for each in outcomes]


def _text(child: Child) -> str:
    rule = child.rule
    return str(rule) if isinstance(rule, TorchOptimizer) else str(simplify(rule))


def _line_of(key: Key, result: Result) -> str:
    """A result as JSON, in which numbers keep their last bit."""
    return json.dumps(
        {
            "key": key,
            "splits": result.splits,
            "along": result.along,
            "outcome": asdict(result.outcome),
            "seconds": round(result.seconds, 6),
        }
    )


def _result_of(line: Any) -> tuple[Key, Result]:
    """The key and the result that a line holds."""
    task, seed, rule, rate, replicate, epochs = line["key"]
    outcome = Outcome(**{name: _tuples(x) for name, x in line["outcome"].items()})
    splits, along = tuple(line["splits"]), tuple(line["along"])
    result = Result(outcome, splits, along, float(line["seconds"]))
    return (task, seed, rule, rate, replicate, epochs), result


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
