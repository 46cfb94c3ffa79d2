"""One array of numbers as memory, and a number's bits.

LLVM makes vectors of loops over these instructions, which are free of branches. Loads
and stores are unchecked: a test compares all gradients with torch's.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from neuralopt.machine.kernels.compiling import intrinsic


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
