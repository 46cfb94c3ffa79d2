"""The condition number that is left where a rule divides by its own scales."""

import numpy as np
import torch

from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.paths import Array
from neuralopt.language import Expression, simplify
from neuralopt.machine.probe import Probe, rule_values


def effective_conditions(
    landscape: Landscape, points: Array, denominator: Expression
) -> Array:
    """Return the condition number that a rule meets at each point of a path.

    A step D**-1 g, with a positive scale for each coordinate on the diagonal of D, is a
    step of gradient descent in the coordinates D**(1/2) w. The Hessian there is
    D**(-1/2) H D**(-1/2), and has another condition number than H.

    Args:
        landscape: gives gradients and Hessians.
        points: (steps, dimensions), where the rule went.
        denominator: what it divides by, as a rule: for RMSProp
            ``sqrt(ema(g ** 2, 0.999)) + 1e-8``. The gradients at the points are its
            inputs.

    Returns:
        (steps,); infinite where a curvature is not positive.

    Example:
        >>> from neuralopt.landscapes.registry import LANDSCAPES
        >>> from neuralopt.language import parse
        >>> ravine = LANDSCAPES["ravine"]
        >>> start = np.array([ravine.start])
        >>> effective_conditions(ravine, start, parse("1")).round(6).tolist()
        [100.0]
        >>> effective_conditions(ravine, start, parse("abs(g)")).round(6).tolist()
        [10.0]
    """
    places = torch.from_numpy(np.array(points, dtype=np.float64))
    gradients = torch.stack([landscape.gradient(each) for each in places]).numpy()
    probe = Probe(gradients[:, None], np.zeros(landscape.dimensions), 0, len(places))
    values = rule_values(probe, [simplify(denominator)], compiled=False)[0, :, 0]
    found = []
    for place, scale in zip(places, values, strict=True):
        roots = 1 / np.sqrt(scale)
        scaled = roots[:, None] * landscape.hessian(place).numpy() * roots
        curvatures = np.linalg.eigvalsh(scaled)
        positive = curvatures[0] > 0
        found.append(curvatures[-1] / curvatures[0] if positive else np.inf)
    return np.array(found)
