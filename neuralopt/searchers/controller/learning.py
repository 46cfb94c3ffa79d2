"""How a controller learns: PPO and plain policy gradient, entropy and elites."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralopt.searchers.controller.network import Controller, Masks, row_masks
from neuralopt.searchers.controller.options import Training
from neuralopt.searchers.searcher import Rows


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one update.

    Attributes:
        rows: int64 (n, D).
        sampled: Log-probability of each row when it was sampled, (n,).
        advantages: Advantage of each row, (n,).
        elites: int64 (some, D), rows that are made likelier besides.
    """

    rows: Rows
    sampled: NDArray[np.float64]
    advantages: NDArray[np.float64]
    elites: Rows


@dataclass(frozen=True, slots=True)
class Update:
    """Diagnostics of an update, measured before its last gradient step.

    Attributes:
        loss: The loss that was minimised, entropy bonus included.
        gradient_norm: Norm of the gradient before clipping.
        row_entropy: Mean entropy, nats a row.
        approximate_kl: Estimated distance from the policy that sampled the batch, nats
            a row (Schulman's k3 estimator, never negative).
        clip_fraction: Share of rows whose ratio is outside 1 +- clip.
    """

    loss: float
    gradient_norm: float
    row_entropy: float
    approximate_kl: float
    clip_fraction: float


def ppo_loss(
    log_probabilities: Tensor, sampled: Tensor, advantages: Tensor, clip: float
) -> Tensor:
    """Return -mean(min(r A, clamp(r, 1 - clip, 1 + clip) A)), where r is the ratio.

    As long as the policy is the one that sampled, its gradient is that of REINFORCE.

    Args:
        log_probabilities: Of the rows under the current policy, (n,).
        sampled: Log-probabilities when the rows were sampled, (n,).
        advantages: Of the rows, (n,).
        clip: Largest useful distance of the ratio from 1.
    """
    ratio = (log_probabilities - sampled).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def reinforce_loss(log_probabilities: Tensor, advantages: Tensor) -> Tensor:
    """Return -mean(A log p): its gradient estimates that of -E[reward].

    Args:
        log_probabilities: Of the rows under the current policy, (n,).
        advantages: Of the rows, (n,).
    """
    return -(log_probabilities * advantages).mean()


def risk_seeking(
    advantages: NDArray[np.float64], quantile: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Choose the rows of a batch that teach (Petersen et al. 2021, section 3.3).

    Args:
        advantages: Of the rows, (n,).
        quantile: In [0, 1); 0: all rows teach.

    Returns:
        Indices of the rows at or above this quantile, and their advantages over it.
    """
    if not quantile:
        return np.arange(len(advantages)), advantages
    threshold = np.quantile(advantages, quantile)
    chosen = np.flatnonzero(advantages >= threshold)
    return chosen, advantages[chosen] - threshold


def update(
    controller: Controller,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    masks: Masks,
    training: Training,
    entropy_weight: float,
) -> Update:
    """Train the controller on one batch.

    Args:
        controller: The policy; its weights change.
        optimizer: An optimizer of the controller's weights.
        batch: The rows, with the log-probabilities and advantages.
        masks: Returns the allowed choices after some prefixes.
        training: Algorithm, number of gradient steps and limits.
        entropy_weight: Reward of one nat of a row's entropy.

    Returns:
        Diagnostics of the last gradient step.
    """
    dtype = controller.bias.dtype
    count = len(batch.rows)
    rows = np.concatenate([batch.rows, batch.elites])
    allowed = row_masks(rows, masks, controller.choices)
    sampled = torch.from_numpy(batch.sampled).to(dtype)
    chosen, over = risk_seeking(batch.advantages, training.quantile)
    teachers, advantages = torch.from_numpy(chosen), torch.from_numpy(over).to(dtype)
    weights = training.entropy_decay ** torch.arange(rows.shape[1], dtype=dtype)
    plain = training.algorithm == "reinforce"

    def step() -> Update:
        with torch.enable_grad():
            scores = controller.score(rows, allowed)
            every = scores.log_probabilities.sum(dim=1)
            row, elites = every[:count], every[count:]
            entropies = scores.entropies[:count].mean(dim=0)
            if plain:
                loss = reinforce_loss(row[teachers], advantages)
            else:
                before = sampled[teachers]
                loss = ppo_loss(row[teachers], before, advantages, training.clip)
            loss = loss - entropy_weight * (weights * entropies).sum()
            if len(elites):
                loss = loss - training.queue_weight * elites.mean()
            optimizer.zero_grad()
            loss.backward()
        norm = _clip_gradient(list(controller.parameters()), training.gradient_clip)
        optimizer.step()
        change = (row.detach() - sampled).double()
        ratio = change.exp()
        return Update(
            loss=loss.item(),
            gradient_norm=norm,
            row_entropy=entropies.sum().item(),
            approximate_kl=(ratio - 1 - change).mean().item(),
            clip_fraction=((ratio - 1).abs() > training.clip).double().mean().item(),
        )

    for _ in range(0 if plain else training.epochs - 1):
        step()
    return step()


def _clip_gradient(parameters: Sequence[Tensor], limit: float) -> float:
    # Not torch's clip_grad_norm_: its sums depend on the number of threads.
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = [np.square(g.numpy(), dtype=np.float64).sum() for g in gradients]
    norm = float(np.sqrt(sum(squares)))
    if norm > limit:
        for gradient in gradients:
            gradient.mul_(limit / norm)
    return norm
