"""Train the network of a learned optimizer, by truncated unrolled gradients."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from neuralopt.learned.child import SteppedChild, check_plain
from neuralopt.learned.network import NetworkShape, UpdateNetwork
from neuralopt.learned.unrolling import begin, unroll
from neuralopt.one_thread import one_thread
from neuralopt.scoring.replicates import FIRST_LEARNING_REPLICATE
from neuralopt.tasks import Task

CLIP = 1.0
"""Largest norm of a gradient of the network's weights (Pascanu et al. 2013)."""

SMALLEST_LOSS = 1e-8
"""Losses are divided by that before the first step, or by this if it is smaller."""


@dataclass(frozen=True, slots=True)
class MetaOptions:
    """How a network is trained.

    Attributes:
        horizon: steps of each child.
        truncation: steps that are unrolled for one step of the network's weights; it
            divides the horizon (Andrychowicz et al.: 20 of 100).
        rate: learning rate of the children, by which the updates are multiplied.
        meta_rate: learning rate of Adam, which trains the network.
        shape: of the network.

    Raises:
        ValueError: a number is out of range.
    """

    horizon: int = 100
    truncation: int = 20
    rate: float = 0.01
    meta_rate: float = 0.003
    shape: NetworkShape = field(default_factory=NetworkShape)

    def __post_init__(self) -> None:
        if self.truncation < 1 or self.horizon < 1 or self.horizon % self.truncation:
            raise ValueError(
                f"a horizon of {self.horizon} steps is no multiple of "
                f"{self.truncation}: give --horizon as a multiple of --truncation"
            )
        for name in ("rate", "meta_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: give more than 0")


class MetaTraining:
    """Trains a network, a child after another.

    Child n begins with the initial weights and data order of replicate 3,000,000 + n,
    on the tasks in turn, so that the result follows from tasks, options, seed and the
    number of children.

    Args:
        tasks: with plain recipes.
        options: how the network is trained.
        seed: of the network's and the children's initial weights, and data orders.

    Raises:
        ValueError: a task has a recipe.
    """

    def __init__(
        self, tasks: Sequence[Task], options: MetaOptions, seed: int = 0
    ) -> None:
        for task in tasks:
            check_plain(task)
        self.tasks, self.options, self.seed = tuple(tasks), options, seed
        self.network = UpdateNetwork(options.shape, seed)
        self.curve: list[float] = []
        self._adam = torch.optim.Adam(self.network.parameters(), options.meta_rate)

    @property
    def description(self) -> dict[str, Any]:
        """What the result depends on except the number of children: plain data."""
        return {
            "tasks": [f"{each.name} {each.fingerprint}" for each in self.tasks],
            "seed": self.seed,
            **asdict(self.options),
        }

    @one_thread()
    def train_child(self) -> float:
        """Train the next child, and the network a step at each truncation.

        Returns:
            The child's mean loss over the horizon, divided by its first loss; inf if it
            diverged. It is appended to `curve` too.
        """
        number, options = len(self.curve), self.options
        task = self.tasks[number % len(self.tasks)]
        child = SteppedChild(task, self.seed, FIRST_LEARNING_REPLICATE + number)
        position = begin(child, self.network)
        first = max(abs(position.loss), SMALLEST_LOSS)
        total = 0.0
        for _ in range(options.horizon // options.truncation):
            if not math.isfinite(position.loss):
                break
            self._adam.zero_grad()
            losses, position = unroll(
                child,
                self.network,
                position,
                options.truncation,
                options.rate,
                1 / (first * options.truncation),
            )
            total += math.fsum(losses)
            if math.isfinite(position.loss):
                self._step()
        mean = total / (first * options.horizon)
        self.curve.append(mean if math.isfinite(position.loss) else math.inf)
        return self.curve[-1]

    def _step(self) -> None:
        """Take a step of Adam, unless a gradient overflowed."""
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        if math.isfinite(float(norm)):
            self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later children depend on.

        It holds only types that ``torch.load(..., weights_only=True)`` accepts.
        """
        return {
            "description": self.description,
            "network": self.network.state_dict(),
            "adam": self._adam.state_dict(),
            "curve": list(self.curve),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was called.

        Args:
            state: what `state_dict` returned.

        Raises:
            ValueError: its tasks, options or seed were others.
        """
        ours, theirs = self.description, state["description"]
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise ValueError(
                    f"it was learned with {name} {theirs.get(name)}, not {value}: "
                    "name another file, or the same options"
                )
        self.network.load_state_dict(state["network"])
        self._adam.load_state_dict(state["adam"])
        self.curve = list(state["curve"])
