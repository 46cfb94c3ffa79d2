"""Evaluators by name, their options, and their construction."""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neuralopt.catalog import hint
from neuralopt.evaluators.evaluator import Evaluator, WorkerPlan
from neuralopt.evaluators.in_process import InProcessEvaluator
from neuralopt.evaluators.tabular import TabularEvaluator
from neuralopt.options import check_options, options_of
from neuralopt.tables import load

CPU_BATCH, GPU_BATCH = 16, 64
"""Rules a thread takes at a time by default; a GPU has room for more children."""


def in_process(plan: WorkerPlan, *, workers: int = 0, batch: int = 0) -> Evaluator:
    """Score on threads of this process.

    Args:
        plan: how rules are scored.
        workers: threads; 0 is one a core, or one on a GPU, which a single thread keeps
            busy.
        batch: rules a thread takes at a time; 0 is 16, or 64 on a GPU.

    Returns:
        A started evaluator.

    Raises:
        ValueError: a number is negative.
    """
    _check_counts(workers=workers, batch=batch)
    on_gpu = plan.device != "cpu"
    return InProcessEvaluator(
        plan.scorer(),
        workers or (1 if on_gpu else cores()),
        batch or (GPU_BATCH if on_gpu else CPU_BATCH),
    )


def on_ray(
    plan: WorkerPlan,
    *,
    workers: int = 0,
    batch: int = 0,
    address: str = "",
    cpus: float = 1.0,
    gpus: float = 0.0,
    memory: float = 0.0,
    accelerator: str = "",
    resources: Mapping[str, float] = MappingProxyType({}),
    time_limit: float = 600.0,
    patience: float = 60.0,
) -> Evaluator:
    """Score on Ray actors, of this machine or of a cluster.

    Args:
        plan: how rules are scored; it is sent to every actor.
        workers: actors; 0 is as many as there is room for, while nodes come and go.
        batch: rules an actor takes at a time; 0 is as many as take half a second.
        address: ``local`` starts Ray on this machine, ``auto`` finds the cluster of
            this machine, ``host:port`` another one. Empty is ``auto`` inside a Ray job
            and where RAY_ADDRESS is set, else ``local``.
        cpus: cores an actor needs.
        gpus: GPUs an actor needs; actors with fractions share one.
        memory: GiB an actor needs and may use; 0 means no limit.
        accelerator: type of accelerator an actor needs, such as ``H100``.
        resources: other resources an actor needs, by name.
        time_limit: seconds until an actor that does not answer is killed.
        patience: seconds to wait for a first or a new actor where there is none.

    Returns:
        A started evaluator.

    Raises:
        ValueError: a value is out of range, the cluster can't be reached, or this
            machine has no room for one actor.
    """
    from neuralopt.evaluators.ray.cluster import Demand
    from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions

    _check_counts(workers=workers, batch=batch)
    demand = Demand(cpus, gpus, memory, accelerator, resources)
    options = RayOptions(workers, batch, address, demand, time_limit, patience)
    return RayEvaluator(plan, options)


def tabular(
    plan: WorkerPlan,
    *,
    table: str = "from_scratch",
    seed: int = 0,
    mean: bool = False,
) -> Evaluator:
    """Answer from a table; nothing is trained.

    Args:
        plan: not used.
        table: name of a table that comes with the package, or the path of a file.
        seed: one of the table's seeds, whose qualities the searcher is told.
        mean: tell the searcher the mean over all seeds instead.

    Returns:
        An evaluator whose scores are final; see `TabularEvaluator`.

    Raises:
        ValueError: the table can't be opened, or it does not have the seed.
    """
    return TabularEvaluator(load(table), seed, mean)


EVALUATORS: Mapping[str, Callable[..., Evaluator]] = MappingProxyType(
    {"in_process": in_process, "ray": on_ray, "tabular": tabular}
)
"""Name -> constructor ``(plan, **options)``; `options_of` lists its options."""


def check_evaluator(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check a name and its options, before anything is started.

    Args:
        name: a name of EVALUATORS.
        options: some or all of its options.

    Returns:
        The checked options.

    Raises:
        ValueError: the name or an option is unknown, or a value is of another kind.
    """
    if name not in EVALUATORS:
        raise ValueError(f"unknown evaluator {name!r}: {hint(name, EVALUATORS)}")
    defaults = options_of(EVALUATORS[name])
    return check_options("evaluator.options", name, defaults, options)


def make_evaluator(
    name: str, plan: WorkerPlan, options: Mapping[str, Any] | None = None
) -> Evaluator:
    """Return a started evaluator; the caller closes it.

    Args:
        name: a name of EVALUATORS.
        plan: how rules are scored.
        options: some or all of its options.

    Returns:
        The evaluator.

    Raises:
        ValueError: see `check_evaluator` and the evaluator itself.
    """
    checked = check_evaluator(name, options or {})
    return EVALUATORS[name](plan, **checked)


def cores() -> int:
    """Return the number of cores of this machine."""
    return os.cpu_count() or 1


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"evaluator.{name} is {count}: give 0 or more")
