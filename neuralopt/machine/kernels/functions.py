"""The language's functions of one element.

Every function is free of branches, so that LLVM turns a loop over it into vectors.
float32 has polynomials of its own: libraries treat one number at a time, and the vector
ones fall back to that for infinities and NaN. float64, in which engines are compared,
takes the library.
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from neuralopt.machine.kernels.compiling import ARITHMETIC, inlined
from neuralopt.machine.kernels.memory import (
    exponent,
    floor,
    like,
    load,
    power_of_two,
    select,
    sign_bit,
    significand,
    truncated_remainder,
)


@inlined
def minimum(x, y):
    """The smaller one; NaN if either is."""
    return select(x != x, x, select(x < y, x, y))


@inlined
def maximum(x, y):
    """The larger one; NaN if either is."""
    return select(x != x, x, select(x > y, x, y))


@inlined
def sign(x):
    """-1, 0 or 1; NaN for NaN."""
    zero, one = like(x, 0), like(x, 1)
    return select(x > zero, one, select(x < zero, -one, select(x == zero, zero, x)))


@inlined
def less(x, y):
    """1 or 0; 0 for NaN."""
    return select(x < y, like(x, 1), like(x, 0))


@inlined
def less_equal(x, y):
    """1 or 0; 0 for NaN."""
    return select(x <= y, like(x, 1), like(x, 0))


@inlined
def where(c, x, y):
    """x where c is not 0, else y; NaN is not 0."""
    return select(c != like(c, 0), x, y)


@inlined
def dropped(x, p, uniform):
    """0 where uniform < p, but NaN stays NaN."""
    return select((uniform < p) & (x == x), like(x, 0), x)


@inlined
def remainder(x, y):
    """x - y * floor(x / y), exactly, with the sign of y."""
    rest = truncated_remainder(x, y)
    other_sign = (rest != like(x, 0)) & ((rest < like(x, 0)) != (y < like(x, 0)))
    return select(other_sign, rest + y, rest)


def exp(x: Any) -> Any:
    """e ** x."""


def exp2(x: Any) -> Any:
    """2 ** x."""


def log(x: Any) -> Any:
    """The natural logarithm of x >= 0."""


def power(x: Any, y: Any) -> Any:
    """x ** y of IEEE 754."""


def cos(x: Any) -> Any:
    """The cosine, exact in its argument however large."""


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""


FLOAT32 = np.float32
ROUND32 = np.float32(1.5 * 2**23)
ROUND64 = 1.5 * 2**52
"""Adding and subtracting it rounds to a whole number."""

LOG2_E = np.float32(1.44269504088896341)
LN2 = np.float32(0.693147180559945)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
EXP0, EXP1, EXP2 = (
    np.float32(c) for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3)
)
EXP3, EXP4, EXP5 = (
    np.float32(c) for c in (4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
HALF, ONE, TWO = np.float32(0.5), np.float32(1), np.float32(2)


@inlined
def _scaled(r, n):
    """e ** r * 2 ** n for abs(r) <= ln(2) / 2 (Moshier's Cephes, expf).

    2 ** n is taken in two halves: neither overflows, and the last product rounds once
    where the result is below the normal numbers.
    """
    p = ((((EXP0 * r + EXP1) * r + EXP2) * r + EXP3) * r + EXP4) * r + EXP5
    p = (p * r) * r + r + ONE
    half = (n * HALF + ROUND32) - ROUND32
    return p * power_of_two(half) * power_of_two(n - half)


@inlined
def _exp32(x):
    c = select(x > FLOAT32(-104), x, FLOAT32(-104))
    c = select(c < FLOAT32(89), c, FLOAT32(89))
    n = (c * LOG2_E + ROUND32) - ROUND32
    r = (c - n * LN2_HIGH) - n * LN2_LOW
    return select(x == x, _scaled(r, n), x)


@inlined
def _exp2_32(x):
    c = select(x > FLOAT32(-150), x, FLOAT32(-150))
    c = select(c < FLOAT32(129), c, FLOAT32(129))
    n = (c + ROUND32) - ROUND32
    return select(x == x, _scaled((c - n) * LN2, n), x)


LOG0, LOG1, LOG2 = (
    np.float32(c) for c in (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1)
)
LOG3, LOG4, LOG5 = (
    np.float32(c) for c in (-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1)
)
LOG6, LOG7, LOG8 = (
    np.float32(c) for c in (2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
)
SQRT2, SMALLEST_NORMAL = np.float32(math.sqrt(2)), np.float32(2.0**-126)
TO_NORMAL = np.float32(2.0**24)
INFINITY = np.float32(np.inf)


@inlined
def _normal32(x):
    """m and e with x = m * 2 ** e, m in [sqrt(1/2), sqrt(2)), for finite x > 0."""
    tiny = x < SMALLEST_NORMAL
    a = select(tiny, x * TO_NORMAL, x)
    m, e = significand(a), FLOAT32(exponent(a))
    e = e - select(tiny, FLOAT32(127 + 24), FLOAT32(127))
    big = m > SQRT2
    return select(big, m * HALF, m), select(big, e + ONE, e)


@inlined
def _log32(x):
    """Moshier's Cephes, logf."""
    m, e = _normal32(x)
    r = m - ONE
    z = r * r
    p = (((LOG0 * r + LOG1) * r + LOG2) * r + LOG3) * r + LOG4
    p = (((p * r + LOG5) * r + LOG6) * r + LOG7) * r + LOG8
    value = ((p * z) * r + e * LN2_LOW - HALF * z) + r + e * LN2_HIGH
    value = select(x == INFINITY, x, value)
    return select(x == FLOAT32(0), -INFINITY, select(x == x, value, x))


@inlined
def _log2_64(m, e):
    """log2 of m * 2 ** e in float64, to 1e-10, by the series of artanh."""
    m = np.float64(m)
    near = np.float64(ONE / FLOAT32(m + 1.0))  # a float64 division is four times slower
    s = (m - 1.0) * (near * (2.0 - (m + 1.0) * near))
    z = s * s
    p = (((1 / 11 * z + 1 / 9) * z + 1 / 7) * z + 1 / 5) * z + 1 / 3
    return (2.0 / math.log(2.0)) * (s * z * p + s) + e


EXP2_64 = tuple(math.log(2.0) ** n / math.factorial(n) for n in range(9))
Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8 = EXP2_64[1:]


@inlined
def _exp2_64(x):
    """2 ** x in float64, to 1e-9, for abs(x) <= 1000."""
    n = (x + ROUND64) - ROUND64
    r = x - n
    p = (((Q8 * r + Q7) * r + Q6) * r + Q5) * r + Q4
    p = (((p * r + Q3) * r + Q2) * r + Q1) * r + 1.0
    return p * power_of_two(n)


@inlined
def _power32(x, y):
    """The logarithm in float64: its error grows with y."""
    a = abs(x)
    m, e = _normal32(a)
    log2 = _log2_64(m, np.float64(e))
    log2 = select(a == INFINITY, np.inf, select(a == FLOAT32(0), -np.inf, log2))
    z = np.float64(y) * log2
    z = select((log2 == 0.0) | (y == FLOAT32(0)), 0.0, z)  # 1 ** inf, inf ** 0 are 1
    z = select(z > -300.0, z, -300.0)
    z = select(z < 300.0, z, 300.0)
    value = FLOAT32(_exp2_64(z))
    whole = floor(y) == y
    odd = whole & (floor(y * HALF) != y * HALF)
    value = select(sign_bit(x) & odd, -value, value)
    invalid = (x < FLOAT32(0)) & (a != INFINITY) & (a > FLOAT32(0)) & (floor(y) != y)
    value = select(invalid, FLOAT32(np.nan), value)
    value = select((x != x) | (y != y), x + y, value)
    return select((y == FLOAT32(0)) | (x == ONE), ONE, value)


TWO_OVER_PI = int(
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E0",
    16,
)
"""The first 320 bits of 2 / pi."""


def _quarter_turns() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """2 / pi modulo 4 of the last bit of a float32, by its biased exponent.

    In three pieces: those of 27 bits have exact products with a significand of 24 bits
    (Payne and Hanek 1983). NaN where the exponent says infinite or NaN.
    """
    table = np.empty((256, 3))
    table[255] = np.nan
    for field in range(255):
        # As a whole number of units 2 ** -320, without the multiples of 4.
        scaled = TWO_OVER_PI << max(0, field - 150) >> max(0, 150 - field)
        scaled &= (1 << 322) - 1
        width = scaled.bit_length()
        for piece in range(2):
            cut = max(0, width - 27 * (piece + 1))
            table[field, piece] = math.ldexp(scaled >> cut, cut - 320)
            scaled &= (1 << cut) - 1
        table[field, 2] = math.ldexp(
            scaled >> max(0, width - 108), max(0, width - 108) - 320
        )
    return table


TURNS_HIGH, TURNS_MIDDLE, TURNS_LOW = (
    np.ascontiguousarray(c) for c in _quarter_turns().T
)
COS0, COS1, COS2 = (
    np.float32(c)
    for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
)
SIN0, SIN1, SIN2 = (
    np.float32(c) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
)


@inlined
def _cos_of_quarters(n, rest):
    """cos((n + rest) * pi / 2) in float32, for a whole n and abs(rest) <= 1/2.

    Moshier's Cephes, sinf and cosf.
    """
    r = FLOAT32(rest * like(rest, math.pi / 2))
    z = r * r
    cosine = ((COS0 * z + COS1) * z + COS2) * (z * z) - HALF * z + ONE
    sine = ((SIN0 * z + SIN1) * z + SIN2) * (z * r) + r
    n = n - like(n, 4) * floor(n * like(n, 0.25))  # 0 cos, 1 -sin, 2 -cos, 3 sin
    one, two, three = n == like(n, 1), n == like(n, 2), n == like(n, 3)
    value = select(one | three, sine, cosine)
    return select(one | two, -value, value)


@inlined
def _cos32(x):
    a = abs(x)
    field = exponent(a)
    m = np.float64(significand(a)) * 2.0**23
    high = m * load(TURNS_HIGH, field)
    high = high - 4.0 * floor(high * 0.25)
    middle = m * load(TURNS_MIDDLE, field)
    near = (high + middle + ROUND64) - ROUND64
    return _cos_of_quarters(near, ((high - near) + middle) + m * load(TURNS_LOW, field))


@inlined
def _cos_of_turns32(x):
    quarters = FLOAT32(4) * x
    n = (quarters + ROUND32) - ROUND32
    return _cos_of_quarters(n, quarters - n)


@inlined
def _cos_of_turns64(x):
    return math.cos(2.0 * math.pi * x)


TANH0, TANH1, TANH2 = (
    np.float32(c) for c in (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2)
)
TANH3, TANH4 = (np.float32(c) for c in (1.33314422036e-1, -3.33332819422e-1))


@inlined
def _tanh32(x):
    """Moshier's Cephes, tanhf."""
    a, z = abs(x), x * x
    p = (((TANH0 * z + TANH1) * z + TANH2) * z + TANH3) * z + TANH4
    small = (p * z) * x + x
    large = ONE - TWO / (_exp32(a + a) + ONE)
    large = select(x < FLOAT32(0), -large, large)
    return select(a < FLOAT32(0.625), small, large)


def _by_type(stub: Any, of_float32: Any, of_float64: Any) -> None:
    """Let `stub` mean one function or another, by the type of its first argument."""
    options: Any = {**ARITHMETIC, "forceinline": True}
    if stub is power:

        @overload(stub, jit_options=options)
        def two(x, y):
            if x == types.float32:
                return lambda x, y: of_float32(x, y)
            return lambda x, y: of_float64(x, y)

    else:

        @overload(stub, jit_options=options)
        def one(x):
            if x == types.float32:
                return lambda x: of_float32(x)
            return lambda x: of_float64(x)


@inlined
def _power64(x, y):
    return x**y


@inlined
def _exp2_library(x):
    return 2.0**x


_by_type(exp, _exp32, math.exp)
_by_type(exp2, _exp2_32, _exp2_library)
_by_type(log, _log32, math.log)
_by_type(power, _power32, _power64)
_by_type(cos, _cos32, math.cos)
_by_type(tanh, _tanh32, math.tanh)


def cos_of_turns(x: Any) -> Any:
    """cos(2 * pi * x), for x in [0, 1)."""


_by_type(cos_of_turns, _cos_of_turns32, _cos_of_turns64)
