"""How probable a target is under uniform sampling, and under a trained policy.

The probability of a rule is the sum over all rows that say it, which are too many to
list and too rare to be met by uniform sampling. It is estimated by importance sampling:
rows are drawn near known rows of the rule, and each hit counts by the ratio of its
probability to that with which it was drawn. Many more rows are drawn uniformly, and
shared by all targets, so that the estimate is unbiased for rows of any shape
(defensive mixture: Hesterberg 1995) and finds rules that are common but look otherwise,
such as a target times any positive number.
"""

import math
from collections.abc import Callable, Sequence
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
"""Of the rows drawn for a target, those that are drawn uniformly."""

UNIFORM_ROWS = 5
"""Rows drawn uniformly for all targets, for each that is drawn for one."""

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


class UniformRows:
    """Uniformly sampled rows, compared with targets.

    Args:
        space: that is sampled.
        targets: that rows are compared with, at least one.
        count: rows, 1 or more.
        seed: of the sampling.

    Attributes:
        rows: int64 (count, decisions).
        form: by name of a target, which rows equal it in form.
        behaviour: by name of a target, which rows equal it in form or behaviour.
    """

    def __init__(
        self, space: Space, targets: Sequence[Target], count: int, seed: int = 0
    ) -> None:
        self.rows = space.sample(count, np.random.default_rng(seed))
        names = [target.name for target in targets]
        form, behaviour = zip(*_hits(space, targets, self.rows), strict=True)
        self.form = dict(zip(names, form, strict=True))
        self.behaviour = dict(zip(names, behaviour, strict=True))


def draw_targets(
    space: Space, targets: Sequence[Target], samples: int, seed: int = 0
) -> dict[str, TargetSample]:
    """Draw rows from which the probabilities of targets are estimated.

    Args:
        space: whose rows are proposed.
        targets: rules.
        samples: rows drawn each time for a target, 2 or more.
        seed: of the drawing.

    Returns:
        Rows by name of the target, for those that the space can express.
    """
    known = {each.name: encoded(space, each) for each in targets}
    inside = [each for each in targets if known[each.name] is not None]
    if not inside:
        return {}
    shared = UniformRows(space, inside, UNIFORM_ROWS * samples, seed)
    found = {}
    for each in inside:
        row = known[each.name]
        assert row is not None
        found[each.name] = _draw_target(space, each, row, samples, seed, shared)
    return found


def _draw_target(
    space: Space,
    target: Target,
    row: NDArray[np.int64],
    samples: int,
    seed: int,
    shared: UniformRows,
) -> TargetSample:
    """Draw rows near one row of a target, then near those that were found."""
    # Not the shared rows: the estimate is unbiased if they do not choose the centres.
    known, rng = row[None], np.random.default_rng(seed + 1)
    for _ in range(ROUNDS - 1):
        centres = _centres(space, known)
        rows = _draw(space, centres, samples, rng)
        [(_, behaviour)] = _hits(space, [target], rows)
        known = np.concatenate([known, rows[behaviour]])
    centres = _centres(space, known)
    rows = _draw(space, centres, samples, rng)
    [(form, behaviour)] = _hits(space, [target], rows)
    rows = np.concatenate([rows, shared.rows])
    drawn_uniformly = UNIFORM_SHARE * samples + len(shared.rows)
    uniform, drawn = _log_densities(space, centres, rows, drawn_uniformly / len(rows))
    return TargetSample(
        rows,
        np.concatenate([form, shared.form[target.name]]),
        np.concatenate([behaviour, shared.behaviour[target.name]]),
        uniform,
        drawn,
    )


def _centres(space: Space, known: Rows) -> Rows:
    """The most probable of some rows."""
    different = np.unique(known, axis=0)
    likely = np.argsort(-uniform_log_probabilities(space, different), kind="stable")
    return different[likely[:CENTRES]]


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


Hits = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Which rows equal a target in form, and which in form or behaviour."""


def _hits(space: Space, targets: Sequence[Target], rows: Rows) -> list[Hits]:
    texts = space.canonical(rows)
    different = sorted({text for text in texts if text})
    equal = equal_in_behaviour([parse(text) for text in different], targets)
    found = []
    for target, column in zip(targets, equal.T.tolist(), strict=True):
        alike = {text for text, hit in zip(different, column, strict=True) if hit}
        form = np.array([text in target.forms for text in texts], np.bool_)
        behaviour = form | np.array([text in alike for text in texts], np.bool_)
        found.append((form, behaviour))
    return found


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


def _log_densities(
    space: Space, centres: Rows, rows: Rows, uniform_share: float
) -> tuple[Floats, Floats]:
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
    parts = near + math.log((1 - uniform_share) / len(centres))
    parts = np.column_stack([parts, uniform + math.log(uniform_share)])
    largest = parts.max(axis=1)
    total = np.log(np.exp(parts - largest[:, None]).sum(axis=1))
    return uniform, largest + total
