"""Float64 arithmetic on single numbers that follows IEEE 754 and never raises.

Python raises where IEEE 754 returns a value (``1 / 0``, ``exp(1000)``); a rule's
scalar part must meet the same values as its tensor part, so every scalar of the
language is computed here. The functions need only ``math``: exported optimizers carry
the source of those that they call.
"""

import math


def less(x: float, y: float) -> float:
    """1.0 or 0.0; 0.0 for NaN."""
    return float(x < y)


def less_equal(x: float, y: float) -> float:
    """1.0 or 0.0; 0.0 for NaN."""
    return float(x <= y)


def where(c: float, x: float, y: float) -> float:
    """A condition that is NaN is not 0."""
    return x if c != 0 else y


def divide(x: float, y: float) -> float:
    if y != 0:
        return x / y
    if x == 0 or math.isnan(x):
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def remainder(x: float, y: float) -> float:
    """x - y * floor(x / y), with the sign of y, as Python and torch have it."""
    if y == 0 or math.isinf(x) or math.isnan(x) or math.isnan(y):
        return math.nan
    return x % y


def power(x: float, y: float) -> float:
    """x ** y of IEEE 754: NaN for a negative x and a fractional y.

    Squares and cubes are products.
    """
    if y == 2:
        return x * x
    if y == 3:
        return x * x * x
    try:
        return math.pow(x, y)
    except OverflowError:
        negative = x < 0 and y % 2 == 1
        return -math.inf if negative else math.inf
    except ValueError:
        if x == 0:
            return math.copysign(math.inf, x) if y % 2 == 1 else math.inf
        return math.nan


def sign(x: float) -> float:
    """0.0 for both zeros, as torch has it; NaN for NaN."""
    if x == 0:
        return 0.0
    return x if math.isnan(x) else math.copysign(1.0, x)


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def exp2(x: float) -> float:
    return power(2.0, x)


def cos(x: float) -> float:
    return math.nan if math.isinf(x) else math.cos(x)


def log(x: float) -> float:
    """log abs(x)."""
    return -math.inf if x == 0 else math.log(abs(x))


def sqrt(x: float) -> float:
    """sqrt(abs(x))."""
    return math.sqrt(abs(x))


def minimum(x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return math.nan
    return min(x, y)


def maximum(x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return math.nan
    return max(x, y)


def clip(x: float, limit: float) -> float:
    return minimum(maximum(x, -limit), limit)  # a limit below 0 gives the limit


def tanh(x: float) -> float:
    return math.tanh(x)


def dropped(x: float, p: float, bits: float) -> float:
    """0 where the random bits, in [0, 1), are below p; NaN stays NaN."""
    return 0.0 if bits < p and x == x else x
