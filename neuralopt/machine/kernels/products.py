"""Products of matrices, and sums and products of rows."""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils

from neuralopt.machine.kernels.compiling import compiled, intrinsic
from neuralopt.machine.kernels.vectors import (
    TALLEST,
    Vectors,
    emit_tile,
    vector_length,
    vectors_of,
)


def _tile(rows: int, vectors: int) -> Callable[..., Any]:
    """A tile of a product, `rows` by `vectors` vectors of columns.

    memory[out + row * out_stride + column] =
        memory[bias + row * bias_stride]
        + sum over k < depth of memory[scalar + row * scalar_row + k * scalar_depth]
                                * array[vector + k * vector_stride + column]
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
            own = Vectors(context, builder, memory, values[0])
            other = Vectors(context, builder, array, values[7])
            emit_tile(
                own,
                rows,
                vectors,
                depth,
                lambda row, k: own.spread(
                    own.index(scalar, (k, scalar_depth), (row, scalar_row))
                ),
                lambda number, k: other.load(
                    other.index(vector, (k, vector_stride), (number, other.lanes))
                ),
                lambda row: own.spread(own.index(bias, (row, bias_stride))),
                lambda row, number: own.index(
                    out, (row, out_stride), (number, own.lanes)
                ),
                count,
            )
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
        own = Vectors(context, builder, memory, values[0])
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
        own = Vectors(context, builder, memory, values[0])
        total = cgutils.alloca_once(builder, own.type)
        builder.store(own.zero(), total)
        with cgutils.for_range(builder, vectors_of(own, values[2])) as loop:
            vector = own.load(own.index(values[1], (loop.index, own.lanes)))
            builder.store(builder.fadd(builder.load(total), vector), total)
        return own.sum(builder.load(total))

    return memory.dtype(memory, types.int64, types.int64), code


@intrinsic
def row_product(typing: Any, memory: Any, one: Any, other: Any, count: Any) -> Any:
    """The scalar product of two rows of `count` elements, a multiple of ALIGNMENT."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = Vectors(context, builder, memory, values[0])
        total = cgutils.alloca_once(builder, own.type)
        builder.store(own.zero(), total)
        with cgutils.for_range(builder, vectors_of(own, values[3])) as loop:
            a, b = (
                own.load(own.index(start, (loop.index, own.lanes)))
                for start in values[1:3]
            )
            builder.store(own.multiply_add(a, b, builder.load(total)), total)
        return own.sum(builder.load(total))

    return memory.dtype(memory, types.int64, types.int64, types.int64), code
