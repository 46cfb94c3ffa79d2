"""What a rule card shows that was measured, as plain data."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

GOOD = 0.9
"""Share of the best quality from which a learning rate counts as good."""


@dataclass(frozen=True, slots=True)
class TaskMeasurement:
    """How a rule trains one task, on several seeds.

    Attributes:
        task: name of the task.
        rates: learning rates of the fan, in rising order.
        fan: quality of each seed at each rate, after the shorter training; 0 where it
            diverged.
        epochs: of the shorter trainings.
        long_epochs: of the longer training, which is done at the best rate.
        curves: training loss along the longer training, one curve a seed, means of at
            most 20 equal stretches. A curve ends where a training diverged.
        ends: epochs that each curve is of.
        diverged: whether each seed diverged.
        qualities: of each seed after the longer training.
    """

    task: str
    rates: tuple[float, ...]
    fan: tuple[tuple[float, ...], ...]
    epochs: int
    long_epochs: int
    curves: tuple[tuple[float, ...], ...]
    ends: tuple[float, ...]
    diverged: tuple[bool, ...]
    qualities: tuple[float, ...]

    @property
    def means(self) -> tuple[float, ...]:
        """Mean quality at each rate of the fan."""
        return tuple(map(fmean, self.fan))

    @property
    def rate(self) -> float:
        """The rate of the highest mean quality; of equal ones the smallest."""
        return best_rate(self.rates, self.fan)

    @property
    def quality(self) -> float:
        """Mean quality after the longer training."""
        return fmean(self.qualities)

    @property
    def good_rates(self) -> tuple[float, float] | None:
        """The ends of the good region around the best rate.

        There the mean quality, interpolated between rates of the fan on a logarithmic
        scale, is at least `GOOD` of the best. None where no rate has a quality above 0.
        """
        means = self.means
        if max(means) <= 0:
            return None
        best = means.index(max(means))
        low = self._end(best, range(best, -1, -1))
        high = self._end(best, range(best, len(means)))
        return low, high

    def _end(self, best: int, places: range) -> float:
        """The rate at which quality falls below the good region, along some places."""
        means, enough = self.means, GOOD * self.means[best]
        for inner, outer in itertools.pairwise(places):
            if means[outer] < enough:
                share = (means[inner] - enough) / (means[inner] - means[outer])
                near, far = math.log(self.rates[inner]), math.log(self.rates[outer])
                return math.exp(near + share * (far - near))
        return self.rates[places[-1]]

    @property
    def good_decades(self) -> float:
        """Width of the good region, in decades; 0 without one."""
        if self.good_rates is None:
            return 0.0
        low, high = self.good_rates
        return math.log10(high / low)


def best_rate(rates: Sequence[float], fan: Sequence[Sequence[float]]) -> float:
    """Return the rate of the highest mean quality; of equal ones the smallest.

    Args:
        rates: in rising order.
        fan: qualities of the seeds at each rate.
    """
    means = list(map(fmean, fan))
    return rates[means.index(max(means))]


@dataclass(frozen=True, slots=True)
class Path:
    """The way of a rule down the ravine of `neuralopt.views.card.ravine`.

    Attributes:
        rate: learning rate, the best of a grid.
        points: (x, y) before the first step and after each step.
    """

    rate: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that is measured of one rule for its card.

    Attributes:
        rule: its text in canonical form.
        tasks: one for each task, in the order of the objective.
        path: None if every learning rate left the ravine.
    """

    rule: str
    tasks: tuple[TaskMeasurement, ...]
    path: Path | None

    def to_mapping(self) -> dict[str, Any]:
        """Return plain data for JSON, which `from_mapping` reads."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, kept: Mapping[str, Any]) -> "Measurements":
        """Read what `to_mapping` returned.

        Args:
            kept: decoded JSON.

        Raises:
            KeyError: an entry is missing.
            TypeError: an entry has another type.
            ValueError: as TypeError.
        """
        path = kept["path"]
        tasks = tuple(
            TaskMeasurement(
                str(each["task"]),
                _numbers(each["rates"]),
                tuple(map(_numbers, each["fan"])),
                int(each["epochs"]),
                int(each["long_epochs"]),
                tuple(map(_numbers, each["curves"])),
                _numbers(each["ends"]),
                tuple(map(bool, each["diverged"])),
                _numbers(each["qualities"]),
            )
            for each in kept["tasks"]
        )
        return cls(
            str(kept["rule"]),
            tasks,
            None
            if path is None
            else Path(
                float(path["rate"]),
                tuple((float(x), float(y)) for x, y in path["points"]),
            ),
        )


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(map(float, values))
