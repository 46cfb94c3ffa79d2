"""How the controller proposes and learns: its options and their defaults."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Algorithm = Literal["ppo", "reinforce"]
Advantage = Literal["std", "rank", "raw"]
Inputs = Literal["tree", "previous"]

FLOOR_GAIN = 0.2  # entropy weight a nat below the floor, in units of the advantage


@dataclass(frozen=True, slots=True)
class Training:
    """How the controller proposes and learns.

    The defaults are ours, chosen for searches of 1,000 to 20,000 rules. What Bello et
    al. 2017 used, as far as we recall (we could not check it), is the searcher
    `controller_paper`: `PaperTraining`.

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
    learning_rate: float = 1e-2
    """Of Adam."""
    batch: int = 64
    """Results of sampled rows per update; they wait until there are this many."""
    epochs: int = 2
    """Gradient steps on each batch (ppo only; reinforce makes one)."""
    clip: float = 0.2
    """PPO ignores a row once its ratio has moved this far from 1 in the direction that
    its advantage favours."""
    entropy_weight: float = 0.05
    """Reward of one nat of a row's entropy, in units of the advantage."""
    entropy_decay: float = 1.0
    """The entropy of decision k counts entropy_decay**k, so that early decisions stay
    open longest (Landajuela et al. 2021, hierarchical entropy); 1: all alike."""
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
    hidden: int = 32
    """Units of the controller's LSTM."""
    inputs: Inputs = "tree"
    """What the network sees at a decision. ``tree``: the decisions it builds on, and
    where in the row it is; ``previous``: the decision before it, as in the paper."""
    quantile: float = 0.0
    """Only sampled rows at or above this quantile of their batch teach, and it is their
    baseline (risk-seeking policy gradient, Petersen et al. 2021); 0: all teach."""
    queue: int = 10
    """Best rules of the search, one a level of reward, whose rows are made likelier by
    every update (priority queue training, Abolafia et al. 2018); 0: none."""
    queue_weight: float = 0.1
    """Weight of their mean log-probability in the loss, in units of the advantage."""
    redraws: int = 5
    """How often a row is drawn again whose rule was proposed before."""
    evolved: float = 0.5
    """Share of proposals bred from the best rules found by policy and breeding alike,
    in [0, 1); they teach the policy through the queue (after the hybrid of Mundhenk et
    al. 2021, which alternates in whole generations)."""
    elites: int = 50
    """Rules to breed from: the best, one a level of reward."""
    resolution: float = 0.01
    """Rewards that round to the same multiple of it are one level: rules so alike are
    nearly always one idea in disguise. 0: every different reward is a level."""
    tournament: int = 5
    """Elites drawn, of which the best becomes a parent."""
    crossover: float = 0.3
    """Share of bred rows with two parents; the others are mutations of one."""

    def __post_init__(self) -> None:
        for name, known in (
            ("algorithm", Algorithm),
            ("advantage", Advantage),
            ("inputs", Inputs),
        ):
            if getattr(self, name) not in get_args(known):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: choose from {get_args(known)}"
                )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name} is {value!r}: give a whole number from {least}"
                )
        for name in ("learning_rate", "clip", "gradient_clip", "entropy_decay"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be positive")
        for name in (
            "entropy_weight",
            "entropy_floor",
            "sharing",
            "queue_weight",
            "resolution",
        ):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: must be 0 or more"
                )
        for name in ("baseline_decay", "quantile", "evolved"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: must be in [0, 1)"
                )
        if not 0 <= self.crossover <= 1:
            raise ValueError(f"crossover is {self.crossover!r}: must be in [0, 1]")


_LEAST = {
    "batch": 1,
    "epochs": 1,
    "sharing_window": 1,
    "rank_window": 1,
    "hidden": 1,
    "queue": 0,
    "redraws": 0,
    "elites": 1,
    "tournament": 1,
}


@dataclass(frozen=True, slots=True)
class PaperTraining(Training):
    """The paper's network and plain policy gradient, and nothing of ours.

    As far as we recall Bello et al. 2017; we could not check it: an LSTM of 150 units,
    the decision before as its input, REINFORCE with a moving average of rewards as its
    baseline, Adam with learning rate 1e-5, 5 rules per update, entropy weight 0.0015.
    Such a controller hardly moves in 20,000 rules.
    """

    algorithm: Algorithm = "reinforce"
    advantage: Advantage = "raw"
    learning_rate: float = 1e-5
    batch: int = 5
    entropy_weight: float = 0.0015
    entropy_floor: float = 0.0
    sharing: float = 0.0
    hidden: int = 150
    inputs: Inputs = "previous"
    queue: int = 0
    redraws: int = 0
    evolved: float = 0.0
