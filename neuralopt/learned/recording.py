"""Gradients and updates of a learned optimizer along trainings, and how rules fit them.

A rule's values r and recorded updates u are compared by

    R^2 = 1 - |u - c r|^2 / |u|^2

with one scale c >= 0 for all numbers: a rule's learning rate is free, its updates must
have the same direction and the same relative sizes at all steps and coordinates. R^2 is
1 for equal updates and 0 for a rule that explains nothing of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.language import Expression
from neuralopt.learned.child import SteppedChild
from neuralopt.learned.network import UpdateNetwork
from neuralopt.machine.probe import Floats, Probe, rule_values
from neuralopt.one_thread import one_thread
from neuralopt.tasks import Task

MOST_COORDINATES = 128
"""Recorded of a child, drawn from all its parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Gradients along trainings, and what the learned optimizer made of them.

    Attributes:
        probe: gradients (steps, children, coordinates). Its weights are zeros: the
            network does not see weights, and neither may rules that imitate it.
        updates: of the same sizes.
    """

    probe: Probe
    updates: Floats


@one_thread()
@torch.no_grad()
def record(
    network: UpdateNetwork,
    rate: float,
    tasks: Sequence[Task],
    steps: int,
    children: int,
    seed: int,
    first_replicate: int,
) -> Recording:
    """Train children by a learned optimizer and keep some of their coordinates.

    Args:
        network: computes the updates.
        rate: learning rate.
        tasks: taken in turn.
        steps: of each child.
        children: how many.
        seed: of initial weights, data orders and the choice of coordinates.
        first_replicate: number of the first child's initial weights and data order.

    Returns:
        Gradients and updates of 128 coordinates of each child, or fewer where a task
        has fewer.

    Raises:
        ValueError: a child diverges, or a task has a recipe.
    """
    found = []
    for number in range(children):
        task = tasks[number % len(tasks)]
        replicate = first_replicate + number
        child = SteppedChild(task, seed, replicate)
        key = counter_key(seed, replicate)
        chosen = torch.from_numpy(counter_order(key, child.size)[:MOST_COORDINATES])
        recorded = _record_child(child, network, rate, steps, chosen)
        if recorded is None:
            raise ValueError(
                f"task {task.name}: a training by the learned optimizer diverges "
                f"within {steps} steps: record fewer steps"
            )
        found.append(recorded)
    width = min(each.shape[1] for each, _ in found)
    gradients, updates = (
        torch.stack([each[part][:, :width] for each in found], dim=1).double().numpy()
        for part in range(2)
    )
    return Recording(Probe(gradients, np.zeros(width), seed, steps), updates)


def _record_child(
    child: SteppedChild,
    network: UpdateNetwork,
    rate: float,
    steps: int,
    chosen: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Gradients and updates (steps, chosen); None if a loss is not finite."""
    gradients, updates = [], []
    loss, gradient = child.gradient()
    state = network.initial_state(gradient)
    for _ in range(steps):
        if not math.isfinite(loss):
            return None
        update, state = network(gradient, state)
        gradients.append(gradient[chosen])
        updates.append(update[chosen])
        child.move(rate * update)
        loss, gradient = child.gradient()
    return torch.stack(gradients), torch.stack(updates)


def scales_and_fits(
    recording: Recording, rules: Sequence[Expression], scales: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return how well rules say the recorded updates.

    Args:
        recording: gradients and updates.
        rules: canonical rules.
        scales: c of each rule; those that suit the recording best if None.

    Returns:
        Scales c and R^2 of each rule; 0 and 0 of rules that are not finite somewhere.
        With given scales R^2 may be negative.
    """
    updates = recording.updates.ravel()
    total = float(updates @ updates)
    rows = rule_values(recording.probe, rules).reshape(len(rules), -1)
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
    rows = np.where(finite[:, None], rows, 0.0)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)
    rows = rows / unit[:, None]  # so that squares stay finite
    products, squares = rows @ updates, np.einsum("ij,ij->i", rows, rows)
    if scales is None:
        best = np.maximum(products, 0.0) / np.where(squares > 0, squares, 1.0)
    else:
        best = scales * unit
    residual = total - 2 * best * products + best**2 * squares
    fits = 1 - residual / total if total > 0 else np.zeros(len(rules))
    return best / unit, np.where(finite, fits, 0.0)
