"""How children of a task are trained, whatever their rule.

Knows a handful of numbers; refuses to know rules and how training is done.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """What stands around every rule of a task: w <- w - lr f(t) (rule + decay * w).

    clip_norm: a gradient whose Euclidean norm over all parameters is greater is scaled
    down to it (Pascanu et al. 2013); 0 for none. weight_decay: decoupled (Loshchilov
    and Hutter 2019). schedule: the factor f of the learning rate, a name of SCHEDULES
    or an expression of t, T and progress, which engines read. warmup: share of the
    steps in which the rate rises in a line, under the schedule (Goyal et al. 2017).
    Raises ValueError for a number out of range.
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
