"""The largest stable rate of a rule that is linear in its gradients, exactly."""

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.language import Expression, simplify
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import draw

SMALLEST, LARGEST = 1e-3, 1e6
"""Rates times curvature between which a limit is looked for."""


def linear_limit(rule: Expression) -> float | None:
    """Return the largest rate times curvature for which a linear rule converges.

    On f = w**2 / 2, one step of a rule that is linear and the same at every step
    multiplies the vector of w and the rule's memories by a matrix. It converges from
    every start if and only if the spectral radius of that matrix is below 1.

    Args:
        rule: in any form.

    Returns:
        The end of the first range of rates that converge, to 12 digits; None if the
        rule is not linear, depends on time, weights or chance, has tensor scope, or has
        no limit between `SMALLEST` and `LARGEST`.

    Example:
        >>> from neuralopt.language import parse
        >>> round(linear_limit(parse("g")), 9), linear_limit(parse("sign(g)"))
        (2.0, None)
    """
    canonical = simplify(rule)
    program = compile_rule(canonical)
    timed = canonical.contains("t", "T", "progress", "w")
    if program.draws or timed or program.has_tensor_scope:
        return None
    matrix = _response(program)
    if matrix is None:
        return None

    def radius(rate: float) -> float:
        return float(abs(np.linalg.eigvals(_step(matrix, rate))).max())

    rates = np.geomspace(SMALLEST, LARGEST, 400)
    stable = np.array([radius(rate) < 1 for rate in rates])
    if not stable[0] or stable.all():
        return None
    end = int(np.flatnonzero(~stable)[0])
    low, high = float(rates[end - 1]), float(rates[end])
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if radius(middle) < 1 else (low, middle)
    return low


def _response(program: Program) -> npt.NDArray[np.float64] | None:
    """The rule as a matrix from (g, memories) to (update, new memories), if linear."""
    size = 1 + program.states
    matrix = _apply(program, np.eye(size))
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(size, 16)) * 10.0 ** generator.uniform(-2, 2, 16)
    outputs = _apply(program, inputs)
    if not np.allclose(outputs, matrix @ inputs, rtol=1e-9, atol=1e-12):
        return None
    return matrix


def _apply(
    program: Program, inputs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Outputs of one step, a column for each column of inputs."""
    gradient, *states = torch.from_numpy(inputs).unbind()
    value, new = program.step(
        gradient,
        torch.zeros_like(gradient),
        program.clock(0, 1),
        tuple(states),
        lambda kind, stream: draw(kind, (0, 0, 0, stream), gradient),
    )
    return torch.stack([value, *new]).numpy()


def _step(matrix: npt.NDArray[np.float64], rate: float) -> npt.NDArray[np.float64]:
    """The step of (w, memories) with g = w: w loses the rate times the update."""
    step = matrix.copy()
    step[0] *= -rate
    step[0, 0] += 1.0
    return step
