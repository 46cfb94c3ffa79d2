"""Products over places that a table lists, as convolutions need them."""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils

from neuralopt.machine.kernels.compiling import compiled, intrinsic
from neuralopt.machine.kernels.vectors import (
    TALLEST,
    WORD,
    Vectors,
    emit_tile,
    vector_length,
    vectors_of,
)


def _gathering_tile(rows: int, vectors: int) -> Callable[..., Any]:
    """A tile of a product whose terms lie where tables say.

    memory[out + row * out_stride + column] =
        sum over k < depth of memory[scalar + row * scalar_row + tables[scalars + k]]
                              * memory[vector + tables[places + k] + column]
    """

    def tile(
        typing: Any,
        memory: Any,
        out: Any,
        out_stride: Any,
        depth: Any,
        scalar: Any,
        scalar_row: Any,
        vector: Any,
        tables: Any,
        scalars: Any,
        places: Any,
    ) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            out, out_stride, depth, scalar, scalar_row, vector = values[1:7]
            own = Vectors(context, builder, memory, values[0])
            listed = _listed(context, builder, tables, values[7])
            scalars, places = values[8:]
            emit_tile(
                own,
                rows,
                vectors,
                depth,
                lambda row, k: own.spread(
                    own.index(
                        builder.add(scalar, listed(builder.add(scalars, k))),
                        (row, scalar_row),
                    )
                ),
                lambda number, k: own.load(
                    own.index(
                        builder.add(vector, listed(builder.add(places, k))),
                        (number, own.lanes),
                    )
                ),
                lambda row: own.zero(),
                lambda row, number: own.index(
                    out, (row, out_stride), (number, own.lanes)
                ),
                WORD(own.lanes),
            )
            return context.get_dummy_value()

        integer = types.int64
        return types.void(memory, *[integer] * 6, tables, integer, integer), code

    return intrinsic(tile)


def _listed(
    context: Any, builder: Any, array_type: Any, array: Any
) -> Callable[[Any], Any]:
    """The integer that stands at a place of a table."""
    data = context.make_array(array_type)(context, builder, array).data
    return lambda place: builder.load(builder.gep(data, [place], inbounds=True))


def _gathering_panel(vectors: int) -> Callable[..., Any]:
    tallest = TALLEST[vectors]
    tall, single = _gathering_tile(tallest, vectors), _gathering_tile(1, vectors)

    @compiled
    def panel(
        memory, out, out_stride, rows, depth, scalar, scalar_row, vector, tables,
        scalars, places,
    ):  # fmt: skip
        row = 0
        while rows - row >= tallest:
            tall(memory, out + row * out_stride, out_stride, depth,
                 scalar + row * scalar_row, scalar_row, vector, tables, scalars,
                 places)  # fmt: skip
            row += tallest
        while row < rows:
            single(memory, out + row * out_stride, out_stride, depth,
                   scalar + row * scalar_row, scalar_row, vector, tables, scalars,
                   places)  # fmt: skip
            row += 1

    return panel


gathering_panel4, gathering_panel1 = _gathering_panel(4), _gathering_panel(1)


@compiled
def gathering_product(
    memory, out, out_stride, rows, columns, depth, scalar, scalar_row, vector, tables,
    scalars, places,
):  # fmt: skip
    """A matrix (rows, columns) into memory, as `_gathering_tile` says.

    columns: a multiple of ALIGNMENT.
    """
    lanes = vector_length(memory)
    column = 0
    while columns - column >= 4 * lanes:
        gathering_panel4(memory, out + column, out_stride, rows, depth, scalar,
                         scalar_row, vector + column, tables, scalars,
                         places)  # fmt: skip
        column += 4 * lanes
    while column < columns:
        gathering_panel1(memory, out + column, out_stride, rows, depth, scalar,
                         scalar_row, vector + column, tables, scalars,
                         places)  # fmt: skip
        column += lanes


def _correlating_tile(rows: int, columns: int) -> Callable[..., Any]:
    """Scalar products of `rows` planes with `columns` shifted ones.

    memory[out + row * out_stride + column] =
        sum over k < depth and i < lanes of
            memory[left + row * left_row + tables[left_places + k] + i]
            * memory[right + tables[shifts + column] + tables[right_places + k] + i]
    """

    def tile(
        typing: Any,
        memory: Any,
        out: Any,
        out_stride: Any,
        depth: Any,
        lanes: Any,
        left: Any,
        left_row: Any,
        right: Any,
        tables: Any,
        shifts: Any,
        left_places: Any,
        right_places: Any,
    ) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            out, out_stride, depth, lanes, left, left_row, right = values[1:8]
            own = Vectors(context, builder, memory, values[0])
            listed = _listed(context, builder, tables, values[8])
            shifts, left_places, right_places = values[9:]
            starts = [
                builder.add(right, listed(builder.add(shifts, WORD(column))))
                for column in range(columns)
            ]
            sums = [
                [cgutils.alloca_once(builder, own.type) for _ in range(columns)]
                for _ in range(rows)
            ]
            for line in sums:
                for place in line:
                    builder.store(own.zero(), place)
            with cgutils.for_range(builder, depth) as loop:
                here = builder.add(left, listed(builder.add(left_places, loop.index)))
                there = listed(builder.add(right_places, loop.index))
                with cgutils.for_range(builder, vectors_of(own, lanes)) as inner:
                    step = own.index(WORD(0), (inner.index, own.lanes))
                    others = [
                        own.load(builder.add(builder.add(start, there), step))
                        for start in starts
                    ]
                    for row, line in enumerate(sums):
                        start = own.index(builder.add(here, step), (row, left_row))
                        vector = own.load(start)
                        for place, other in zip(line, others, strict=True):
                            total = own.multiply_add(vector, other, builder.load(place))
                            builder.store(total, place)
            for row, line in enumerate(sums):
                for column, place in enumerate(line):
                    total = own.sum(builder.load(place))
                    target = own.index(out, (row, out_stride), (column, 1))
                    pointer = builder.gep(own.data, [target], inbounds=True)
                    builder.store(total, pointer)
            return context.get_dummy_value()

        integer = types.int64
        return types.void(memory, *[integer] * 7, tables, *[integer] * 3), code

    return intrinsic(tile)


SIDE = 4 if TALLEST[4] == 4 else 2
"""Rows and columns of the larger correlating tile, whose sums fill the registers."""

correlating_square = _correlating_tile(SIDE, SIDE)
correlating_row = _correlating_tile(1, SIDE)
correlating_column = _correlating_tile(SIDE, 1)
correlating_single = _correlating_tile(1, 1)


@compiled
def correlate(
    memory, out, rows, columns, depth, lanes, left, left_row, right, tables, shifts,
    left_places, right_places,
):  # fmt: skip
    """A matrix (rows, columns) into memory, as `_correlating_tile` says."""
    row = 0
    while row < rows:
        tall = rows - row >= SIDE
        column = 0
        while column < columns:
            wide = columns - column >= SIDE
            place, start = out + row * columns + column, left + row * left_row
            shift = shifts + column
            if tall and wide:
                correlating_square(memory, place, columns, depth, lanes, start,
                                   left_row, right, tables, shift, left_places,
                                   right_places)  # fmt: skip
            elif tall:
                correlating_column(memory, place, columns, depth, lanes, start,
                                   left_row, right, tables, shift, left_places,
                                   right_places)  # fmt: skip
            elif wide:
                correlating_row(memory, place, columns, depth, lanes, start,
                                left_row, right, tables, shift, left_places,
                                right_places)  # fmt: skip
            else:
                correlating_single(memory, place, columns, depth, lanes, start,
                                   left_row, right, tables, shift, left_places,
                                   right_places)  # fmt: skip
            column += SIDE if wide else 1
        row += SIDE if tall else 1
