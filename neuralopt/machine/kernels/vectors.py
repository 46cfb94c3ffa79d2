"""Vectors of numbers as LLVM code: loads, stores, sums, and tiles of products.

Code written as LLVM vectors becomes AVX-512, AVX2, SSE or NEON. A tile of some rows by
some vectors of columns is summed over the whole depth before anything is stored.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

from neuralopt.machine.kernels.compiling import intrinsic


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


class Vectors:
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


def emit_tile(
    own: Vectors,
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


@intrinsic
def vector_length(typing: Any, array: Any) -> Any:
    """Elements of the array in a vector."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return WORD(Vectors(context, builder, array, values[0]).lanes)

    return types.int64(array), code


def vectors_of(own: Vectors, count: Any) -> Any:
    return own.builder.sdiv(count, WORD(own.lanes))
