"""How probable a target is under uniform sampling, and under a trained policy.

The probability of a rule is the sum over all rows that say it, which are too many to
list and too rare to be met by uniform sampling. It is estimated by importance sampling:
rows are drawn near known rows of the rule, and each hit counts by the ratio of its
probability to that with which it was drawn. A quarter of the rows are drawn uniformly,
so that no ratio of uniform sampling exceeds four and the estimate is unbiased for rows
of any shape (defensive mixture: Hesterberg 1995).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.language import parse
from neuralopt.spaces import Space
from neuralopt.verdict.rediscovery.matching import equal_in_behaviour
from neuralopt.verdict.rediscovery.targets import Target

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
LogProbabilities = Callable[[Rows], Floats]
"""Rows (n, decisions) -> the logarithm of each row's probability under a policy."""

UNIFORM_SHARE = 0.25
KEPT_SHARE = 0.7
"""Probability that a drawn row keeps a decision of the row it is drawn near."""

CENTRES = 32
"""Most rows that others are drawn near."""

ROUNDS = 3
"""Times that rows are drawn; the last time gives the estimate, those before it give
the centres."""

NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated probability.

    Attributes:
        value: 0 if no row that says the rule was drawn.
        error: standard error.
    """

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower limit of the 95% interval, at least 0."""
        return max(0.0, self.value - NORMAL_95 * self.error)

    @property
    def high(self) -> float:
        """Upper limit of the 95% interval, at most 1."""
        return min(1.0, self.value + NORMAL_95 * self.error)


@dataclass(frozen=True, slots=True, eq=False)
class TargetSample:
    """Rows drawn near those of a target, from which its probability is estimated.

    Attributes:
        rows: int64 (n, decisions).
        form: which rows equal the target in form.
        behaviour: which rows equal it in behaviour.
        uniform: log-probability of each row under uniform sampling.
        drawn: log-density with which each row was drawn.
    """

    rows: Rows
    form: NDArray[np.bool_]
    behaviour: NDArray[np.bool_]
    uniform: Floats
    drawn: Floats

    @property
    def in_form(self) -> Estimate:
        """Probability under uniform sampling of a row that equals it in form."""
        return _estimate(np.exp(self.uniform - self.drawn) * self.form)

    @property
    def in_behaviour(self) -> Estimate:
        """Probability under uniform sampling of a row that equals it in behaviour."""
        return _estimate(np.exp(self.uniform - self.drawn) * self.behaviour)

    def gain(self, policy: LogProbabilities) -> float | None:
        """Return how much more probable a policy makes the rule, in form.

        Args:
            policy: of a trained searcher.

        Returns:
            Natural logarithm of the ratio of the probabilities; None where no row was
            drawn that says the rule.
        """
        hits = self.rows[self.form]
        if not len(hits):
            return None
        drawn = self.drawn[self.form]
        theirs, ours = policy(hits) - drawn, self.uniform[self.form] - drawn
        return _log_sum(theirs) - _log_sum(ours)


def _log_sum(logarithms: Floats) -> float:
    largest = float(logarithms.max())
    return largest + math.log(float(np.exp(logarithms - largest).sum()))


def draw_target(
    space: Space, target: Target, samples: int, seed: int = 0
) -> TargetSample | None:
    """Draw rows from which the probability of a target is estimated.

    Args:
        space: whose rows are proposed.
        target: the rule.
        samples: rows drawn each time, 2 or more.
        seed: of the drawing.

    Returns:
        The rows; None if the space can't express the target.
    """
    row = encoded(space, target)
    if row is None:
        return None
    centres = row[None]
    rng = np.random.default_rng(seed)
    for _ in range(ROUNDS - 1):
        rows = _draw(space, centres, samples, rng)
        _, behaviour = _hits(space, target, rows)
        known = np.unique(np.concatenate([centres, rows[behaviour]]), axis=0)
        likely = np.argsort(-uniform_log_probabilities(space, known), kind="stable")
        centres = known[likely[:CENTRES]]
    rows = _draw(space, centres, samples, rng)
    form, behaviour = _hits(space, target, rows)
    uniform, drawn = _log_densities(space, centres, rows)
    return TargetSample(rows, form, behaviour, uniform, drawn)


def encoded(space: Space, target: Target) -> Rows | None:
    """Return a row of a target; None if the space can't express it.

    Args:
        space: of the row.
        target: any of its arrangements will do.
    """
    for rule in target.rules:
        try:
            return space.encode(rule)
        except ValueError:
            continue
    return None


def _estimate(values: Floats) -> Estimate:
    count = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    return Estimate(float(values.mean()), error)


def uniform_log_probabilities(space: Space, rows: Rows) -> Floats:
    """Return the log-probability of rows when decisions are uniform over their masks.

    Args:
        space: of the rows.
        rows: int64 (n, decisions), valid.
    """
    found = np.zeros(len(rows))
    for k in range(rows.shape[1]):
        found -= np.log(space.masks(rows[:, :k]).sum(axis=1))
    return found


def _hits(
    space: Space, target: Target, rows: Rows
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows equal the target in form, and in behaviour."""
    texts = space.canonical(rows)
    different = sorted({text for text in texts if text})
    equal = equal_in_behaviour([parse(text) for text in different], [target])[:, 0]
    alike = {text for text, hit in zip(different, equal.tolist(), strict=True) if hit}
    form = np.array([text in target.forms for text in texts], np.bool_)
    return form, form | np.array([text in alike for text in texts], np.bool_)


def _draw(space: Space, centres: Rows, count: int, rng: np.random.Generator) -> Rows:
    """Draw rows from the mixture."""
    which = rng.integers(len(centres), size=count)
    near = rng.random(count) >= UNIFORM_SHARE
    rows = np.empty((count, len(space.choices)), np.int64)
    for k in range(rows.shape[1]):
        allowed = space.masks(rows[:, :k])
        noise = np.where(allowed, rng.random(allowed.shape), -1.0)
        rows[:, k] = noise.argmax(axis=1)
        kept = centres[which, k]
        keeps = near & (rng.random(count) < KEPT_SHARE)
        keeps &= allowed[np.arange(count), kept]
        rows[keeps, k] = kept[keeps]
    return rows


def _log_densities(space: Space, centres: Rows, rows: Rows) -> tuple[Floats, Floats]:
    """Log-probabilities of rows under uniform sampling and under the mixture."""
    uniform = np.zeros(len(rows))
    near = np.zeros((len(rows), len(centres)))
    for k in range(rows.shape[1]):
        allowed = space.masks(rows[:, :k])
        here = -np.log(allowed.sum(axis=1))
        uniform += here
        same = rows[:, k, None] == centres[None, :, k]
        moved = (1 - KEPT_SHARE) * np.exp(here)[:, None] + KEPT_SHARE * same
        possible = allowed[:, centres[:, k]]
        near += np.log(np.where(possible, moved, np.exp(here)[:, None]))
    parts = near + math.log((1 - UNIFORM_SHARE) / len(centres))
    parts = np.column_stack([parts, uniform + math.log(UNIFORM_SHARE)])
    largest = parts.max(axis=1)
    total = np.log(np.exp(parts - largest[:, None]).sum(axis=1))
    return uniform, largest + total
