"""Tune one contender: which settings are tried, from the losses of those before."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.space import Space, significant

LEAST_TRIALS = 10

FIRST_RATES = (-2, -1, 0, 1, 2)
"""In half decades from the usual rate."""

NEAR = 2.0
"""Factor between learning rates near the best."""

NEAREST = 1.05
"""Rates closer than this are not tried."""

MOST_FINE_TRIALS = 12


class Tuner:
    """Proposes settings, round by round, until all trials are spent.

    1. Learning rates a factor of sqrt(10) apart, with all else as the rule is written:
       five around the usual rate, then outward until the best has a worse one on both
       sides. A rate that diverges is worse.
    2. Points of a fixed design over all of the space, around the best rate of 1. Every
       other one leaves the dials as the rule is written: rate, decay and schedule are
       found in fewer trials so.
    3. Learning rates a factor of 2 on either side of the best setting, all else fixed,
       until the best is between two that are worse; then closer ones, by sqrt(2) and so
       on.

    The first takes at most three trials in ten, the last one in five and at most 12;
    the design has what is left of the whole number, which is the same for every
    contender.

    Args:
        plain: the setting that the contender is written with.
        space: of the contender.
        points: (trials, DIMENSIONS), the design, the same for every contender.
        trials: settings that are tried.

    Attributes:
        losses: of each setting that was tried, in order; inf where it diverged.
    """

    def __init__(
        self, plain: Setting, space: Space, points: NDArray[np.float64], trials: int
    ) -> None:
        self._plain, self._space = plain, space
        self._points, self._trials = points, trials
        self.losses: dict[Setting, float] = {}
        self._rounds = self._ask()
        self._asked: list[Setting] = next(self._rounds)

    def ask(self) -> list[Setting]:
        """Return the settings to be tried now; none if all trials are spent."""
        return self._asked

    def tell(self, losses: Sequence[float]) -> None:
        """Take the losses of the settings that were asked for.

        Args:
            losses: one for each, in the same order; inf or NaN where it diverged.
        """
        for setting, loss in zip(self._asked, losses, strict=True):
            self.losses[setting] = math.inf if math.isnan(loss) else loss
        self._asked = next(self._rounds, [])

    def best(self, count: int = 1) -> list[Setting]:
        """Return the settings of the least losses; of equal ones, the smaller rate.

        Args:
            count: how many at most.
        """
        order = sorted(self.losses, key=lambda each: (self.losses[each], each.rate))
        return order[:count]

    def is_interior(self, setting: Setting) -> bool:
        """Return whether a smaller and a greater rate were tried and are no better.

        Args:
            setting: one that was tried; the others differ from it in the rate only.
        """
        found = self.losses[setting]
        others = {
            each.rate > setting.rate
            for each, loss in self.losses.items()
            if replace(each, rate=setting.rate) == setting
            and each != setting
            and loss >= found
        }
        return math.isfinite(found) and others == {False, True}

    def _ask(self) -> Iterator[list[Setting]]:
        yield from self._coarse_rates()
        rate = self.best()[0].rate
        fine = min(max(2, self._trials // 5), MOST_FINE_TRIALS)
        count = self._left - fine
        yield self._designed(range(count), rate)
        yield from self._fine_rates()
        if self._left > 0:  # the best rate was found early
            yield self._designed(range(count, count + self._left), rate)

    def _designed(self, numbers: range, rate: float) -> list[Setting]:
        """Settings at points of the design; every other one leaves the dials."""
        settings = [self._space.setting(self._points[k], rate) for k in numbers]
        return [
            replace(setting, dials=self._plain.dials) if number % 2 else setting
            for number, setting in zip(numbers, settings, strict=True)
        ]

    @property
    def _left(self) -> int:
        return self._trials - len(self.losses)

    def _coarse_rates(self) -> Iterator[list[Setting]]:
        def at(place: int) -> Setting:
            return replace(
                self._plain, rate=significant(self._plain.rate * 10 ** (place / 2))
            )

        places = list(FIRST_RATES)
        yield [at(place) for place in places]
        most = max(len(FIRST_RATES), 3 * self._trials // 10)
        while len(places) < most:
            best = min(places, key=lambda place: (self.losses[at(place)], place))
            if best == min(places):  # also where all diverge
                new = best - 1
            elif best == max(places):
                new = best + 1
            else:
                return
            places.append(new)
            yield [at(new)]

    def _fine_rates(self) -> Iterator[list[Setting]]:
        factor = NEAR
        while self._left > 0 and factor > NEAREST:
            best = self.best()[0]
            rates = [best.rate / factor, best.rate * factor]
            around = [replace(best, rate=significant(rate)) for rate in rates]
            new = [each for each in around if each not in self.losses]
            if new:
                yield new[: self._left]
            if self.best()[0] == best:
                factor = math.sqrt(factor)
