"""Which learning rates are stable on quadratics, found by iterating a rule there.

All are problems of two variables with the Hessian ((a, b), (b, a)). With b = 0 that is
a parabola of curvature a, from two starts at once, since rules treat each parameter by
itself. Else it is a ravine tilted by 45 degrees, where each gradient has parts of both
curvatures, a + b and a - b. For a rule of tensor scope both variables are one
parameter, a matrix of one row, and the loss is the height.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.anatomy.linear import linear_limit
from neuralopt.language import Expression
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import Draw, draw

Array = npt.NDArray[np.float64]

STEPS = 2000
"""Of every path; a multiple of 8."""

FAR = 1e6
"""A path has diverged once |w| is larger."""

START = (1.0, -0.61)

RATES = tuple(float(f"{10 ** (k / 4):.4g}") for k in range(-16, 9))
CURVATURES = tuple(float(f"{10 ** (k / 4):.4g}") for k in range(-8, 17))
"""Of the map: four a decade."""

LIMIT_CURVATURES = (0.01, 1.0, 100.0)
"""At which the largest stable rate is found to four digits."""

CONDITION_NUMBER = 100.0
"""Of the tilted ravine, whose largest curvature is 1."""

SHRUNK = 1e-3
"""Share of the distance from the minimum at which a path has arrived."""

CYCLE_RATES, CYCLE_CURVATURES = (1e-2, 4e-3), (1.0, 10.0)
"""At which amplitudes of oscillations are compared."""

Fate = Literal["converges", "approaches", "oscillates", "diverges"]
FATES: tuple[Fate, ...] = ("converges", "approaches", "oscillates", "diverges")
"""Fates of a path. It approaches if it has neither passed the minimum nor come near to
it after three quarters of the steps, and oscillates if its amplitude does not shrink.
"""

CONVERGES, APPROACHES, OSCILLATES, DIVERGES = range(4)

_TRIED = np.geomspace(1e-5, 1e4, 217)
"""Rates among which a limit is looked for, 24 a decade."""

_REFINED = 65


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """Where a rule is stable on quadratics.

    A limit is the rate at which the first range of rates ends that converge: None if no
    rate converges, infinite if no larger rate up to 10,000 fails to.

    Attributes:
        fates: int8 (`RATES`, `CURVATURES`), numbers of `FATES`; the worst of all
            starts.
        cycle: amplitude of the oscillation that small rates end in, over the rate,
            where that is about the same at all of `CYCLE_RATES` and `CYCLE_CURVATURES`;
            None where small rates converge. With a cycle there are no limits.
        limits: (curvature, limit) for each of `LIMIT_CURVATURES`.
        theory: largest stable rate times curvature of a rule that is linear in
            gradients, from the spectral radius of a step; None for other rules.
        ravine: limit in the tilted ravine.
        ravine_steps: least steps until the distance from its minimum stays below
            `SHRUNK`, over all rates; None if it does at no rate.
        ravine_rate: the rate that does so.
    """

    fates: npt.NDArray[np.int8]
    cycle: float | None
    limits: tuple[tuple[float, float | None], ...]
    theory: float | None
    ravine: float | None
    ravine_steps: int | None
    ravine_rate: float | None

    @property
    def product(self) -> float | None:
        """The limit times the curvature, if it is the same to within 1% for all."""
        return _shared([(each, rate) for each, rate in self.limits], 1)

    @property
    def rate(self) -> float | None:
        """The limit, if it is finite and the same to within 1% for all curvatures."""
        return _shared([(each, rate) for each, rate in self.limits], 0)


def stability_of(rule: Expression) -> Stability:
    """Iterate a rule on quadratics of many curvatures with many learning rates.

    Args:
        rule: in any form.

    Returns:
        Stable rates; the same for the same rule.
    """
    program = compile_rule(rule)
    on_map = _Problems.grid(RATES, CURVATURES)
    cycling = _Problems.grid(CYCLE_RATES, CYCLE_CURVATURES)
    places = [(each, 0.0) for each in LIMIT_CURVATURES]
    flat = 1 / CONDITION_NUMBER
    places.append(((1 + flat) / 2, (1 - flat) / 2))
    brackets = [_TRIED for _ in places]
    first = [
        _Problems.at(each, place) for each, place in zip(brackets, places, strict=True)
    ]
    paths = _follow(program, [on_map, cycling, *first])
    fates = paths[0].fates().reshape(len(RATES), len(CURVATURES))
    cycle, arrived = _cycle(paths[1]), paths[-1].arrived
    fastest = int(arrived.argmin())
    found = arrived[fastest] <= STEPS
    limits: list[float | None] = [None] * len(places)
    if cycle is None:
        limits = _limits(program, places, [each.fates() for each in paths[2:]])
    return Stability(
        fates,
        cycle,
        tuple(zip(LIMIT_CURVATURES, limits[:-1], strict=True)),
        linear_limit(rule),
        limits[-1],
        int(arrived[fastest]) if found else None,
        float(f"{_TRIED[fastest]:.3g}") if found else None,
    )


def _shared(limits: list[tuple[float, float | None]], power: int) -> float | None:
    values = [rate * each**power for each, rate in limits if rate is not None]
    if len(values) < len(limits) or max(values) > 1.01 * min(values):
        return None
    return values[len(values) // 2] if math.isfinite(max(values)) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Problems:
    """Runs: a learning rate and the Hessian's a and b of each."""

    rates: Array
    a: Array
    b: Array

    @staticmethod
    def grid(rates: tuple[float, ...], curvatures: tuple[float, ...]) -> "_Problems":
        rows, columns = np.meshgrid(rates, curvatures, indexing="ij")
        return _Problems(rows.ravel(), columns.ravel(), np.zeros(rows.size))

    @staticmethod
    def at(rates: Array, place: tuple[float, float]) -> "_Problems":
        a, b = place
        return _Problems(rates, np.full(len(rates), a), np.full(len(rates), b))


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """What is kept of paths.

    Attributes:
        eighths: largest |w| in each eighth of the steps, (8, runs, 2).
        passed: whether w changed its sign in the third quarter, (runs, 2).
        arrived: steps after which the largest |w| of a run stays at most `SHRUNK` of
            its start, (runs,); above `STEPS` where it does not.
        random: whether the rule draws random numbers. Amplitudes then shrink by chance
            too, and a path converges only if it shrinks tenfold near the minimum.
    """

    eighths: Array
    passed: npt.NDArray[np.bool_]
    arrived: npt.NDArray[np.int64]
    random: bool

    def part(self, runs: slice) -> "Paths":
        """Return those of some runs."""
        return Paths(
            self.eighths[:, runs], self.passed[runs], self.arrived[runs], self.random
        )

    def fates(self) -> npt.NDArray[np.int8]:
        """Return the fate of each run, the worst of its variables."""
        before, last = self.eighths[6], self.eighths[7]
        first = self.eighths[:4].max(axis=0)
        found = np.full(last.shape, OSCILLATES, np.int8)
        near = before <= SHRUNK
        arrived = self.passed | near
        shrinks = last < (0.1 if self.random else 0.99) * before
        shrinks &= near if self.random else arrived
        found[shrinks | (last < 1e-9)] = CONVERGES
        found[~arrived & (last <= before)] = APPROACHES
        found[~(last < FAR) | (last > 10 * np.maximum(first, 1.0))] = DIVERGES
        worst: npt.NDArray[np.int8] = found.max(axis=1)
        return worst


def _follow(program: Program, problems: list[_Problems]) -> list[Paths]:
    """Iterate a rule on all problems at once."""

    def column(values: list[Array]) -> torch.Tensor:
        return torch.from_numpy(np.concatenate(values))[:, None]

    lr = column([each.rates for each in problems])
    a, b = column([each.a for each in problems]), column([each.b for each in problems])
    w = torch.tensor(START, dtype=torch.float64).repeat(len(lr), 1)
    outer = (len(w), 1, 1) if program.has_tensor_scope else (len(w), 1)
    shape = (*outer[:-1], w.shape[1])
    states = program.initial_states(w.view(shape))
    eighths = torch.zeros((8, *w.shape), dtype=torch.float64)
    passed = torch.zeros(w.shape, dtype=torch.bool)
    arrived = torch.ones(len(w), dtype=torch.int64)
    half = w.sign()
    for step in range(STEPS):
        gradient = a * w + b * w.flip(1)
        scalars = program.clock(step, STEPS)
        loss = [_height(w, gradient).view(outer)] if program.needs_loss else []
        value, states = program.step(
            gradient.view(shape), w.view(shape), scalars, states, _bits(step, w), *loss
        )
        w = w - lr * value.view(w.shape)
        size = w.abs()
        # What is far away stays there: it must not overflow and come back.
        w = torch.where(size < FAR, w, torch.inf)
        eighth = eighths[8 * step // STEPS]
        torch.maximum(eighth, size, out=eighth)
        near = size.amax(dim=1) <= SHRUNK * max(map(abs, START))
        arrived = torch.where(near, arrived, step + 2)
        if step == STEPS // 2:
            half = w.sign()
        elif STEPS // 2 < step < 3 * STEPS // 4:
            passed |= w.sign() != half
    paths = Paths(eighths.numpy(), passed.numpy(), arrived.numpy(), bool(program.draws))
    ends = np.cumsum([0, *(len(each.rates) for each in problems)])
    return [
        paths.part(slice(start, end))
        for start, end in itertools.pairwise(ends.tolist())
    ]


def _height(w: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The quadratic's value in each run, (runs,)."""
    return (w * gradient).sum(dim=1) / 2


def _bits(step: int, like: torch.Tensor) -> Draw:
    """Random numbers of a step, the same for the same problems."""
    return lambda kind, stream: draw(kind, (0, 0, step, stream), like)


def _limits(
    program: Program,
    places: list[tuple[float, float]],
    fates: list[npt.NDArray[np.int8]],
) -> list[float | None]:
    """The limits at several places, from fates at `_TRIED`, refined twice."""
    rates = dict.fromkeys(range(len(places)), _TRIED)
    limits: list[float | None] = [None] * len(places)
    found = dict(enumerate(fates))
    for more in (True, True, False):
        for place, some in list(rates.items()):
            end = _first_end(found[place])
            if end is None or end == len(some):
                limits[place] = None if end is None else math.inf
                del rates[place]
                continue
            limits[place] = float(f"{some[end - 1]:.5g}")
            rates[place] = np.geomspace(some[end - 1], some[end], _REFINED)
        if more and rates:
            problems = [_Problems.at(each, places[n]) for n, each in rates.items()]
            paths = _follow(program, problems)
            found = {n: each.fates() for n, each in zip(rates, paths, strict=True)}
    return limits


def _first_end(fates: npt.NDArray[np.int8]) -> int | None:
    """Where the first stable range that converges ends; None if there is none."""
    begins = np.flatnonzero(fates == CONVERGES)
    if len(begins) == 0:
        return None
    ends = np.flatnonzero(fates[begins[0] :] > APPROACHES)
    return int(begins[0] + ends[0]) if len(ends) else len(fates)


def _cycle(paths: Paths) -> float | None:
    """Amplitude over rate, if it is much the same in all of four paths."""
    if (paths.fates() != OSCILLATES).any():
        return None
    rates = np.repeat(CYCLE_RATES, len(CYCLE_CURVATURES))
    amplitudes = paths.eighths[7].max(axis=1) / rates
    if amplitudes.max() > 3 * amplitudes.min():
        return None
    return float(f"{amplitudes.max():.2g}")
