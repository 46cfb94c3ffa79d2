"""The fixed sequences of gradients that rules are probed with.

Nine kinds of sequences, each at two sizes. All numbers are functions of one seed, by
`neuralopt.counter_hash`. For a rule of tensor scope all sequences of one size are one
parameter, a matrix of (4, 9) or a vector of 36, and sequences take turns in showing the
parameter of each kind.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import KINDS as PARAMETERS
from neuralopt.language.primitives import WHOLE
from neuralopt.machine.probe import Floats, Probe, rule_values

STEPS = 48
ELEMENTS = 4
"""Of one sequence. Within it, their sizes differ by up to a factor of ten."""

SIZES = (3e-3, 1.0)
"""By which all sequences are multiplied. What depends on the size of the gradient, such
as clip(g, 0.001), differs between them; an epsilon of 1e-8 is too small to show."""

KINDS = (
    "noise",  # of mean zero
    "noisy drift",  # a mean of half the noise
    "one sign",  # sizes differ by step
    "alternating signs",
    "correlated in time",  # autoregressive, factor 0.9
    "drift that turns",  # changes its sign in the middle
    "shrinking",  # a noisy drift, 0.1 times as large in the second half
    "growing",  # the reverse
    "rare",  # noise, exactly zero at first and then at three steps of five
)
RUNS = len(SIZES) * len(KINDS)
COLUMNS = RUNS * ELEMENTS
NUMBERS = STEPS * COLUMNS
CHANGE = 0.1
ABSENT = 6
LIMIT = 4.0
"""Largest gradient: exp(g ** 3), which the paper's space has, stays finite."""

SEED = 412


def updates(expressions: Sequence[Expression], *, compiled: bool = True) -> Floats:
    """Return the updates of rules on the probes.

    An update is the value of the rule, to be multiplied by -lr. T is the number of
    probed steps, 48. Random bits are those of the probes' seed.

    Args:
        expressions: the rules, in any form.
        compiled: whether kernels compute them, if numba is installed. The values differ
            by rounding.

    Returns:
        float64 (rules, numbers). A row holds, for each step, size and kind of sequence,
        the elements; `by_run` separates them.
    """
    canonical = [simplify(expression) for expression in expressions]
    values = values_on(probe(), canonical, compiled=compiled)
    return values.reshape(len(expressions), NUMBERS)


def values_on(
    given: Probe, canonical: Sequence[Expression], *, compiled: bool = True
) -> Floats:
    """Return the values of rules on a probe whose runs are the sequences of one size.

    Each run of a rule of tensor scope is computed once for each kind of parameter. Of
    the sequences the first shows the update of a matrix, the second that of a vector,
    and so on in the order of the language's kinds.

    Args:
        given: `probe`, or another one of its layout.
        canonical: rules in canonical form.
        compiled: as for `updates`.

    Returns:
        float64 (rules, steps, runs, elements).
    """
    whole = [each.contains(*WHOLE) for each in canonical]
    values = np.empty((len(canonical), *given.gradients.shape))
    plain = [each for each, has in zip(canonical, whole, strict=True) if not has]
    values[~np.array(whole, np.bool_)] = rule_values(given, plain, compiled=compiled)
    tensors = [each for each, has in zip(canonical, whole, strict=True) if has]
    if tensors:
        found = rule_values(_of_every_kind(given), tensors, compiled=compiled)
        steps, runs, elements = given.gradients.shape
        found = found.reshape(len(tensors), steps, runs, len(PARAMETERS), elements)
        turns = np.arange(elements) // ELEMENTS % len(PARAMETERS)
        shown = found[..., turns, np.arange(elements)]
        values[np.array(whole)] = shown
    return values


@cache
def _of_every_kind(given: Probe) -> Probe:
    return given.of_every_kind()


def by_run(rows: Floats) -> Floats:
    """Return updates as an array whose axes say what they are of, without a copy.

    Args:
        rows: (rules, numbers).

    Returns:
        (rules, steps, runs, elements), runs being sizes x kinds.
    """
    return rows.reshape(-1, STEPS, RUNS, ELEMENTS)


def sums_of_squares(rows: Floats) -> Floats:
    """Return the squared norm of each run.

    Args:
        rows: (rules, numbers).

    Returns:
        (rules, runs).
    """
    # Short axes last: numpy is slow at loops over four elements.
    columns: Floats = np.square(rows).reshape(-1, STEPS, COLUMNS).sum(axis=1)
    squares: Floats = columns.reshape(-1, RUNS, ELEMENTS).sum(axis=2)
    return squares


@cache
def probe() -> Probe:
    """Return the probe: gradients (steps, sizes, kinds x elements), and weights."""
    step = np.arange(STEPS)[:, None]
    first_half = step < STEPS // 2
    sign = _signs(1, ELEMENTS)
    kinds = (
        _noise(2),
        0.5 * sign + _noise(3),
        sign * abs(_noise(4)),
        (-1.0) ** step * abs(_noise(5)),
        _correlated(_noise(6)),
        np.where(first_half, sign, -sign) + 0.5 * _noise(7),
        (0.5 * sign + _noise(8)) * np.where(first_half, 1.0, CHANGE),
        (0.5 * sign + _noise(9)) * np.where(first_half, CHANGE, 1.0),
        np.where(_rare(13), _noise(14), 0.0),
    )
    columns = len(KINDS) * ELEMENTS
    sizes = 10.0 ** -_uniform(10, columns)
    gradients = np.clip(np.concatenate(kinds, axis=1) * sizes, -LIMIT, LIMIT)
    weights = _signs(11, columns) * (0.05 + 0.95 * _uniform(12, columns))
    scaled = np.stack([gradients * size for size in SIZES], axis=1)
    return Probe(scaled, weights, SEED, STEPS)


@cache
def probe_of_other_weights() -> Probe:
    """Return the part of the probe at the first size, with all weights reversed."""
    given = probe()
    gradients = np.ascontiguousarray(given.gradients[:, :1])
    return Probe(gradients, -given.weights, given.seed, given.total_steps)


def _uniform(stream: int, count: int) -> Floats:
    return counter_uniform(counter_key(SEED, 1, stream), count)


def _signs(stream: int, count: int) -> Floats:
    return np.where(_uniform(stream, count) < 0.5, -1.0, 1.0)


def _noise(stream: int) -> Floats:
    """Random signs and log-normal sizes: heavy tails, and few numbers near zero."""
    count = STEPS * ELEMENTS
    radius, angle = _uniform(100 + stream, count), _uniform(200 + stream, count)
    # Box and Muller 1958
    normal = np.sqrt(-2 * np.log(radius + 2.0**-25)) * np.cos(2 * np.pi * angle)
    noise: Floats = _signs(300 + stream, count) * np.exp(normal)
    return noise.reshape(STEPS, ELEMENTS)


def _rare(stream: int) -> npt.NDArray[np.bool_]:
    """Where a rare feature has a gradient; at none of the first steps."""
    present = _uniform(stream, STEPS * ELEMENTS).reshape(STEPS, ELEMENTS) < 0.4
    present[:ABSENT] = False
    return present


def _correlated(noise: Floats) -> Floats:
    """An autoregressive sequence of the same variance: x <- 0.9 x + 0.44 noise."""
    sequence = noise.copy()
    for step in range(1, STEPS):
        sequence[step] = 0.9 * sequence[step - 1] + np.sqrt(1 - 0.9**2) * noise[step]
    return sequence
