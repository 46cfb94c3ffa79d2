"""Recipes: clipping, decay, schedules and the like, alike for every rule of a task."""

import math
from dataclasses import dataclass, fields
from itertools import pairwise

from neuralopt.counter_hash import counter_bits, counter_key

SCALE_SEED = 1_605_09774
"""Of the factors of a re-parametrisation. It must not change."""

MOST_DECADES = 10.0

LATER = ("reparametrize", "clip_value")
"""Fields that fingerprints depend on only where they are set."""


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
        reparametrize: decades D of a random re-parametrisation, as Celo2 is trained
            with (arXiv 2602.19142); 0 for none. Each parameter tensor w is s * u. Rule,
            decay and clipping get u and its gradient, s times that of w. The factors s
            are powers of two from 10**-D to 10**D, the same in every training. Weights
            begin as without it.
        batch_growth: factor by which the batch size grows at each of the milestones,
            in place of a rate that falls (Smith et al. 2018, "Don't decay the learning
            rate, increase the batch size"); 1 for batches of one size.
        batch_milestones: shares of the training, counted in examples, in rising order
            with spaces between; those of Smith et al. by default.
        clip_value: each element of a gradient is clipped to [-clip_value, clip_value],
            before clip_norm; 0 for none.

    Raises:
        ValueError: a number is out of range.
    """

    clip_norm: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "1"
    warmup: float = 0.0
    reparametrize: float = 0.0
    batch_growth: float = 1.0
    batch_milestones: str = "0.3 0.6 0.8"
    clip_value: float = 0.0

    def __post_init__(self) -> None:
        for name in ("clip_norm", "weight_decay", "clip_value"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"task.recipe.{name} is {value}: give 0 or more")
        if not 0 <= self.warmup <= 1:
            raise ValueError(
                f"task.recipe.warmup is {self.warmup}: give a share of the training, "
                "from 0 to 1"
            )
        if not 1 <= self.batch_growth < math.inf:
            raise ValueError(
                f"task.recipe.batch_growth is {self.batch_growth}: give 1 or more"
            )
        self._milestones()
        if not 0 <= self.reparametrize <= MOST_DECADES:
            raise ValueError(
                f"task.recipe.reparametrize is {self.reparametrize}: give decades, "
                f"from 0 to {MOST_DECADES:g}"
            )

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return self.description == Recipe().description

    @property
    def description(self) -> str:
        """The recipe as a text for fingerprints.

        A field that was added later is in it only where it is set, so that fingerprints
        from before are the same.
        """
        told = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if (field.name not in LATER or getattr(self, field.name))
            and (not field.name.startswith("batch_") or self.batch_growth != 1)
        ]
        return f"Recipe({', '.join(told)})"

    def grown_batch(self, size: int, share: float, most: int) -> int:
        """Return the number of examples of a batch.

        Args:
            size: at the beginning.
            share: of the training that is over, counted in examples.
            most: examples that are left.
        """
        grown = float(size)
        for milestone in self._milestones():
            if share >= milestone:
                grown *= self.batch_growth
        return round(min(grown, most))

    def _milestones(self) -> tuple[float, ...]:
        try:
            found = tuple(map(float, self.batch_milestones.split()))
        except ValueError:
            found = ()
        rising = all(one < other for one, other in pairwise((0, *found, 1)))
        if not (found and rising):
            raise ValueError(
                f"task.recipe.batch_milestones is {self.batch_milestones!r}: give "
                "rising shares of the training between 0 and 1, such as 0.3 0.6 0.8"
            )
        return found

    def scales(self, count: int) -> tuple[float, ...]:
        """Return the factor s of each parameter tensor, or nothing if there are none.

        Exponents are uniform over the whole numbers k with 2**|k| <= 10**reparametrize.
        Products with powers of two are exact, so that engines agree as without them.

        Args:
            count: parameter tensors of a network, in its own order.
        """
        if not self.reparametrize:
            return ()
        most = math.floor(self.reparametrize * math.log2(10))
        words = counter_bits(counter_key(SCALE_SEED), count)
        return tuple(2.0 ** (int(word) % (2 * most + 1) - most) for word in words)
