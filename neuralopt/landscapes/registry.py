"""The landscapes by name: formula, optimum, usual start and the part that is shown."""

import math
from collections.abc import Mapping

import torch

from neuralopt.catalog import hint
from neuralopt.landscapes.landscape import Heights, Landscape
from neuralopt.tasks.analytic import ravine_value, rosenbrock_value

CONDITIONS = {10: 2, 100: 1, 1000: 0}
"""Condition number -> coordinate of the task ``ravine`` that is as much flatter than
its steepest one, the last."""

TILT = math.pi / 6
"""Angle of the tilted ravine to the first axis."""


def ravine(condition: int = 100, tilt: float = 0.0) -> Landscape:
    """Return a plane of the task ``ravine``: a quadratic of two variables.

    Args:
        condition: its condition number, one of CONDITIONS.
        tilt: angle of its floor to the first axis, in radians.

    Returns:
        The landscape (u**2 / condition + v**2) / 2 of the turned coordinates u and v,
        with its start at u = -10, v = 1.

    Example:
        >>> ravine(100).hessian(torch.zeros(2, dtype=torch.float64)).tolist()
        [[0.01, 0.0], [0.0, 1.0]]
    """
    coordinate = CONDITIONS[condition]
    cos, sin = math.cos(tilt), math.sin(tilt)

    def height(point: torch.Tensor) -> torch.Tensor:
        x, y = point.unbind(-1)
        u, v = (cos * x + sin * y, cos * y - sin * x) if tilt else (x, y)
        place = [torch.zeros_like(u)] * 3
        place[coordinate] = u
        return ravine_value(torch.stack([*place, v], -1)[None], point)

    start = (-10 * cos - sin, -10 * sin + cos) if tilt else (-10.0, 1.0)
    x, y = ("u", "v") if tilt else ("x", "y")
    name = "tilted_ravine" if tilt else "ravine"
    angle = f", turned by {math.degrees(tilt):.0f}°" if tilt else ""
    return Landscape(
        name,
        rf"$({x}^2/{condition} + {y}^2)\,/\,2${angle}",
        _each(height),
        start,
        ((-11.5, 4.5), (-8.0, 4.0) if tilt else (-1.6, 1.6)),
        ((0.0, 0.0),),
    )


def _rosenbrock(point: torch.Tensor) -> torch.Tensor:
    return rosenbrock_value(point[None], point)


def _beale(point: torch.Tensor) -> torch.Tensor:
    x, y = point.unbind(-1)
    terms = ((1.5, y), (2.25, y**2), (2.625, y**3))
    return torch.stack([(c - x + x * power) ** 2 for c, power in terms]).sum(0)


def _saddle(point: torch.Tensor) -> torch.Tensor:
    x, y = point.unbind(-1)
    return x**2 / 2 - y**2 / 2 + y**4 / 4


def _x_plus_sin_x(point: torch.Tensor) -> torch.Tensor:
    x = point[..., 0]
    return x + torch.sin(x)


def _slope_x_plus_sin_x(point: torch.Tensor) -> torch.Tensor:
    x = point[..., 0]
    return x**2 / 2 - torch.cos(x)


def _sines(point: torch.Tensor) -> torch.Tensor:
    x = point[..., 0]
    return 25 * torch.sin(x) - x**2


def _each(height: Heights) -> Heights:
    """A function of one point, as one of points (..., dimensions)."""

    def heights(points: torch.Tensor) -> torch.Tensor:
        if points.ndim == 1:
            return height(points)
        flat = points.reshape(-1, points.shape[-1])
        found: torch.Tensor = torch.vmap(height)(flat)
        return found.reshape(points.shape[:-1])

    return heights


_ALL = (
    ravine(),
    ravine(tilt=TILT),
    Landscape(
        "rosenbrock",
        r"$(1 - x)^2 + 100\,(y - x^2)^2$",
        _each(_rosenbrock),
        (-1.5, 2.0),
        ((-2.0, 2.0), (-1.0, 3.0)),
        ((1.0, 1.0),),
        steps=300,
    ),
    Landscape(
        "beale",
        r"$(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2$",
        _beale,
        (1.0, 1.5),
        ((-1.0, 4.5), (-1.5, 2.5)),
        ((3.0, 0.5),),
        steps=200,
    ),
    Landscape(
        "saddle",
        r"$x^2/2 - y^2/2 + y^4/4$",
        _saddle,
        (1.0, 0.001),
        ((-0.6, 1.2), (-0.6, 1.4)),
        ((0.0, 1.0), (0.0, -1.0)),
        steps=60,
    ),
    Landscape(
        "x_plus_sin_x",
        r"$x + \sin x$",
        _x_plus_sin_x,
        (2.5,),
        ((-10.0, 4.0),),
        (),
        steps=50,
    ),
    Landscape(
        "slope_x_plus_sin_x",
        r"$x^2/2 - \cos x$, of slope $x + \sin x$",
        _slope_x_plus_sin_x,
        (2.5,),
        ((-3.0, 3.0),),
        ((0.0,),),
        steps=50,
    ),
    Landscape(
        "sines",
        r"$25 \sin x - x^2$",
        _sines,
        (7.0,),
        ((-13.0, 13.0),),
        (
            (1.4541965749766175,),
            (-4.356405415380388,),
            (7.236571118164048,),
            (-10.060207840298057,),
        ),
        uphill=True,
        steps=50,
    ),
)

LANDSCAPES: Mapping[str, Landscape] = {each.name: each for each in _ALL}
"""The landscapes by name. ``saddle`` has a saddle point at the origin, and starts close
to the line from which gradient descent goes there. ``x_plus_sin_x`` has no minimum: it
falls for ever, and its slope is 0 at odd multiples of pi. The four optima of ``sines``
are all its maxima, the highest first."""


def named_landscape(name: str) -> Landscape:
    """Return the landscape of a name.

    Args:
        name: a name of LANDSCAPES.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in LANDSCAPES:
        near = hint(name, [*LANDSCAPES, "slice"])
        raise ValueError(f"unknown landscape {name!r}: {near}")
    return LANDSCAPES[name]
