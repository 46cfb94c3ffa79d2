"""The evaluator that scores rules on Ray actors, on this machine or on a cluster.

Rules travel to the long-lived actors as text (a pickled Expression) and come back as
scores.

One thread owns the state of the workers. Events elsewhere (new rules, a result, a lost
worker) reach it as functions in a queue, which it calls.
"""

import math
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import ray
import torch
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
)

from neuralopt.evaluators.dispatch import Batch, Fault, Workload
from neuralopt.evaluators.evaluator import (
    Completion,
    EvaluatorError,
    Request,
    WorkerPlan,
    Workers,
)
from neuralopt.evaluators.in_process import score_requests
from neuralopt.evaluators.ray.cluster import GIB, Cluster, Demand, room, shortage
from neuralopt.scoring.score import Score

TICK_SECONDS = 0.5
PAUSE_SECONDS = 10.0
"""If two looks at the clock are further apart, this process was stopped between."""
START_SECONDS = 120.0
"""The least time that a worker is given to start."""
IDLE_SECONDS = 2.0
"""A worker idle for longer is asked whether it lives before it gets a batch."""
LOST_IN_A_ROW = 200
"""Workers that may be lost without any result between before the search gives up."""
CENSUS_SECONDS = 5.0
FAILED_STARTS, DEAD_STARTS = 3, 20
"""Workers that may raise an error, or die, while they start, one after another."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How a search uses a cluster.

    Attributes:
        workers: 0 for as many as there is room for, at any time.
        batch: rules in one call of a worker, 0 for as many as take half a second.
        address: see `Cluster`.
        demand: what a worker needs.
        time_limit: seconds a call may take before its worker is killed.
        patience: seconds to wait for workers where there are none.

    Raises:
        ValueError: a number is out of range.
    """

    workers: int = 0
    batch: int = 0
    address: str = ""
    demand: Demand = field(default_factory=Demand)
    time_limit: float = 600.0
    patience: float = 60.0

    def __post_init__(self) -> None:
        for name in ("workers", "batch", "time_limit", "patience"):
            value = getattr(self, name)
            if not value >= 0 or (name == "time_limit" and not value):
                least = "more than 0" if name == "time_limit" else "0 or more"
                raise ValueError(f"evaluator.{name} is {value}: give {least}")


class RayEvaluator:
    """Scores on Ray actors that come and go.

    Args:
        plan: what every actor makes its scorer with.
        options: how the cluster is used.

    Raises:
        ValueError: no cluster can be reached, or a cluster of only this machine has no
            room for one worker.
    """

    def __init__(self, plan: WorkerPlan, options: RayOptions) -> None:
        cores = os.cpu_count() or 1
        wanted = math.ceil(options.workers * options.demand.cpus)
        self._cluster = Cluster(options.address, max(wanted, cores))
        try:
            shared = ray.put(plan)
        except TypeError as error:
            self._cluster.close()
            cause = shorten(str(error), 150, placeholder=" ...")
            message = f"the task can't be sent to workers, Ray says: {cause}"
            raise ValueError(message) from None
        missing = shortage(options.demand, self._cluster.nodes())
        if self._cluster.is_local and missing:
            self._cluster.close()
            raise ValueError(
                f"a worker needs what this machine has not: {missing}: ask for less "
                "(evaluator.cpus, gpus, memory, resources) or use a cluster "
                "(evaluator.address)"
            )
        self._done: queue.SimpleQueue[list[Completion] | Exception] = (
            queue.SimpleQueue()
        )
        self._pool = _ActorPool(plan, shared, options, self._cluster, self._done)
        self._thread = threading.Thread(target=self._pool.run, name="ray", daemon=True)
        self._thread.start()

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests, and return at once.

        Args:
            requests: to be scored.
        """
        self._pool.tell(lambda: self._pool.workload.add(requests))

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was completed since the last call, in any order.

        Args:
            timeout: seconds to wait for the first completion.

        Returns:
            Completions; empty if there was none in that time.

        Raises:
            EvaluatorError: there are no workers and none can be started, or Ray failed.
        """
        try:
            finished = self._done.get(timeout=timeout)
        except queue.Empty:
            return []
        if isinstance(finished, Exception):
            raise finished
        return finished

    def workers(self) -> Workers:
        """Return what the actors are doing."""
        return self._pool.count

    def close(self) -> None:
        """Shut down, and cancel pending work."""
        self._pool.tell(None)
        self._thread.join(10)
        self._cluster.close()


@dataclass(eq=False, slots=True)
class _Worker:
    """One actor and what it does.

    Attributes:
        actor: Ray's handle of it.
        since: when it began to do what it does.
        name: empty until it has started.
        asked: whether it was asked if it lives, and has not answered yet.
        batch: empty until it has one.
        scored: whether it has done a batch: the first one loads and compiles.
        gpu_bytes: memory that it holds on a GPU.
    """

    actor: Any
    since: float
    name: str = ""
    asked: bool = False
    batch: Batch = field(default_factory=list)
    scored: bool = False
    gpu_bytes: int = 0


class _ActorPool:
    """All workers and their batches. All but `tell` runs on the thread of `run`."""

    def __init__(
        self,
        plan: WorkerPlan,
        shared: Any,
        options: RayOptions,
        cluster: Cluster,
        done: "queue.SimpleQueue[list[Completion] | Exception]",
    ) -> None:
        self.workload = Workload(options.batch)
        self.count = Workers()
        self._plan, self._shared, self._options = plan, shared, options
        self._cluster, self._done = cluster, done
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._nodes: list[dict[str, float]] = []
        self._counted = -CENSUS_SECONDS
        self._looked = self._alive = time.monotonic()  # when there was a worker last
        self._lost = self._failed_starts = self._lost_in_a_row = 0

    def tell(self, event: Callable[[], None] | None) -> None:
        """Call a function on the thread of `run`; None ends it."""
        self._events.put(event)

    def run(self) -> None:
        try:
            self._look_after_workers()  # so that they start while requests arrive
            while self._handle_events():
                self._look_after_workers()
                self._hand_out()
                self.count = self._workers_now()
        except RayError as error:
            cause = str(error).strip().partition("\n")[0]
            self._done.put(EvaluatorError(f"Ray failed: {cause}; nothing is lost"))
        except Exception as error:  # noqa: BLE001  handed to whoever collects
            self._done.put(error)

    def _handle_events(self) -> bool:
        """Wait for an event and handle all there are; False at the end.

        All events are handled before any time limit is checked: after a pause of this
        process, answers that were given in time are read late.
        """
        try:
            event = self._events.get(timeout=TICK_SECONDS)
            while event is not None:
                event()
                event = self._events.get_nowait()
        except queue.Empty:
            return True
        return False

    def _look_after_workers(self) -> None:
        now = time.monotonic()
        if (pause := now - self._looked) > PAUSE_SECONDS:
            self._alive += pause
            for worker in self._workers:
                worker.since += pause
        self._looked = now
        if now - self._counted > CENSUS_SECONDS:
            self._counted, self._nodes = now, self._cluster.nodes()
        for worker in list(self._workers):
            since, limit = now - worker.since, self._options.time_limit
            if worker.batch and since > limit:
                self._lose(worker, Fault(f"no result in {limit:g} s", suspicious=True))
            elif (worker.asked or not worker.name) and since > max(
                limit, START_SECONDS
            ):
                self._give_up(worker)
        if self._lost_in_a_row > LOST_IN_A_ROW:
            raise EvaluatorError(
                f"{self._lost_in_a_row} workers were lost one after another, with no "
                "result between: mend the cluster and resume, nothing is lost"
            )
        wanted = self._options.workers or room(self._options.demand, self._nodes)
        while len(self._workers) < wanted:
            self._start()
        if not self.workload.queued or any(worker.name for worker in self._workers):
            self._alive = now
        elif now - self._alive > self._options.patience:
            raise EvaluatorError(self._complaint())

    def _workers_now(self) -> Workers:
        started = [worker for worker in self._workers if worker.name]
        return Workers(
            len(started),
            sum(bool(worker.batch) for worker in started),
            self._lost,
            self.workload.retried,
            self.workload.queued,
            sum(worker.gpu_bytes for worker in started),
        )

    def _complaint(self) -> str:
        missing = shortage(self._options.demand, self._nodes)
        why = (
            f"no node has {missing}"
            if missing
            else "the cluster has room for some, but none starts: is it in use?"
        )
        return (
            f"no worker for {self._options.patience:g} s: {why}; ask for less, or give "
            "the cluster what is missing, and resume: nothing is lost"
        )

    def _start(self) -> None:
        options = self._options.demand.of_actor()
        actor = _Actor.options(**options).remote(  # type: ignore[attr-defined]
            self._shared, self._options.demand.memory, self._options.demand.gpus
        )
        worker = _Worker(actor, time.monotonic())
        self._workers.append(worker)
        self._call(worker, actor.name.remote(), self._started)

    def _call(
        self,
        worker: _Worker,
        reference: Any,
        then: Callable[[_Worker, "Future[Any]"], None],
    ) -> None:
        """Handle an answer, unless its worker has been given up by then."""

        def event(future: "Future[Any]") -> None:
            if worker in self._workers:
                then(worker, future)

        reference.future().add_done_callback(
            lambda future: self.tell(lambda: event(future))
        )

    def _started(self, worker: _Worker, answer: "Future[str]") -> None:
        try:
            worker.name, worker.since = answer.result(), time.monotonic()
            self._failed_starts = 0
        except RayError as error:
            self._give_up(worker)
            self._shared = ray.put(self._plan)  # it may have gone with a node
            fault = fault_of(error)
            if not fault.suspicious:
                return
            self._failed_starts += 1
            raised = getattr(error, "actor_init_failed", False)
            if self._failed_starts >= (FAILED_STARTS if raised else DEAD_STARTS):
                cause = str(error).strip().splitlines()[-1] if raised else fault.reason
                raise EvaluatorError(
                    f"workers can't start ({cause}): mend that, or ask for more "
                    "(evaluator.memory), and resume: nothing is lost"
                ) from None

    def _hand_out(self) -> None:
        free = [worker for worker in self._workers if worker.name and not worker.batch]
        started = sum(bool(worker.name) for worker in self._workers)
        for worker in free:
            if not self.workload.queued:
                return
            if time.monotonic() - worker.since > IDLE_SECONDS:
                # If it has died since, no rule is to blame.
                worker.asked, worker.since = True, time.monotonic()
                self._call(worker, worker.actor.name.remote(), self._answered)
            if worker.asked:
                continue
            batch = self.workload.take(started)
            if not batch:
                return
            worker.batch, worker.since = batch, time.monotonic()
            self._call(worker, worker.actor.score.remote(batch), self._scored)

    def _scored(self, worker: _Worker, answer: "Future[Any]") -> None:
        try:
            completions, worker.gpu_bytes = answer.result()
        except RayTaskError as error:  # not a rule's: those are caught one by one
            failed = Score("failed", reason=str(error.cause).partition("\n")[0])
            completions = [
                Completion(r.number, failed, 0.0, "", replicate=r.replicate)
                for r in worker.batch
            ]
        except ActorUnavailableError:
            # Its process, its node or the network may be lost: ask again to see which.
            worker.since = time.monotonic()
            self._call(worker, worker.actor.name.remote(), self._doubted)
            return
        except RayError as error:
            self._lose(worker, fault_of(error))
            return
        if worker.scored:
            self.workload.learn(completions)
        worker.scored, worker.batch, worker.since = True, [], time.monotonic()
        self._lost_in_a_row = 0
        self._done.put(completions)

    def _answered(self, worker: _Worker, answer: "Future[str]") -> None:
        try:
            answer.result()
            worker.asked, worker.since = False, time.monotonic()
        except RayError as error:
            self._lose(worker, fault_of(error))

    def _doubted(self, worker: _Worker, answer: "Future[str]") -> None:
        try:
            answer.result()
            fault = Fault("connection lost", suspicious=False)
        except RayError as error:
            fault = fault_of(error)
        self._lose(worker, fault)

    def _lose(self, worker: _Worker, fault: Fault) -> None:
        self._give_up(worker)
        if worker.batch:
            self._done.put(self.workload.lost(worker.batch, fault, worker.name))

    def _give_up(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._lost += 1
        self._lost_in_a_row += 1
        ray.kill(worker.actor)


def fault_of(error: RayError) -> Fault:
    """Return why a worker was lost, from Ray's error.

    Args:
        error: that a call of the worker raised.

    Returns:
        The reason, and whether the worker's rules may be the cause.
    """
    text = str(error)
    if isinstance(error, ActorDiedError) and error.actor_init_failed:
        return Fault("it raised an exception", suspicious=True)
    if isinstance(error, OutOfMemoryError) or "running low on memory" in text:
        return Fault("out of memory", suspicious=True)
    if "worker process has died" in text:
        return Fault("worker died", suspicious=True)
    if isinstance(error, ActorUnavailableError) or "node" in text:
        return Fault("node lost", suspicious=False)
    return Fault(f"worker lost: {type(error).__name__}", suspicious=False)


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """A scorer in its own process.

    Args:
        plan: makes the scorer.
        memory: GiB that it may use, 0 for no limit.
        gpus: its share of one GPU.
    """

    def __init__(self, plan: WorkerPlan, memory: float, gpus: float) -> None:
        torch.set_num_threads(1)
        if memory:
            import resource

            limit = int(memory * GIB)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if 0 < gpus < 1 and torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(gpus)
        self._scorer = plan.scorer()
        self._name = f"{os.uname().nodename}:{os.getpid()}"

    def name(self) -> str:
        return self._name

    def score(self, batch: Batch) -> tuple[list[Completion], int]:
        """Score a batch.

        Args:
            batch: rules to be scored.

        Returns:
            Completions, and bytes of GPU memory that this process holds.
        """
        completions = score_requests(self._scorer, batch, self._name)
        held = torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0
        return completions, held
