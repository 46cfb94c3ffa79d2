"""Scores on Ray: long-lived actors on this machine's cores or on a cluster.

Knows Ray, alone in the package; refuses to know searchers and the archive. Rules cross
to the actors as text and come back as scores. An actor that dies takes its batch down
as `failed`, which the search tries once more, and is replaced.
"""

import collections
import os
import socket
from collections.abc import Sequence
from typing import Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from neuralopt.evaluation.evaluate import ScoringPlan
from neuralopt.evaluation.evaluator import Completion, Request, score_requests
from neuralopt.evaluation.scores import Score

LOCAL = "local"
"""The address that starts Ray here, whatever cluster this machine has seen before."""


class RayEvaluator:
    """Scores on `workers` actors of one core each, `batch` rules at a time on each.

    plan: what every actor scores with; it builds its own task and engine.
    address: of a running cluster (``auto`` finds the one of this machine), or
    ``local``. Raises ValueError if Ray or a cluster can't be reached, or has fewer
    cores than workers.
    """

    def __init__(
        self, plan: ScoringPlan, workers: int, batch: int, address: str = LOCAL
    ) -> None:
        if workers < 1 or batch < 1:
            raise ValueError(
                f"evaluator.workers is {workers} and evaluator.batch {batch}: "
                "give 1 or more"
            )
        self.workers, self._batch, self._plan = workers, batch, plan
        _connect(address, workers)
        self._idle: list[Any] = [self._actor() for _ in range(workers)]
        self._queue: collections.deque[list[Request]] = collections.deque()
        self._running: dict[Any, tuple[Any, list[Request]]] = {}

    def _actor(self) -> Any:
        return _Worker.remote(self._plan)  # type: ignore[attr-defined]

    def submit(self, requests: Sequence[Request]) -> None:
        for start in range(0, len(requests), self._batch):
            self._queue.append(list(requests[start : start + self._batch]))
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue and self._idle:
            actor, requests = self._idle.pop(), self._queue.popleft()
            self._running[actor.score.remote(requests)] = actor, requests

    def collect(self, timeout: float) -> list[Completion]:
        running = list(self._running)
        if not running:
            return []
        ready, _ = ray.wait(running, num_returns=1, timeout=timeout)
        completions: list[Completion] = []
        for reference in ready:
            actor, requests = self._running.pop(reference)
            try:
                completions += ray.get(reference)
            except RayTaskError as error:
                completions += _failures(requests, str(error.cause))
            except RayError as error:
                cause = f"lost worker: {type(error).__name__}"
                completions += _failures(requests, cause)
                ray.kill(actor)
                actor = self._actor()
            self._idle.append(actor)
        self._dispatch()
        return completions

    def close(self) -> None:
        self._queue.clear()
        self._running.clear()
        ray.shutdown()


@ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)
class _Worker:
    """One actor: a task and an engine of its own."""

    def __init__(self, plan: ScoringPlan) -> None:
        torch.set_num_threads(1)
        self.scorer = plan.scorer()
        self.name = f"{os.uname().nodename}:{os.getpid()}"

    def score(self, requests: Sequence[Request]) -> list[Completion]:
        return score_requests(self.scorer, requests, self.name)


def _connect(address: str, workers: int) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"num_cpus": workers, "include_dashboard": False}
    if ":" in address:
        _check_reachable(address)
    try:
        ray.init(address=address, **options)
    except (RayError, ConnectionError, OSError, RuntimeError) as error:
        cause = str(error).splitlines()[0]
        message = f"evaluator.address={address}: no Ray there: {cause}"
        raise ValueError(message) from None
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cores = int(resources.get("CPU", 0))
    if cores < workers:
        ray.shutdown()
        raise ValueError(
            f"evaluator.workers is {workers}, the cluster at {address} has {cores} "
            "cores: give at most as many"
        )


def _check_reachable(address: str) -> None:
    """Ray itself waits minutes for a host that does not answer."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ValueError(
            f"evaluator.address={address}: nothing answers there ({error}): start a "
            "cluster with `ray start --head` and give its host:port"
        ) from None


def _failures(requests: Sequence[Request], cause: str) -> list[Completion]:
    reason = (cause.splitlines() or ["unknown"])[0]
    failed = Score("failed", reason=reason)
    return [Completion(request.number, failed, 0.0, "ray") for request in requests]
