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

        See `good_region`, with a share of `GOOD`.
        """
        return good_region(self.rates, self.means, GOOD)

    @property
    def good_decades(self) -> float:
        """Width of the good region, in decades; 0 without one."""
        if self.good_rates is None:
            return 0.0
        low, high = self.good_rates
        return math.log10(high / low)


def good_region(
    rates: Sequence[float], means: Sequence[float], share: float
) -> tuple[float, float] | None:
    """Return the ends of the range of rates around the best one that are good.

    Args:
        rates: in rising order.
        means: mean quality at each rate.
        share: of the best quality that a good rate has at least. Between rates, quality
            is interpolated on a logarithmic scale.

    Returns:
        (lowest, highest) good rate; None where no rate has a quality above 0.

    Example:
        >>> low, high = good_region((0.01, 0.1, 1.0), (0.0, 1.0, 1.0), 0.5)
        >>> round(low, 4), high
        (0.0316, 1.0)
    """
    if max(means) <= 0:
        return None
    best = list(means).index(max(means))
    enough = share * means[best]

    def end(places: range) -> float:
        for inner, outer in itertools.pairwise(places):
            if means[outer] < enough:
                part = (means[inner] - enough) / (means[inner] - means[outer])
                near, far = math.log(rates[inner]), math.log(rates[outer])
                return math.exp(near + part * (far - near))
        return rates[places[-1]]

    return end(range(best, -1, -1)), end(range(best, len(means)))


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
