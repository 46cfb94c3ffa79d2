"""Recipes: clipping, weight decay and schedule, the same for every rule of a task."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """The training recipe of a task: w <- w - lr f(t) (rule + weight_decay * w).

    Attributes:
        clip_norm: a gradient with a greater Euclidean norm over all parameters is
            scaled down to this (Pascanu et al. 2013); 0 for none.
        weight_decay: decoupled (Loshchilov and Hutter 2019).
        schedule: the factor f of the learning rate, a name of SCHEDULES or an
            expression of t, T and progress, which engines read.
        warmup: fraction of the steps in which the rate rises linearly, multiplied with
            the schedule (Goyal et al. 2017).

    Raises:
        ValueError: a number is out of range.
    """

    clip_norm: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "1"
    warmup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("clip_norm", "weight_decay"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"task.recipe.{name} is {value}: give 0 or more")
        if not 0 <= self.warmup <= 1:
            raise ValueError(
                f"task.recipe.warmup is {self.warmup}: give a share of the training, "
                "from 0 to 1"
            )

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return self == Recipe()
