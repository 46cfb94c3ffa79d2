"""How a controller learns from rewards: PPO and plain policy gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralopt.searchers.controller import Controller, Masks, row_masks
from neuralopt.searchers.searcher import Rows

Algorithm = Literal["ppo", "reinforce"]
Advantage = Literal["std", "rank", "raw"]

FLOOR_GAIN = 0.2  # entropy weight a nat below the floor, in units of the advantage


@dataclass(frozen=True, slots=True)
class Training:
    """How the controller is trained.

    The defaults are ours, chosen for searches of 1,000 to 20,000 rules. Bello et al.
    2017 used, as far as we recall (we could not check it), plain Adam with learning
    rate 1e-5, 5 rules per update and entropy weight 0.0015; such a controller hardly
    moves in 20,000 rules::

        Training(algorithm="reinforce", advantage="raw", learning_rate=1e-5, batch=5,
                 entropy_weight=0.0015, entropy_floor=0.0, sharing=0.0)

    Raises:
        ValueError: An option is out of its range.
    """

    algorithm: Algorithm = "ppo"
    """``ppo``: Schulman et al. 2017, equation 7, the ratio taken over whole rows.
    ``reinforce``: Williams 1992; one pass, stale samples are not corrected for."""
    advantage: Advantage = "std"
    """How a reward r becomes an advantage. ``raw``: r - baseline, the paper's.
    ``std``: that divided by the running standard deviation of rewards. ``rank``:
    r's rank in the last ``rank_window`` results, from -1 to 1, ties in the middle."""
    learning_rate: float = 1e-3
    """Of Adam."""
    batch: int = 32
    """Results per update; results wait until there are this many."""
    epochs: int = 4
    """Gradient steps on each batch (ppo only; reinforce makes one)."""
    clip: float = 0.2
    """PPO ignores a row once its ratio has moved this far from 1 in the direction that
    its advantage favours."""
    entropy_weight: float = 0.05
    """Reward of one nat of a row's entropy, in units of the advantage."""
    entropy_floor: float = 7.0
    """Nats of a row; each nat below adds ``FLOOR_GAIN`` to the entropy weight, so that
    the controller keeps proposing new rows (7 nats: as varied as 1,100 equally likely
    ones). At most half of the first policy's entropy is asked for. 0: never."""
    baseline_decay: float = 0.98
    """Of the moving averages of the reward and its square, per result."""
    sharing: float = 0.5
    """A reward told c times lately counts as reward / c**sharing, so that a rule found
    over and over stops paying (see ``RewardHistory``). It suits qualities that hardly
    ever tie between different rules, such as exp(-loss); for others set 0, off."""
    sharing_window: int = 4096
    """Results among which ``sharing`` counts."""
    rank_window: int = 512
    """Results among which ``advantage="rank"`` ranks."""
    gradient_clip: float = 1.0
    """Largest norm of a gradient; longer ones are scaled to it."""
    hidden: int = 150
    """Units of the controller's LSTM."""

    def __post_init__(self) -> None:
        for name, known in (("algorithm", Algorithm), ("advantage", Advantage)):
            if getattr(self, name) not in get_args(known):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: choose from {get_args(known)}"
                )
        for name in ("batch", "epochs", "sharing_window", "rank_window", "hidden"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}: give a whole number from 1")
        for name in ("learning_rate", "clip", "gradient_clip"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be positive")
        for name in ("entropy_weight", "entropy_floor", "sharing"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: must be 0 or more"
                )
        if not 0 <= self.baseline_decay < 1:
            raise ValueError(
                f"baseline_decay is {self.baseline_decay!r}: must be in [0, 1)"
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one update.

    Attributes:
        rows: int64 (n, D).
        sampled: Log-probability of each row when it was sampled, (n,).
        advantages: Advantage of each row, (n,).
    """

    rows: Rows
    sampled: NDArray[np.float64]
    advantages: NDArray[np.float64]


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
    allowed = row_masks(batch.rows, masks)
    sampled = torch.from_numpy(batch.sampled).to(dtype)
    advantages = torch.from_numpy(batch.advantages).to(dtype)
    plain = training.algorithm == "reinforce"

    def step() -> Update:
        with torch.enable_grad():
            scores = controller.score(batch.rows, allowed)
            row = scores.log_probabilities.sum(dim=1)
            entropy = scores.entropies.sum(dim=1).mean()
            if plain:
                loss = reinforce_loss(row, advantages)
            else:
                loss = ppo_loss(row, sampled, advantages, training.clip)
            loss = loss - entropy_weight * entropy
            optimizer.zero_grad()
            loss.backward()
        norm = _clip_gradient(list(controller.parameters()), training.gradient_clip)
        optimizer.step()
        change = (row.detach() - sampled).double()
        ratio = change.exp()
        return Update(
            loss=loss.item(),
            gradient_norm=norm,
            row_entropy=entropy.item(),
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
