"""Choose how a population's gradients are computed, and how many children it holds.

The choice follows from counted costs, not from measured times, so that a repeated
search makes the same choice, on a busy machine too.
"""

import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.modules.conv import _ConvNd
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from neuralopt.engines.numerics import Numerics
from neuralopt.engines.randomness import TRAINING, seeded
from neuralopt.engines.stacked.gradients import (
    VECTOR_LANES,
    NetworkSetup,
    VmapGradients,
)
from neuralopt.tasks import Mlp, Task

FLOPS_PER_CALL, FLOPS_PER_CALL_CONVOLVED = 1_000_000, 200_000
"""On a CPU, a step with more work for each call of torch is not worth batching: the
overhead of calls is small then, and a population leaves the cache. Convolutions of many
networks at once are slow in torch (experiments/stacking)."""

CACHE_BYTES = 32 * 2**20
"""The most that the tensors of a population's step may take on a CPU."""

GPU_SHARE = 0.5
"""Of a GPU's free memory that the tensors of a population's step may take."""

POPULATIONS = {"dense": (112, 112), "vmap": (32, 112), "loop": (7, 112)}
"""The smallest and the largest useful population on a CPU, by method."""

GPU_POPULATION = 1792

MATRIX_MULTIPLE = 4
"""Matrix products round by a matrix's place in memory modulo so many numbers."""

TRIED_NETWORKS = 48
"""Networks in the trial of torch.func."""

_ONE_AT_A_TIME = threading.Lock()
"""Catching warnings changes a setting of the whole process."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """The cost of one child's step.

    Attributes:
        flops: floating-point operations of products and convolutions.
        calls: of torch's operations.
        bytes: of all that they return.
        convolves: whether the network has a convolution.
        length: numbers of a row.
        frozen: columns of a row that get no gradient.
        random: whether the network draws random numbers.
    """

    flops: int
    calls: int
    bytes: int
    convolves: bool
    length: int
    frozen: tuple[slice, ...]
    random: bool


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """How a population's gradients are computed, and how many children it holds.

    Attributes:
        method: a name of GRADIENT_METHODS.
        reason: why it was chosen.
        population: children at a time.
        frozen: columns that no loss depends on. They get no gradient from torch, and no
            optimizer changes them.
        random: whether the network draws random numbers.
    """

    method: str
    reason: str
    population: int
    frozen: tuple[slice, ...] = ()
    random: bool = False


def plan_execution(task: Task, numerics: Numerics, method: str = "") -> ExecutionPlan:
    """Choose the method that measured fastest for such networks.

    Args:
        task: whose networks are trained.
        numerics: of the training.
        method: a name of GRADIENT_METHODS, to take that one.

    Returns:
        The method, and the number of children that are trained at a time.
    """
    with _ONE_AT_A_TIME:
        cost = step_cost(task, numerics)
        reason = "as asked"
        if not method:
            method, reason = _best_method(task, numerics, cost)
        population = _population(numerics, cost, method)
        return ExecutionPlan(method, reason, population, cost.frozen, cost.random)


def _best_method(task: Task, numerics: Numerics, cost: StepCost) -> tuple[str, str]:
    layers = task.layers
    plain = isinstance(layers, Mlp) and layers.objective == "cross_entropy"
    if plain and not numerics.mixed:
        return "dense", "fully connected layers"
    if cost.random:
        return "loop", "the network draws random numbers"
    if numerics.on_cpu:
        worth = FLOPS_PER_CALL_CONVOLVED if cost.convolves else FLOPS_PER_CALL
        if cost.flops > worth * cost.calls:
            much = f"{cost.flops / cost.calls / 1e6:.1f} MFLOP a call of torch"
            return "loop", f"{much} are worth it"
        if task.recipe.batch_growth != 1:
            return "loop", "batches grow"
        if task.batch_size % VECTOR_LANES:
            # Otherwise activations begin in the middle of a vector register, where some
            # of torch's kernels round differently.
            odd = f"a batch of {task.batch_size} is no multiple of {VECTOR_LANES}"
            return "loop", odd
        if odd := _odd_matrix(task, numerics):
            return "loop", odd
    if problem := _problem_of_vmap(task, numerics):
        return "loop", problem
    return "vmap", "small steps" if numerics.on_cpu else "a GPU"


def _population(numerics: Numerics, cost: StepCost, method: str) -> int:
    """Return how many children fit into the cache or on the GPU."""
    row_bytes = cost.length * numerics.dtype.itemsize
    kept = 4 * row_bytes  # weights, gradients, and two states of most rules
    if numerics.on_cpu:
        room, (least, most) = CACHE_BYTES, POPULATIONS[method]
    else:
        room, least, most = _gpu_room(numerics.device), 1, GPU_POPULATION
    each = kept + (cost.bytes if method == "vmap" else 0)
    return max(least, min(most, room // max(1, each)))


def _gpu_room(device: str) -> int:
    """Return the bytes that a population may take, free or kept idle by torch."""
    free, _ = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(GPU_SHARE * (free + idle))


def step_cost(task: Task, numerics: Numerics) -> StepCost:
    """Count what one child does in one step.

    Args:
        task: whose network is measured, on the first batch of its training split.
        numerics: of the training.

    Returns:
        The cost of one forward and backward pass.
    """
    setup, (inputs, targets) = NetworkSetup.of(task, numerics), _batch(task, numerics)
    parameters = list(setup.network.parameters())
    counter = _Counter()  # type: ignore[no-untyped-call]
    with seeded(0, 0, TRAINING, 0, device=numerics.device) as drawn:
        with FlopCounterMode(display=False) as flops, counter:
            setup.task.loss(setup.network(inputs), targets).backward()
        random = drawn()
    frozen = tuple(
        span
        for span, parameter in zip(setup.rows.spans, parameters, strict=True)
        if parameter.grad is None
    )
    convolves = any(isinstance(m, _ConvNd) for m in setup.network.modules())
    total = flops.get_total_flops()
    length = setup.rows.length
    return StepCost(
        total, counter.calls, counter.bytes, convolves, length, frozen, random
    )


class _Counter(TorchDispatchMode):
    """Counts calls of torch and the bytes that they return."""

    calls = bytes = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls += 1
        made: Sequence[Any] = result if isinstance(result, (tuple, list)) else [result]
        if not getattr(func, "is_view", False):
            self.bytes += sum(
                tensor.nbytes
                for tensor in made
                if isinstance(tensor, torch.Tensor) and not tensor.is_sparse
            )
        return result


def _batch(task: Task, numerics: Numerics) -> tuple[torch.Tensor, torch.Tensor]:
    examples, size = task.examples("training"), task.batch_size
    place = numerics.place
    return place(examples.inputs[:size]), place(examples.targets[:size])


def _odd_matrix(task: Task, numerics: Numerics) -> str:
    """Name a parameter whose copies in rows begin at odd places in memory.

    Matrix products round by that. The text is empty if there is none.
    """
    for name, parameter in NetworkSetup.of(task, numerics).network.named_parameters():
        if parameter.ndim > 1 and parameter.numel() % MATRIX_MULTIPLE:
            shape = " x ".join(map(str, parameter.shape))
            return f"{name}, {shape}, holds no multiple of {MATRIX_MULTIPLE} numbers"
    return ""


def _problem_of_vmap(task: Task, numerics: Numerics) -> str:
    """Return why torch.func does not suit the task's networks; empty if it does."""
    if problem := _state_besides(task, numerics):
        return problem
    setup, batch = NetworkSetup.of(task, numerics), _batch(task, numerics)
    # Different networks, in two orders: each must get the same bits in both.
    scales = torch.linspace(0.5, 1.5, TRIED_NETWORKS, device=numerics.device)[:, None]
    weights = setup.rows.filled(setup.network, TRIED_NETWORKS).mul_(scales)
    order = torch.arange(TRIED_NETWORKS, device=numerics.device).roll(
        TRIED_NETWORKS // 2 - 1
    )
    found = []
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        try:
            for some in (weights[order], weights):
                gradients = torch.zeros_like(some)
                method = VmapGradients(setup, TRIED_NETWORKS)
                method.gradients(some, *batch, gradients, step=0)
                found.append(gradients)
        except Exception as error:  # noqa: BLE001  a network may raise anything
            return f"torch.func: {' '.join(str(error).split())[:200]}"
    for warning in caught:
        if "batching rule" in str(warning.message):
            return f"torch.func: {' '.join(str(warning.message).split())[:200]}"
    if numerics.on_cpu and not torch.equal(found[0], found[1][order]):
        return "torch.func rounds by a network's place among others"
    return ""


def _state_besides(task: Task, numerics: Numerics) -> str:
    """Name state of a network that changes from batch to batch outside of its row."""
    network = NetworkSetup.of(task, numerics).network
    inputs, _ = _batch(task, numerics)

    def kept() -> dict[str, object]:
        found: dict[str, object] = dict(network.named_buffers())
        for prefix, module in network.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, (bool, int, float, str, torch.Tensor)):
                    found[f"{prefix}.{name}".lstrip(".")] = value
        return found

    before = kept()
    with torch.no_grad():
        network(inputs)
    after = kept()
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        same = one is other or (not isinstance(one, torch.Tensor) and one == other)
        if not same:
            return f"the network replaces its {name}"
    return ""
