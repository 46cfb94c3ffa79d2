"""Scores on Ray: long-lived actors on this machine's cores or on a cluster.

Knows Ray's actors and how they die; refuses to know searchers and the archive. Rules
cross to the actors as text and come back as scores.

One thread owns all that is known of the workers. What happens elsewhere (new rules, a
result, a death) reaches it as a function in a queue, which it calls.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
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

from neuralopt.evaluation.evaluate import ScoringPlan
from neuralopt.evaluation.evaluator import (
    Completion,
    EvaluatorError,
    Request,
    Workers,
    score_requests,
)
from neuralopt.evaluation.ray_cluster import GIB, Cluster, Demand, room, shortage
from neuralopt.evaluation.scores import Score
from neuralopt.evaluation.workload import Fault, Job, Workload

TICK_SECONDS = 0.5
CENSUS_SECONDS = 5.0
FAILED_STARTS = 3
"""Workers that may fail to start, one after another, before the search gives up."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How a search uses a cluster.

    workers: 0 for as many as there is room for, at any time. batch: rules a call of a
    worker, 0 for as many as take half a second. address: see `Cluster`. demand: what a
    worker needs. time_limit: seconds a call may take before its worker is killed.
    patience: seconds to wait for workers where there are none.
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
            if value < 0 or (name == "time_limit" and not value):
                least = "more than 0" if name == "time_limit" else "0 or more"
                raise ValueError(f"evaluator.{name} is {value}: give {least}")


class RayEvaluator:
    """Scores on Ray actors that come and go.

    plan: what every actor scores with. Raises ValueError if no cluster can be reached,
    or this machine's alone has no room for one worker.
    """

    def __init__(self, plan: ScoringPlan, options: RayOptions) -> None:
        cores = os.cpu_count() or 1
        wanted = options.workers * options.demand.cpus
        self._cluster = Cluster(options.address, max(wanted, cores))
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
        self._crew = _Crew(plan, options, self._cluster, self._done)
        self._thread = threading.Thread(target=self._crew.run, name="ray", daemon=True)
        self._thread.start()

    def submit(self, requests: Sequence[Request]) -> None:
        self._crew.tell(lambda: self._crew.workload.add(requests))

    def collect(self, timeout: float) -> list[Completion]:
        """Raises EvaluatorError when there are no workers and none come."""
        try:
            finished = self._done.get(timeout=timeout)
        except queue.Empty:
            return []
        if isinstance(finished, Exception):
            raise finished
        return finished

    def workers(self) -> Workers:
        return self._crew.count

    def close(self) -> None:
        self._crew.tell(None)
        self._thread.join(10)
        self._cluster.close()


@dataclass(eq=False, slots=True)
class _Worker:
    """One actor: name is empty until it has started, job until it has one.

    since: when it was given the job, or started. scored: whether it has done a job:
    the first one loads and compiles.
    """

    actor: Any
    since: float
    name: str = ""
    job: Job = field(default_factory=list)
    scored: bool = False
    gpu_bytes: int = 0


class _Crew:
    """All workers, and what they are to do. Everything but `tell` runs in `run`."""

    def __init__(
        self,
        plan: ScoringPlan,
        options: RayOptions,
        cluster: Cluster,
        done: "queue.SimpleQueue[list[Completion] | Exception]",
    ) -> None:
        self.workload = Workload(options.batch)
        self.count = Workers()
        self._plan, self._options = plan, options
        self._cluster, self._done = cluster, done
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._nodes: list[dict[str, float]] = []
        self._counted = -CENSUS_SECONDS
        self._alive = time.monotonic()  # when there was a worker, or none was needed
        self._lost = self._failed_starts = 0

    def tell(self, event: Callable[[], None] | None) -> None:
        """Have a function called in `run`; None ends it."""
        self._events.put(event)

    def run(self) -> None:
        try:
            self._shared = ray.put(self._plan)
            while True:
                self._look_after_workers()
                self._hand_out()
                self.count = self._workers_now()
                try:
                    event = self._events.get(timeout=TICK_SECONDS)
                except queue.Empty:
                    continue
                if event is None:
                    return
                event()
        except Exception as error:  # noqa: BLE001  handed to whoever collects
            self._done.put(error)

    def _look_after_workers(self) -> None:
        now = time.monotonic()
        if now - self._counted > CENSUS_SECONDS:
            self._counted, self._nodes = now, self._cluster.nodes()
        for worker in list(self._workers):
            if worker.job and now - worker.since > self._options.time_limit:
                reason = f"no result in {self._options.time_limit:g} s"
                self._lose(worker, Fault(reason, suspicious=True))
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
            sum(bool(worker.job) for worker in started),
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
        """Have an answer handled, unless the worker has been given up by then."""

        def event(future: "Future[Any]") -> None:
            if worker in self._workers:
                then(worker, future)

        reference.future().add_done_callback(
            lambda future: self.tell(lambda: event(future))
        )

    def _started(self, worker: _Worker, answer: "Future[str]") -> None:
        try:
            worker.name = answer.result()
            self._failed_starts = 0
        except RayError as error:
            self._give_up(worker)
            self._shared = ray.put(self._plan)  # it may have gone with a node
            if not isinstance(error, ActorDiedError) or not error.actor_init_failed:
                return
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                cause = str(error).strip().splitlines()[-1]
                raise EvaluatorError(f"workers can't start: {cause}") from None

    def _hand_out(self) -> None:
        free = [worker for worker in self._workers if worker.name and not worker.job]
        started = sum(bool(worker.name) for worker in self._workers)
        for worker in free:
            job = self.workload.take(started)
            if not job:
                return
            worker.job, worker.since = job, time.monotonic()
            self._call(worker, worker.actor.score.remote(job), self._scored)

    def _scored(self, worker: _Worker, answer: "Future[Any]") -> None:
        try:
            completions, worker.gpu_bytes = answer.result()
        except RayTaskError as error:  # not a rule's: those are caught one by one
            failed = Score("failed", reason=str(error.cause).partition("\n")[0])
            completions = [Completion(r.number, failed, 0.0, "") for r in worker.job]
        except ActorUnavailableError:
            # Its process, its node or the network: ask again, and it will be known.
            self._call(worker, worker.actor.name.remote(), self._doubted)
            return
        except RayError as error:
            self._lose(worker, fault_of(error))
            return
        if worker.scored:
            self.workload.learn(completions)
        worker.scored, worker.job = True, []
        self._done.put(completions)

    def _doubted(self, worker: _Worker, answer: "Future[str]") -> None:
        try:
            answer.result()
            fault = Fault("connection lost", suspicious=False)
        except RayError as error:
            fault = fault_of(error)
        self._lose(worker, fault)

    def _lose(self, worker: _Worker, fault: Fault) -> None:
        self._give_up(worker)
        self._done.put(self.workload.lost(worker.job, fault, worker.name))

    def _give_up(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._lost += 1
        ray.kill(worker.actor)


def fault_of(error: RayError) -> Fault:
    """What a lost worker's last sign means."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or "running low on memory" in text:
        return Fault("out of memory", suspicious=True)
    if "worker process has died" in text:
        return Fault("worker died", suspicious=True)
    if isinstance(error, ActorUnavailableError) or "node" in text:
        return Fault("node lost", suspicious=False)
    return Fault(f"worker lost: {type(error).__name__}", suspicious=False)


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """A task and an engine in a process of their own.

    memory: GiB that it may use, 0 for no limit. gpus: its share of one.
    """

    def __init__(self, plan: ScoringPlan, memory: float, gpus: float) -> None:
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

    def score(self, job: Job) -> tuple[list[Completion], int]:
        """Completions, and bytes of GPU memory that this process holds."""
        completions = score_requests(self._scorer, job, self._name)
        held = torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0
        return completions, held
