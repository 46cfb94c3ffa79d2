"""Whole trainings as compiled code: networks, losses and rules in one core's cache.

Knows memory as one array of numbers and where everything lies in it; refuses to know
tasks, torch and rules as anything but integers. It is longer than a file should be
because numba's cache watches a single file: whatever is compiled stands in this one,
and nothing that it imports may change what is compiled.

Everything is laid out with examples side by side: activations are (width, batch), so
that a vector holds one unit's values for several examples, whatever the widths are.
Weights are (out, in) and flat, as torch has them, and random bits are numbered so.

Loads and stores are unchecked; a test compares all gradients with torch's. Fused
multiply-add is the only liberty taken with arithmetic: infinities and NaN are results
here, since random rules produce both.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import overload

Function = TypeVar("Function", bound=Callable[..., Any])

GRADIENT, PARAMETER, FIRST_STATE = 0, 1, 2
"""Rows of memory, as in `bytecode`."""

ALIGNMENT = 16
"""Elements; every region of memory begins at a multiple of it, and the number of
elements of a row, and of examples side by side, is one."""

BLOCK = 512
"""Elements that an instruction of a rule treats at a time: all its registers stay in
the first-level cache, and the choice of the instruction costs little."""


def _compiled(**options: Any) -> Callable[[Function], Function]:
    """numba's decorator with the arithmetic of this file, typed."""
    chosen = {"error_model": "numpy", "fastmath": {"contract"}, **options}

    def decorate(function: Function) -> Function:
        made: Function = numba.njit(**chosen)(function)
        return made

    return decorate


compiled = _compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)
once = _compiled(inline="always")
inlined = _compiled(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(function: Function) -> Function:
    """Compiled without Python's lock, and kept on disk where that can be written."""
    try:
        return _compiled(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no folder for its cache
        return _compiled(nogil=True)(function)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's decorator of functions that write LLVM code, typed."""
    made: Callable[..., Any] = numba_intrinsic(function)
    return made


# ------------------------------------------------------------------ memory and numbers


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any
) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index], inbounds=True)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """array[index], unchecked."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_pointer(context, builder, array, *values))

    return array.dtype(array, types.int64), code


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index] = value, unchecked, in the array's own type."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _pointer(context, builder, array, *values[:2]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), code


@intrinsic
def number(typing: Any, array: Any, value: Any) -> Any:
    """A float or an integer in the type of the array's elements."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return values[1]

    return array.dtype(array, array.dtype), code


@intrinsic
def like(typing: Any, x: Any, value: Any) -> Any:
    """A number in the type of x."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return values[1]

    return x(x, x), code


@intrinsic
def select(typing: Any, condition: Any, x: Any, y: Any) -> Any:
    """x if condition else y, without a branch; both are computed."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        chosen = context.cast(builder, values[0], condition, types.boolean)
        return builder.select(
            cgutils.as_bool_bit(builder, chosen), values[1], values[2]
        )

    return x(condition, x, x), code


def _unary_llvm(name: str) -> Callable[..., Any]:
    """An LLVM function of one float that keeps its type."""

    def make(typing: Any, x: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = values[0].type
            function = builder.module.declare_intrinsic(f"llvm.{name}", [kind])
            return builder.call(function, values)

        return x(x), code

    make.__name__ = name
    return intrinsic(make)


sqrt = _unary_llvm("sqrt")
floor = _unary_llvm("floor")


def _float_parts(x: Any) -> tuple[Any, int, int]:
    """Integer type, bits of the fraction and bias of a float type."""
    if x == types.float32:
        return ir.IntType(32), 23, 127
    return ir.IntType(64), 52, 1023


@intrinsic
def truncated_remainder(typing: Any, x: Any, y: Any) -> Any:
    """C's fmod: exact, with the sign of x; NaN for y = 0."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.frem(*values)

    return x(x, x), code


@intrinsic
def power_of_two(typing: Any, n: Any) -> Any:
    """2 ** n, for a whole number n in the range of normal exponents."""
    integer, fraction, bias = _float_parts(n)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = builder.fptosi(values[0], ir.IntType(32))
        if integer.width == 64:
            whole = builder.sext(whole, integer)
        biased = builder.add(whole, integer(bias))
        shifted = builder.shl(biased, integer(fraction))
        return builder.bitcast(shifted, values[0].type)

    return n(n), code


@intrinsic
def exponent(typing: Any, x: Any) -> Any:
    """The biased exponent of a float32 that is not negative, an int32."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(values[0], ir.IntType(32))
        return builder.lshr(bits, ir.IntType(32)(23))

    return types.int32(types.float32), code


@intrinsic
def significand(typing: Any, x: Any) -> Any:
    """The significand of a float32, in [1, 2)."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        integer = ir.IntType(32)
        bits = builder.bitcast(values[0], integer)
        fraction = builder.and_(bits, integer(0x7FFFFF))
        return builder.bitcast(
            builder.or_(fraction, integer(0x3F800000)), ir.FloatType()
        )

    return types.float32(types.float32), code


@intrinsic
def sign_bit(typing: Any, x: Any) -> Any:
    """Whether a float32 is negative, -0 included."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(values[0], ir.IntType(32))
        negative = builder.icmp_signed("<", bits, ir.IntType(32)(0))
        return context.cast(builder, negative, types.boolean, types.boolean)

    return types.boolean(types.float32), code


@intrinsic
def widest_vectors(typing: Any) -> Any:
    """Let LLVM use 512 bits in the function that calls this, where there are any.

    It prefers 256 on processors whose clock fell at 512 when they were new.
    """

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        attributes = builder.function.attributes
        set.add(attributes, '"prefer-vector-width"="512"')  # llvmlite knows no others
        return context.get_dummy_value()

    return types.void(), code


# ------------------------------------------------------------ functions of one element
# Every function is free of branches, so that LLVM turns a loop over it into vectors.
# float32 has polynomials of its own: libraries treat one number at a time, and the
# vector ones fall back to that for infinities and NaN. float64, in which engines are
# compared, takes the library.


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
    """log2 of m * 2 ** e in float64, to 1e-12, by the series of artanh."""
    m = np.float64(m)
    near = np.float64(ONE / FLOAT32(m + 1.0))  # a float64 division is four times slower
    s = (m - 1.0) * (near * (2.0 - (m + 1.0) * near))
    z = s * s
    p = 1 / 15 * z + 1 / 13
    p = ((((p * z + 1 / 11) * z + 1 / 9) * z + 1 / 7) * z + 1 / 5) * z + 1 / 3
    return (2.0 / math.log(2.0)) * (s * z * p + s) + e


EXP2_64 = tuple(math.log(2.0) ** n / math.factorial(n) for n in range(11))
Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10 = EXP2_64[1:]


@inlined
def _exp2_64(x):
    """2 ** x in float64, to 1e-12, for abs(x) <= 1000."""
    n = (x + ROUND64) - ROUND64
    r = x - n
    p = (((Q10 * r + Q9) * r + Q8) * r + Q7) * r + Q6
    p = (((((p * r + Q5) * r + Q4) * r + Q3) * r + Q2) * r + Q1) * r + 1.0
    return p * power_of_two(n)


@inlined
def _power32(x, y):
    """Through float64: the error of a logarithm grows with y."""
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
    options: Any = {
        "error_model": "numpy",
        "forceinline": True,
        "fastmath": {"contract"},
    }
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


# ------------------------------------------------------------------------- random bits

MIX1, MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
GOLDEN64 = np.uint64(0x9E3779B97F4A7C15)
SHIFT30, SHIFT27, SHIFT31 = np.uint64(30), np.uint64(27), np.uint64(31)


@compiled
def absorb(state, counter):
    """The hash of counters, one counter later (`counter_hash.counter_key`), uint64."""
    state = state + np.uint64(counter) + GOLDEN64
    state = (state ^ (state >> SHIFT30)) * MIX1
    state = (state ^ (state >> SHIFT27)) * MIX2
    return state ^ (state >> SHIFT31)


@intrinsic
def random_bits(typing: Any, key: Any, element: Any) -> Any:
    """24 random bits of an element (`counter_hash.counter_bits`), an int32."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        integer = ir.IntType(32)
        low = builder.trunc(values[0], integer)
        high = builder.trunc(builder.lshr(values[0], values[0].type(32)), integer)
        word = builder.trunc(values[1], integer)
        for half in (low, high):
            word = builder.add(builder.mul(word, integer(GOLDEN32)), half)
            for shift, factor in MURMUR:
                word = builder.xor(word, builder.lshr(word, integer(shift)))
                word = builder.mul(word, integer(factor))
            word = builder.xor(word, builder.lshr(word, integer(16)))
        return builder.lshr(word, integer(8))

    return types.int32(types.uint64, types.int64), code


@inlined
def uniform(memory, key, element):
    """A multiple of 2**-24 in [0, 1), in the type of memory."""
    return number(memory, random_bits(key, element)) * number(memory, 2.0**-24)


@inlined
def normal(memory, key, other, element):
    """N(0, 1) by Box and Muller 1958."""
    radius = uniform(memory, key, element) + number(memory, 2.0**-25)
    angle = cos_of_turns(uniform(memory, other, element))
    return sqrt(number(memory, -2.0) * log(radius)) * angle


# ---- generated by neuralopt.machine.generate: do not edit from here
GOLDEN32 = 0x9E3779B9
MURMUR = ((16, 0x85EBCA6B), (13, 0xC2B2AE35))


@compiled
def operate(memory, opcode, out, x, y, count, state, stream, first, rate):
    """One instruction on `count` elements, of which `first` is the first.

    out, x, y: where they are in memory. state: the hash of all counters
    up to the step.
    """
    widest_vectors()
    if opcode == 0:  # add
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a + b)
    elif opcode == 1:  # subtract
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a - b)
    elif opcode == 2:  # multiply
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a * b)
    elif opcode == 3:  # divide
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a / b)
    elif opcode == 4:  # remainder
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, remainder(a, b))
    elif opcode == 5:  # negative
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, -a)
    elif opcode == 6:  # power
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, power(a, b))
    elif opcode == 7:  # sign
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, sign(a))
    elif opcode == 8:  # exp
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, exp(a))
    elif opcode == 9:  # exp2
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, exp2(a))
    elif opcode == 10:  # cos
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, cos(a))
    elif opcode == 11:  # tanh
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, tanh(a))
    elif opcode == 12:  # abs
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, abs(a))
    elif opcode == 13:  # log
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, log(abs(a)))
    elif opcode == 14:  # sqrt
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, sqrt(abs(a)))
    elif opcode == 15:  # min
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, minimum(a, b))
    elif opcode == 16:  # max
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, maximum(a, b))
    elif opcode == 17:  # clip
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, minimum(maximum(a, -b), b))
    elif opcode == 18:  # drop
        key = absorb(absorb(state, stream), 0)
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            bits = uniform(memory, key, first + i)
            store(memory, out + i, dropped(a, b, bits))
    elif opcode == 19:  # noise
        key = absorb(absorb(state, stream), 0)
        other = absorb(absorb(state, stream), 1)
        for i in range(count):
            a = load(memory, x + i)
            bits = normal(memory, key, other, first + i)
            store(memory, out + i, a * bits)
    elif opcode == 20:  # copy
        for i in range(count):
            store(memory, out + i, load(memory, x + i))
    elif opcode == 21:  # descend
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, load(memory, out + i) - rate * a)


# ---- to here


# --------------------------------------------------------------- products of matrices
# A product is made tile by tile: some rows by some vectors of columns are summed in
# registers, over the whole depth, before anything is stored. Written as LLVM vectors,
# it becomes AVX-512, AVX2, SSE or NEON.


def _machine() -> tuple[int, dict[int, int]]:
    """Bytes of a vector; rows of the tallest tile of 4, 2 and 1 vectors of columns."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, {4: 4, 2: 8, 1: 8}
    if features.get("avx"):
        return 32, {4: 2, 2: 4, 1: 8}
    arm = llvmlite.binding.get_process_triple().startswith(("aarch64", "arm64"))
    return 16, {4: 4, 2: 8, 1: 8} if arm else {4: 2, 2: 4, 1: 8}


VECTOR_BYTES, TALLEST = _machine()
WORD = ir.IntType(64)


class _Vectors:
    """Writes loads and stores of vectors of an array."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any) -> None:
        self.builder = builder
        self.bytes = 4 if array_type.dtype == types.float32 else 8
        self.element = ir.FloatType() if self.bytes == 4 else ir.DoubleType()
        self.lanes = VECTOR_BYTES // self.bytes
        self.type = ir.VectorType(self.element, self.lanes)
        self.data = context.make_array(array_type)(context, builder, array).data

    def index(self, start: Any, *products: tuple[Any, Any]) -> Any:
        """start + a * b + ..., of integers of Python or LLVM."""
        for pair in products:
            a, b = (WORD(n) if isinstance(n, int) else n for n in pair)
            start = self.builder.add(start, self.builder.mul(a, b))
        return start

    def spread(self, index: Any) -> Any:
        """A vector of one number of the array in all lanes."""
        value = self.builder.load(self.builder.gep(self.data, [index], inbounds=True))
        nothing = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, zeros)

    def pointer(self, index: Any) -> Any:
        pointer = self.builder.gep(self.data, [index], inbounds=True)
        return self.builder.bitcast(pointer, self.type.as_pointer())

    def load(self, index: Any) -> Any:
        return self.builder.load(self.pointer(index), align=self.bytes, typ=self.type)

    def store(self, vector: Any, index: Any) -> None:
        self.builder.store(vector, self.pointer(index), align=self.bytes)

    def store_some(self, vector: Any, index: Any, count: Any) -> None:
        """Store the first `count` lanes alone."""
        builder, bits = self.builder, ir.VectorType(ir.IntType(1), self.lanes)
        mask = ir.Constant(bits, ir.Undefined)
        for lane in range(self.lanes):
            inside = builder.icmp_signed(">", count, WORD(lane))
            mask = builder.insert_element(mask, inside, ir.IntType(32)(lane))
        pointer = self.pointer(index)
        kind = ir.FunctionType(
            ir.VoidType(), [self.type, pointer.type, ir.IntType(32), bits]
        )
        name = f"llvm.masked.store.v{self.lanes}f{8 * self.bytes}.p0"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        align = ir.IntType(32)(self.bytes)
        builder.call(function, [vector, pointer, align, mask])

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        product = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fadd(c, product, flags=("contract",))

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        numbers = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
        return self.builder.shuffle_vector(a, b, numbers)


def _tile(rows: int, vectors: int) -> Callable[..., Any]:
    """A tile of a product, `rows` by `vectors` vectors of columns.

    memory[out + row * out_stride + column] =
        memory[bias + row * bias_stride]
        + sum over k < depth of memory[scalar + row * scalar_row + k * scalar_depth]
                                * array[vector + k * vector_stride + column]

    Of the last vector the first `count` columns are stored, the others are not.
    """

    def tile(
        typing: Any,
        memory: Any,
        out: Any,
        out_stride: Any,
        depth: Any,
        scalar: Any,
        scalar_row: Any,
        scalar_depth: Any,
        array: Any,
        vector: Any,
        vector_stride: Any,
        bias: Any,
        bias_stride: Any,
        count: Any,
    ) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            out, out_stride, depth, scalar, scalar_row, scalar_depth = values[1:7]
            vector, vector_stride, bias, bias_stride, count = values[8:]
            own = _Vectors(context, builder, memory, values[0])
            other = _Vectors(context, builder, array, values[7])
            sums = [
                [cgutils.alloca_once(builder, own.type) for _ in range(vectors)]
                for _ in range(rows)
            ]
            for row, line in enumerate(sums):
                initial = own.spread(own.index(bias, (row, bias_stride)))
                for place in line:
                    builder.store(initial, place)
            with cgutils.for_range(builder, depth) as loop:
                start = other.index(vector, (loop.index, vector_stride))
                columns = [
                    other.load(other.index(start, (number, other.lanes)))
                    for number in range(vectors)
                ]
                start = own.index(scalar, (loop.index, scalar_depth))
                for row, line in enumerate(sums):
                    factor = own.spread(own.index(start, (row, scalar_row)))
                    for place, column in zip(line, columns, strict=True):
                        total = own.multiply_add(factor, column, builder.load(place))
                        builder.store(total, place)
            for row, line in enumerate(sums):
                start = own.index(out, (row, out_stride))
                for number, place in enumerate(line[:-1]):
                    own.store(
                        builder.load(place), own.index(start, (number, own.lanes))
                    )
                last = own.index(start, (vectors - 1, own.lanes))
                if vectors == 1:
                    own.store_some(builder.load(line[-1]), last, count)
                else:
                    own.store(builder.load(line[-1]), last)
            return context.get_dummy_value()

        integer = types.int64
        return types.void(memory, *[integer] * 6, array, *[integer] * 5), code

    return intrinsic(tile)


def _panel(vectors: int) -> Callable[..., Any]:
    """All rows of a product, for `vectors` vectors of its columns."""
    sizes = [max(1, TALLEST[vectors] >> halvings) for halvings in range(4)]
    size0, size1, size2, _ = sizes
    tile0, tile1, tile2, tile3 = (_tile(size, vectors) for size in sizes)

    @compiled
    def panel(
        memory, out, out_stride, rows, depth, scalar, scalar_row, scalar_depth,
        array, vector, vector_stride, bias, bias_stride, count,
    ):  # fmt: skip
        row = 0
        while rows - row >= size0:
            tile0(memory, out + row * out_stride, out_stride, depth,
                  scalar + row * scalar_row, scalar_row, scalar_depth,
                  array, vector, vector_stride,
                  bias + row * bias_stride, bias_stride, count)  # fmt: skip
            row += size0
        while rows - row >= size1:
            tile1(memory, out + row * out_stride, out_stride, depth,
                  scalar + row * scalar_row, scalar_row, scalar_depth,
                  array, vector, vector_stride,
                  bias + row * bias_stride, bias_stride, count)  # fmt: skip
            row += size1
        while rows - row >= size2:
            tile2(memory, out + row * out_stride, out_stride, depth,
                  scalar + row * scalar_row, scalar_row, scalar_depth,
                  array, vector, vector_stride,
                  bias + row * bias_stride, bias_stride, count)  # fmt: skip
            row += size2
        while row < rows:
            tile3(memory, out + row * out_stride, out_stride, depth,
                  scalar + row * scalar_row, scalar_row, scalar_depth,
                  array, vector, vector_stride,
                  bias + row * bias_stride, bias_stride, count)  # fmt: skip
            row += 1

    return panel


panel4, panel2, panel1 = _panel(4), _panel(2), _panel(1)


@intrinsic
def vector_length(typing: Any, array: Any) -> Any:
    """Elements of the array in a vector."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return WORD(_Vectors(context, builder, array, values[0]).lanes)

    return types.int64(array), code


@compiled
def product(
    memory, out, out_stride, rows, columns, depth, scalar, scalar_row, scalar_depth,
    array, vector, vector_stride, bias, bias_stride,
):  # fmt: skip
    """A matrix (rows, columns) into memory, as `_tile` says, of any size."""
    lanes = vector_length(memory)
    column = 0
    while columns - column >= 4 * lanes:
        panel4(memory, out + column, out_stride, rows, depth, scalar, scalar_row,
               scalar_depth, array, vector + column, vector_stride, bias, bias_stride,
               lanes)  # fmt: skip
        column += 4 * lanes
    if columns - column >= 2 * lanes:
        panel2(memory, out + column, out_stride, rows, depth, scalar, scalar_row,
               scalar_depth, array, vector + column, vector_stride, bias, bias_stride,
               lanes)  # fmt: skip
        column += 2 * lanes
    while column < columns:
        panel1(memory, out + column, out_stride, rows, depth, scalar, scalar_row,
               scalar_depth, array, vector + column, vector_stride, bias, bias_stride,
               min(lanes, columns - column))  # fmt: skip
        column += lanes


@intrinsic
def transpose_tile(
    typing: Any, memory: Any, source: Any, width: Any, target: Any, height: Any
) -> Any:
    """A square of vectors; width and height are strides of the source and the target.

    Interleaving row i with row i + half, once for each halving, transposes it.
    """

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = _Vectors(context, builder, memory, values[0])
        lanes, (_, source, width, target, height) = own.lanes, values
        half = lanes // 2
        lower = [n // 2 + lanes * (n % 2) for n in range(lanes)]
        upper = [n + half for n in lower]
        rows = [own.load(own.index(source, (row, width))) for row in range(lanes)]
        for _ in range(half.bit_length()):
            rows = [
                own.shuffle(rows[row], rows[row + half], order)
                for row in range(half)
                for order in (lower, upper)
            ]
        for row, vector in enumerate(rows):
            own.store(vector, own.index(target, (row, height)))
        return context.get_dummy_value()

    return types.void(memory, *[types.int64] * 4), code


@compiled
def transpose(memory, source, width, target, height):
    """(height, width) to (width, height), both multiples of ALIGNMENT."""
    lanes = vector_length(memory)
    for row in range(0, height, lanes):
        for column in range(0, width, lanes):
            transpose_tile(
                memory,
                source + row * width + column,
                width,
                target + column * height + row,
                height,
            )


@intrinsic
def row_sum(typing: Any, memory: Any, start: Any, count: Any) -> Any:
    """The sum of `count` elements, a multiple of ALIGNMENT."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = _Vectors(context, builder, memory, values[0])
        place = cgutils.alloca_once_value(
            builder, ir.Constant(own.type, [0.0] * own.lanes)
        )
        builder.store(ir.Constant(own.type, [0.0] * own.lanes), place)
        vectors = builder.sdiv(values[2], WORD(own.lanes))
        with cgutils.for_range(builder, vectors) as loop:
            vector = own.load(own.index(values[1], (loop.index, own.lanes)))
            builder.store(builder.fadd(builder.load(place), vector), place)
        total, lanes = builder.load(place), own.lanes
        while lanes > 1:
            lanes //= 2
            low = own.shuffle(total, total, list(range(lanes)))
            high = own.shuffle(total, total, list(range(lanes, 2 * lanes)))
            total = builder.fadd(low, high)
        return builder.extract_element(total, ir.IntType(32)(0))

    return memory.dtype(memory, types.int64, types.int64), code


# ------------------------------------------------------------- fully connected networks

RELU, TANH, SIGMOID = 0, 1, 2
ACTIVATIONS = {"relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}
WEIGHT, BIAS, VALUES, DELTAS = 0, 1, 2, 3
ROW, BLOCKS, ZERO, TRANSPOSED, SUMS = 0, 1, 2, 3, 4

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Floats = np.ndarray[tuple[int, ...], np.dtype[Any]]


class Network(NamedTuple):
    """Where a fully connected network and its rule stand in memory.

    layers: (layers, 4), of each the beginning of its weights and of its bias in a row
    of parameters, and of its values and deltas, (width, lanes), in memory.
    places: length of a row, first block, a zero, room for one layer's values
    transposed, room for three sums of every example.
    batch: examples a step. lanes: the next multiple of ALIGNMENT, filled with zeros.
    """

    widths: Integers
    layers: Integers
    places: Integers
    activation: int
    batch: int
    lanes: int


class Examples(NamedTuple):
    """Groups of examples, one after another in flat arrays.

    columns: of each group the inputs (width, lanes). rows: the same inputs (batch,
    width padded to ALIGNMENT), for training alone. targets: class numbers (lanes,).
    """

    columns: Floats
    rows: Floats
    targets: Integers


class Rules(NamedTuple):
    """Bytecode of several rules, one after another.

    code: (lines, 5), as in Bytecode. spans: (rules, 7): first and last line, states,
    first constant and how many, first number in tables and how many a step.
    """

    code: Integers
    spans: Integers
    constants: Floats
    tables: Floats


def padded(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def network_of(
    widths: Sequence[int], activation: str, batch: int, states: int, blocks: int
) -> tuple[Network, int]:
    """A network's places, for rules of so many states and blocks, and their size."""
    lanes, layers, parameters = padded(batch), [], 0
    for inputs, outputs in itertools.pairwise(widths):
        bias = parameters + inputs * outputs
        layers.append([parameters, bias, 0, 0])
        parameters = bias + outputs
    row = padded(parameters)
    size = (2 + states) * row
    places = [row, size]
    size += blocks * BLOCK
    widest = padded(max(widths))
    for room in (ALIGNMENT, widest * lanes, 3 * lanes):
        places.append(size)
        size += room
    for layer, width in zip(layers, widths[1:], strict=True):
        layer[VALUES], layer[DELTAS] = size, size + padded(width) * lanes
        size += 2 * padded(width) * lanes
    network = Network(
        np.array(widths, np.int64),
        np.array(layers, np.int64),
        np.array(places, np.int64),
        ACTIVATIONS[activation],
        batch,
        lanes,
    )
    return network, size


@compiled
def activate(memory, start, count, activation):
    """Apply an activation to `count` elements in place."""
    if activation == RELU:
        for i in range(start, start + count):
            z = load(memory, i)
            store(memory, i, select(z < like(z, 0), like(z, 0), z))  # NaN stays
    elif activation == TANH:
        for i in range(start, start + count):
            store(memory, i, tanh(load(memory, i)))
    else:
        for i in range(start, start + count):
            z = load(memory, i)
            store(memory, i, like(z, 1) / (like(z, 1) + exp(-z)))


@compiled
def multiply_by_slope(memory, deltas, values, count, activation):
    """Multiply deltas by the activation's derivative, known from its values."""
    if activation == RELU:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, select(a > like(a, 0), d, like(d, 0)))
    elif activation == TANH:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, d * (like(a, 1) - a * a))
    else:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, d * (a * (like(a, 1) - a)))


@compiled
def forward(memory, network, columns, group):
    """Values of all layers for a group of examples."""
    widths, layers, lanes = network.widths, network.layers, network.lanes
    weights = network.places[ROW] * PARAMETER
    count, one = len(layers), np.int64(1)  # of a literal, numba would compile a copy
    for layer in range(count):
        inputs, outputs = widths[layer], widths[layer + 1]
        weight, bias = weights + layers[layer, WEIGHT], weights + layers[layer, BIAS]
        values = layers[layer, VALUES]
        if layer == 0:
            product(memory, values, lanes, outputs, lanes, inputs, weight, inputs, one,
                    columns, group * inputs * lanes, lanes, bias, one)  # fmt: skip
        else:
            product(memory, values, lanes, outputs, lanes, inputs, weight, inputs, one,
                    memory, layers[layer - 1, VALUES], lanes, bias, one)  # fmt: skip
        if layer + 1 < count:
            activate(memory, values, outputs * lanes, network.activation)


@compiled
def cross_entropy(memory, network, targets, group, batch):
    """The sum of the losses of a group, of which `batch` are examples.

    Leaves exp(output - largest) of every output in the deltas of the last layer, and
    of each example the largest output, the sum of those, and its logarithm.
    """
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, deltas = network.layers[last, VALUES], network.layers[last, DELTAS]
    top, total = network.places[SUMS], network.places[SUMS] + lanes
    logarithm = total + lanes
    for i in range(lanes):
        store(memory, top + i, load(memory, outputs + i))
        store(memory, total + i, number(memory, 0))
    for row in range(1, network.widths[last + 1]):
        z = outputs + row * lanes
        for i in range(lanes):
            a, b = load(memory, z + i), load(memory, top + i)
            store(memory, top + i, select(a > b, a, b))
    for row in range(network.widths[last + 1]):
        z, d = outputs + row * lanes, deltas + row * lanes
        for i in range(lanes):
            e = exp(load(memory, z + i) - load(memory, top + i))
            store(memory, d + i, e)
            store(memory, total + i, load(memory, total + i) + e)
    for i in range(lanes):
        store(memory, logarithm + i, log(load(memory, total + i)))
    loss = 0.0
    for i in range(batch):
        chosen = load(memory, outputs + load(targets, group * lanes + i) * lanes + i)
        loss += (load(memory, top + i) - chosen) + load(memory, logarithm + i)
    return loss


@once
def softmax_deltas(memory, network, targets, group):
    """Make of the exponentials the derivatives of the mean loss by the outputs."""
    last, lanes, batch = len(network.layers) - 1, network.lanes, network.batch
    deltas, scale = network.layers[last, DELTAS], network.places[SUMS] + lanes
    share = number(memory, 1) / number(memory, batch)
    for i in range(lanes):
        store(memory, scale + i, share / load(memory, scale + i))
    for row in range(network.widths[last + 1]):
        d = deltas + row * lanes
        for i in range(lanes):
            store(memory, d + i, load(memory, d + i) * load(memory, scale + i))
        for i in range(batch, lanes):  # no examples
            store(memory, d + i, number(memory, 0))
    for i in range(batch):
        place = deltas + load(targets, group * lanes + i) * lanes + i
        store(memory, place, load(memory, place) - share)


@once
def backward(memory, network, rows, group):
    """Gradients of all parameters from the deltas of the outputs."""
    widths, layers, places = network.widths, network.layers, network.places
    lanes, batch, zero = network.lanes, network.batch, places[ZERO]
    weights, gradients = places[ROW] * PARAMETER, places[ROW] * GRADIENT
    one, none = np.int64(1), np.int64(0)
    for layer in range(len(layers) - 1, -1, -1):
        inputs, outputs = widths[layer], widths[layer + 1]
        weight, bias = layers[layer, WEIGHT], layers[layer, BIAS]
        deltas = layers[layer, DELTAS]
        width = (inputs + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        if layer == 0:
            product(memory, gradients + weight, inputs, outputs, inputs, batch,
                    deltas, lanes, one, rows, group * batch * width, width,
                    zero, none)  # fmt: skip
        else:
            values, below = layers[layer - 1, VALUES], layers[layer - 1, DELTAS]
            transpose(memory, values, lanes, places[TRANSPOSED], width)
            product(memory, gradients + weight, inputs, outputs, inputs, batch,
                    deltas, lanes, one, memory, places[TRANSPOSED], width,
                    zero, none)  # fmt: skip
            product(memory, below, lanes, inputs, lanes, outputs, weights + weight, one,
                    inputs, memory, deltas, lanes, zero, none)  # fmt: skip
            multiply_by_slope(memory, below, values, inputs * lanes, network.activation)
        for row in range(outputs):
            total = row_sum(memory, deltas + row * lanes, lanes)
            store(memory, gradients + bias + row, total)


# ---------------------------------------------------------------------- whole trainings


@compiled
def fill(memory, start, count, value):
    for i in range(start, start + count):
        store(memory, i, number(memory, value))


@once
def run_rule(memory, network, rules, rule, rate, state):
    """One step of a rule on all parameters. state: the hash of all counters so far."""
    row, blocks = network.places[ROW], network.places[BLOCKS] - BLOCK
    code, first, last = rules.code, rules.spans[rule, 0], rules.spans[rule, 1]
    for start in range(0, row, BLOCK):
        for line in range(first, last):
            out, x, y = code[line, 1], code[line, 2], code[line, 3]
            operate(
                memory,
                code[line, 0],
                out * row + start if out >= 0 else blocks - out * BLOCK,
                x * row + start if x >= 0 else blocks - x * BLOCK,
                y * row + start if y >= 0 else blocks - y * BLOCK,
                min(BLOCK, row - start),
                state,
                code[line, 4],
                start,
                rate,
            )


@once
def prepare(memory, network, rules, rule, initial):
    """Initial parameters, no gradient, states of zero, and the rule's constants."""
    row, span = network.places[ROW], rules.spans[rule]
    fill(memory, 0, (FIRST_STATE + span[2]) * row, 0.0)
    fill(memory, network.places[ZERO], ALIGNMENT, 0.0)
    for i in range(len(initial)):
        store(memory, PARAMETER * row + i, load(initial, i))
    for i in range(span[4]):
        value = rules.constants[span[3] + i]
        fill(memory, network.places[BLOCKS] + i * BLOCK, BLOCK, value)


@once
def prepare_step(memory, network, rules, rule, step):
    """The rule's scalars at a step."""
    span = rules.spans[rule]
    first = network.places[BLOCKS] + span[4] * BLOCK
    for i in range(span[6]):
        value = rules.tables[span[5] + step * span[6] + i]
        fill(memory, first + i * BLOCK, BLOCK, value)


@once
def all_finite(memory, start, count):
    wrong = 0
    for i in range(start, start + count):
        x = load(memory, i)
        wrong += x - x != like(x, 0)
    return wrong == 0


@once
def train_child(memory, network, data, rules, rule, rate, initial, replicate, losses):
    """Train to the end, or to the first loss that is not finite.

    replicate: the hash of seed and replicate. losses: (steps,), written: the mean loss
    of each step. Returns whether all losses and all weights at the end are finite.
    """
    prepare(memory, network, rules, rule, initial)
    for step in range(len(losses)):
        forward(memory, network, data.columns, step)
        # In the type of memory, so that what overflows there is infinite.
        total = number(
            memory, cross_entropy(memory, network, data.targets, step, network.batch)
        )
        losses[step] = total / number(memory, network.batch)
        if not math.isfinite(losses[step]):
            return False
        softmax_deltas(memory, network, data.targets, step)
        backward(memory, network, data.rows, step)
        prepare_step(memory, network, rules, rule, step)
        run_rule(memory, network, rules, rule, rate, absorb(replicate, step))
    return all_finite(memory, PARAMETER * network.places[ROW], len(initial))


@once
def right_answers(memory, network, targets, group, batch):
    """How many of the group's examples have their largest output where it belongs."""
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, right = network.layers[last, VALUES], 0
    for i in range(batch):
        best = 0
        for row in range(1, network.widths[last + 1]):
            here = load(memory, outputs + row * lanes + i)
            if here > load(memory, outputs + best * lanes + i):
                best = row
        right += best == load(targets, group * lanes + i)
    return right


@once
def measure(memory, network, held, first, count):
    """Mean loss and share of right answers of `count` examples from a group on."""
    loss, right, group, left = 0.0, 0, first, count
    while left > 0:
        batch = min(left, network.lanes)
        forward(memory, network, held.columns, group)
        loss += cross_entropy(memory, network, held.targets, group, batch)
        right += right_answers(memory, network, held.targets, group, batch)
        left -= batch
        group += 1
    return loss / count, right / count


@entry
def train(
    memory, network, data, held, parts, rules, initial, replicate, chosen, rates,
    losses, measures, finished, first, last,
):  # fmt: skip
    """Train children first to last - 1, all of one replicate, one after another.

    memory: room for one child, its values of no matter. parts: (parts, 2), the first
    group of each held-out part and the number of its examples. initial: parameters.
    chosen: number of each child's rule. rates: learning rates, in memory's type.
    losses: (children, steps), NaN where not run. measures: (children, parts, 2),
    loss and accuracy. finished: (children,), whether all losses and weights are finite;
    otherwise nothing is measured.
    """
    for child in range(first, last):
        losses[child] = np.nan
        measures[child] = np.nan
        finished[child] = train_child(
            memory, network, data, rules, chosen[child], rates[child], initial,
            replicate, losses[child],
        )  # fmt: skip
        if finished[child]:
            for part in range(len(parts)):
                loss, right = measure(
                    memory, network, held, parts[part, 0], parts[part, 1]
                )
                measures[child, part, 0], measures[child, part, 1] = loss, right
