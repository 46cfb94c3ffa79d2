"""Where children run: what every evaluator does, and the one in this process.

Knows threads and batches; refuses to know searchers and the archive.
"""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import torch

from neuralopt.evaluation.scores import Score

Scorer = Callable[[Sequence[str]], list[Score]]
"""Scores of canonical rule texts; the same for a text whatever stands beside it."""


class Plan(Protocol):
    """What a worker needs to make its scorer, in whatever process it is."""

    def scorer(self) -> Scorer: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal to be scored: its number and its canonical text."""

    number: int
    rule: str


@dataclass(frozen=True, slots=True)
class Completion:
    """seconds: its share of the time that its batch took. worker: who did it.

    retried: this attempt ended with its worker, for the score's reason, and another
    has been made: there will be one more completion of the request.
    """

    number: int
    score: Score
    seconds: float
    worker: str
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of an evaluator at a moment.

    alive: those that have started; busy: of them. lost: how many ended before their
    time; retried: rules tried again for that. queued: rules that wait for a worker.
    gpu_bytes: memory that they hold on GPUs.
    """

    alive: int = 0
    busy: int = 0
    lost: int = 0
    retried: int = 0
    queued: int = 0
    gpu_bytes: int = 0


class EvaluatorError(OSError):
    """There are no workers, and none come; one line says what to do."""


class Evaluator(Protocol):
    """Scores rules somewhere. Every request is completed exactly once, not counting
    attempts that are `retried`; a training that breaks completes as `failed`.
    """

    def workers(self) -> Workers:
        """What they are doing just now."""
        ...

    def submit(self, requests: Sequence[Request]) -> None:
        """Take these on; returns at once."""
        ...

    def collect(self, timeout: float) -> list[Completion]:
        """What was completed since the last call, in any order.

        Waits up to timeout seconds for the first one.
        """
        ...

    def close(self) -> None:
        """Stop; what is under way is given up."""
        ...


class InProcessEvaluator:
    """Scores on threads of this process, `batch` rules at a time on each.

    torch's own threads are set to one: children, not products, run side by side, so
    that results don't depend on the number of cores.
    """

    def __init__(self, scorer: Scorer, workers: int = 1, batch: int = 16) -> None:
        for name, value in (("workers", workers), ("batch", batch)):
            if value < 1:
                raise ValueError(f"evaluator.{name} is {value}: give 1 or more")
        self._scorer, self._batch, self._threads = scorer, batch, workers
        self._open = 0
        self._done: queue.SimpleQueue[Future[list[Completion]]] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(
            workers, "worker", initializer=torch.set_num_threads, initargs=(1,)
        )
        torch.set_num_threads(1)

    def workers(self) -> Workers:
        busy = min(self._threads, -(-self._open // self._batch))
        waiting = max(0, self._open - busy * self._batch)
        return Workers(self._threads, busy, queued=waiting)

    def submit(self, requests: Sequence[Request]) -> None:
        self._open += len(requests)
        for start in range(0, len(requests), self._batch):
            part = requests[start : start + self._batch]
            self._pool.submit(
                score_requests, self._scorer, part, "in-process"
            ).add_done_callback(self._done.put)

    def collect(self, timeout: float) -> list[Completion]:
        try:
            finished = [self._done.get(timeout=timeout)]
        except queue.Empty:
            return []
        while not self._done.empty():
            finished.append(self._done.get())
        kept = [future for future in finished if not future.cancelled()]
        completions = [done for future in kept for done in future.result()]
        self._open -= len(completions)
        return completions

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def score_requests(
    scorer: Scorer, requests: Sequence[Request], worker: str
) -> list[Completion]:
    """Completions of all requests; a training that breaks fails its own rule alone."""
    started = time.perf_counter()
    try:
        scores = scorer([request.rule for request in requests])
        if len(scores) != len(requests):
            raise ValueError(f"{len(scores)} scores of {len(requests)} rules")
    except Exception as error:  # noqa: BLE001  a failure is a status
        if len(requests) > 1:  # find the culprit, spare the rest
            return [
                score_requests(scorer, [request], worker)[0] for request in requests
            ]
        what = str(error).partition("\n")[0]
        reason = f"{type(error).__name__}: {what}" if what else type(error).__name__
        scores = [Score("failed", reason=reason)]
    seconds = (time.perf_counter() - started) / len(requests)
    return [
        Completion(request.number, score, seconds, worker)
        for request, score in zip(requests, scores, strict=True)
    ]
