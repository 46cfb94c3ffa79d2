"""Functions of all elements of a tensor, in float64: what tensor scope means.

They are the reference of every engine: plain, slow, and independent of any library.
Values are lists in the order of the tensor's elements, row by row.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

KINDS: Mapping[str, str] = {
    "matrix": "a parameter of two or more dimensions, neither embedding nor head",
    "vector": "a parameter of one dimension or none: a bias, a gain",
    "embedding": "the table of an embedding",
    "head": "the matrix of the last layer, whose outputs are the network's",
}
"""Kinds of parameters. Each parameter is of one."""

STEPS = 5
"""Of Newton and Schulz by default."""

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of x, x**3 and x**5 in a step of Newton and Schulz, chosen for a steep slope at 0:
singular values end between about 0.7 and 1.2, not at 1. Source: Jordan et al. 2024.
"""

SMALLEST_NORM = 1e-7
"""What a norm is at least before a matrix is divided by it, as in torch.optim.Muon."""


class Place(NamedTuple):
    """What a function of tensor scope knows about its parameter and step.

    Attributes:
        height: rows of the parameter's matrix.
        width: columns of the parameter's matrix.
        kind: a name of KINDS.
        loss: of this step.
    """

    height: int
    width: int
    kind: str = "matrix"
    loss: float = math.nan


Values = Sequence[float]


def matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Return the shape of a parameter's matrix.

    The first dimension is the rows, all others together are the columns, as for a
    convolution's (out, in, height, width). A vector is one column.

    Args:
        shape: of the parameter.

    Returns:
        Rows and columns.

    Example:
        >>> matrix_shape((8, 3, 5, 5)), matrix_shape((7,)), matrix_shape(())
        ((8, 75), (7, 1), (1, 1))
    """
    return (shape[0], math.prod(shape[1:])) if shape else (1, 1)


def fan_out(place: Place) -> list[float]:
    """Return the number of rows, for each element."""
    return _everywhere(float(place.height), place)


def fan_in(place: Place) -> list[float]:
    """Return the number of columns, for each element."""
    return _everywhere(float(place.width), place)


def is_of_kind(kind: str) -> Callable[[Place], list[float]]:
    """Return the function that is 1 for a kind of parameter, for each element."""

    def of_kind(place: Place) -> list[float]:
        return _everywhere(float(place.kind == kind), place)

    return of_kind


def loss(place: Place) -> list[float]:
    """Return the loss of this step, for each element."""
    return _everywhere(place.loss, place)


def norm(x: Values, place: Place) -> list[float]:
    """Return the Euclidean norm, for each element."""
    return _everywhere(math.sqrt(_sum_of_squares(x)), place)


def rms(x: Values, place: Place) -> list[float]:
    """Return the root of the mean square, for each element."""
    return _everywhere(math.sqrt(_sum_of_squares(x) / len(x)), place)


def mean(x: Values, place: Place) -> list[float]:
    """Return the mean, for each element."""
    return _everywhere(sum(x) / len(x), place)


def maximum(x: Values, place: Place) -> list[float]:
    """Return the largest value, NaN if one is, for each element."""
    wrong = any(map(math.isnan, x))
    return _everywhere(math.nan if wrong else max(x), place)


def rows(x: Values, place: Place) -> list[float]:
    """Return the mean of its row, for each element."""
    means = [sum(row) / place.width for row in _matrix(x, place)]
    return [mean for mean in means for _ in range(place.width)]


def columns(x: Values, place: Place) -> list[float]:
    """Return the mean of its column, for each element."""
    columns = zip(*_matrix(x, place), strict=True)
    return [sum(column) / place.height for column in columns] * place.height


def orthogonalize(x: Values, steps: Values, place: Place) -> list[float]:
    """Return a matrix with the singular vectors of x and singular values near 1.

    Each step makes ``a x + (b x x' + c (x x')**2) x`` of x, which begins with norm 1.

    Args:
        x: the matrix.
        steps: how many, the same number for each element.
        place: rows and columns.

    Returns:
        The new matrix.
    """
    scale = max(math.sqrt(_sum_of_squares(x)), SMALLEST_NORM)
    found = [[value / scale for value in row] for row in _matrix(x, place)]
    upright = place.height > place.width
    if upright:
        found = _transposed(found)
    a, b, c = COEFFICIENTS
    for _ in range(int(steps[0])):
        gram = _product(found, _transposed(found))
        polynomial = _combined(b, gram, c, _product(gram, gram))
        found = _combined(a, found, 1.0, _product(polynomial, found))
    if upright:
        found = _transposed(found)
    return [value for row in found for value in row]


Matrix = list[list[float]]


def _everywhere(value: float, place: Place) -> list[float]:
    return [value] * (place.height * place.width)


def _sum_of_squares(x: Values) -> float:
    return sum([value * value for value in x])


def _matrix(x: Values, place: Place) -> Matrix:
    width = place.width
    return [list(x[start : start + width]) for start in range(0, len(x), width)]


def _transposed(x: Matrix) -> Matrix:
    return [list(column) for column in zip(*x, strict=True)]


def _product(x: Matrix, y: Matrix) -> Matrix:
    columns = _transposed(y)
    return [
        [sum([a * b for a, b in zip(row, column, strict=True)]) for column in columns]
        for row in x
    ]


def _combined(a: float, x: Matrix, b: float, y: Matrix) -> Matrix:
    """a * x + b * y."""
    return [
        [a * one + b * other for one, other in zip(row, other_row, strict=True)]
        for row, other_row in zip(x, y, strict=True)
    ]
