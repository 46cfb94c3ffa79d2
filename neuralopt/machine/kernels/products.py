"""Products of matrices, made tile by tile in registers.

Knows LLVM's vectors; refuses to know what is multiplied. A tile of some rows by some
vectors of columns is summed over the whole depth before anything is stored. Written as
LLVM vectors, it becomes AVX-512, AVX2, SSE or NEON.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

from neuralopt.machine.kernels.compiling import compiled, intrinsic


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

    def sum(self, vector: Any) -> Any:
        """The sum of its elements, of halves and of their halves."""
        lanes = self.lanes
        while lanes > 1:
            lanes //= 2
            low = self.shuffle(vector, vector, list(range(lanes)))
            high = self.shuffle(vector, vector, list(range(lanes, 2 * lanes)))
            vector = self.builder.fadd(low, high)
        return self.builder.extract_element(vector, ir.IntType(32)(0))

    def zero(self) -> Any:
        return ir.Constant(self.type, [0.0] * self.lanes)

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        numbers = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
        return self.builder.shuffle_vector(a, b, numbers)


def _emit_tile(
    own: _Vectors,
    rows: int,
    vectors: int,
    depth: Any,
    factor_at: Callable[[int, Any], Any],
    columns_at: Callable[[int, Any], Any],
    initial_at: Callable[[int], Any],
    target_at: Callable[[int, int], Any],
    count: Any,
) -> None:
    """Write the code of a tile of `rows` by `vectors` vectors of columns.

    factor_at(row, k), columns_at(vector, k): one number in all lanes, and a vector, of
    depth k. initial_at(row): what a sum starts from. target_at(row, vector): where it
    goes; of the last vector the first `count` columns are stored, the others are not.
    """
    builder = own.builder
    sums = [
        [cgutils.alloca_once(builder, own.type) for _ in range(vectors)]
        for _ in range(rows)
    ]
    for row, line in enumerate(sums):
        initial = initial_at(row)
        for place in line:
            builder.store(initial, place)
    with cgutils.for_range(builder, depth) as loop:
        columns = [columns_at(number, loop.index) for number in range(vectors)]
        for row, line in enumerate(sums):
            factor = factor_at(row, loop.index)
            for place, column in zip(line, columns, strict=True):
                total = own.multiply_add(factor, column, builder.load(place))
                builder.store(total, place)
    for row, line in enumerate(sums):
        for number, place in enumerate(line[:-1]):
            own.store(builder.load(place), target_at(row, number))
        last = target_at(row, vectors - 1)
        if vectors == 1:
            own.store_some(builder.load(line[-1]), last, count)
        else:
            own.store(builder.load(line[-1]), last)


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
            own = _Vectors(context, builder, memory, values[0])
            other = _Vectors(context, builder, array, values[7])
            _emit_tile(
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
        total = cgutils.alloca_once(builder, own.type)
        builder.store(own.zero(), total)
        with cgutils.for_range(builder, _vectors_of(own, values[2])) as loop:
            vector = own.load(own.index(values[1], (loop.index, own.lanes)))
            builder.store(builder.fadd(builder.load(total), vector), total)
        return own.sum(builder.load(total))

    return memory.dtype(memory, types.int64, types.int64), code


@intrinsic
def row_product(typing: Any, memory: Any, one: Any, other: Any, count: Any) -> Any:
    """The scalar product of two rows of `count` elements, a multiple of ALIGNMENT."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = _Vectors(context, builder, memory, values[0])
        total = cgutils.alloca_once(builder, own.type)
        builder.store(own.zero(), total)
        with cgutils.for_range(builder, _vectors_of(own, values[3])) as loop:
            a, b = (
                own.load(own.index(start, (loop.index, own.lanes)))
                for start in values[1:3]
            )
            builder.store(own.multiply_add(a, b, builder.load(total)), total)
        return own.sum(builder.load(total))

    return memory.dtype(memory, types.int64, types.int64, types.int64), code


def _vectors_of(own: _Vectors, count: Any) -> Any:
    return own.builder.sdiv(count, WORD(own.lanes))


# Products over places that a table lists, for convolutions.


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
            own = _Vectors(context, builder, memory, values[0])
            listed = _listed(context, builder, tables, values[7])
            scalars, places = values[8:]
            _emit_tile(
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
            own = _Vectors(context, builder, memory, values[0])
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
                with cgutils.for_range(builder, _vectors_of(own, lanes)) as inner:
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
