"""The evaluator that scores rules on threads of this process."""

import queue
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from neuralopt.engines.step_counter import StepCounter, counting_steps
from neuralopt.evaluators.evaluator import (
    Completion,
    Request,
    Scorer,
    Workers,
    steps_per_rule,
)
from neuralopt.scoring.score import Score

Key = tuple[int, int | None]
"""Of a request: number and replicate."""


class InProcessEvaluator:
    """Scores on threads of this process.

    torch's own threads are set to one: trainings run in parallel, products do not, so
    that results don't depend on the number of cores.

    Args:
        scorer: called on each thread.
        workers: threads.
        batch: rules in one call of the scorer.

    Raises:
        ValueError: fewer than one worker, or a batch below one.
    """

    def __init__(self, scorer: Scorer, workers: int = 1, batch: int = 16) -> None:
        for name, value in (("workers", workers), ("batch", batch)):
            if value < 1:
                raise ValueError(f"evaluator.{name} is {value}: give 1 or more")
        self._scorer, self._batch, self._threads = scorer, batch, workers
        self._open = 0
        self._steps_per_rule = steps_per_rule(scorer)
        self._begun: dict[Key, tuple[StepCounter, int]] = {}  # by first request
        self._done: queue.SimpleQueue[Future[list[Completion]]] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(
            workers, "worker", initializer=torch.set_num_threads, initargs=(1,)
        )
        torch.set_num_threads(1)

    def workers(self) -> Workers:
        """Return what the threads are doing."""
        busy = min(self._threads, -(-self._open // self._batch))
        waiting = max(0, self._open - busy * self._batch)
        begun = list(self._begun.values())
        # A batch that breaks is scored again, rule by rule: more steps than expected.
        done = sum(min(counter.done, expected) for counter, expected in begun)
        expected = sum(expected for _, expected in begun)
        return Workers(
            self._threads,
            busy,
            queued=waiting,
            steps_done=done,
            steps_expected=expected,
            steps_per_rule=self._steps_per_rule,
        )

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests in batches, and return at once.

        Args:
            requests: to be scored.
        """
        self._open += len(requests)
        for start in range(0, len(requests), self._batch):
            batch = requests[start : start + self._batch]
            self._pool.submit(self._score, batch).add_done_callback(self._done.put)

    def _score(self, batch: Sequence[Request]) -> list[Completion]:
        counter = StepCounter()
        self._begun[batch[0].key] = counter, len(batch) * self._steps_per_rule
        with counting_steps(counter):
            return score_requests(self._scorer, batch, "in-process")

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was completed since the last call, in any order.

        Args:
            timeout: seconds to wait for the first completion.

        Returns:
            Completions; empty if there was none in that time.
        """
        try:
            finished = [self._done.get(timeout=timeout)]
        except queue.Empty:
            return []
        while not self._done.empty():
            finished.append(self._done.get())
        kept = [future for future in finished if not future.cancelled()]
        completions = [done for future in kept for done in future.result()]
        self._open -= len(completions)
        for each in completions:
            self._begun.pop(each.key, None)
        return completions

    def close(self) -> None:
        """Cancel batches that have not begun, and wait for the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def score_requests(
    scorer: Scorer, requests: Sequence[Request], worker: str
) -> list[Completion]:
    """Return completions of all requests; a training that breaks fails only its rule.

    Args:
        scorer: called with all rules of a replicate, and with each by itself if that
            breaks.
        requests: at least one.
        worker: name of the worker, for the completions.

    Returns:
        One completion for each request, in the same order.
    """
    started = time.perf_counter()
    by_replicate: dict[int | None, list[Request]] = {}
    for request in requests:
        by_replicate.setdefault(request.replicate, []).append(request)
    scores: dict[Key, Score] = {}
    try:
        for replicate, some in by_replicate.items():
            rules = [request.rule for request in some]
            made = scorer(rules) if replicate is None else scorer(rules, replicate)
            if len(made) != len(some):
                raise ValueError(f"{len(made)} scores of {len(some)} rules")
            keys = (request.key for request in some)
            scores |= dict(zip(keys, made, strict=True))
    except Exception as error:  # noqa: BLE001  a failure is a status
        if len(requests) > 1:  # find the culprit, spare the rest
            return [
                score_requests(scorer, [request], worker)[0] for request in requests
            ]
        what = str(error).partition("\n")[0]
        reason = f"{type(error).__name__}: {what}" if what else type(error).__name__
        scores = {requests[0].key: Score("failed", reason=reason)}
    seconds = (time.perf_counter() - started) / len(requests)
    return [
        Completion(
            request.number,
            scores[request.key],
            seconds,
            worker,
            replicate=request.replicate,
        )
        for request in requests
    ]
