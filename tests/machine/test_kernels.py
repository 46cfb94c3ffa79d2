"""Compiled functions compared with numpy and torch, and the generated text."""

import ast
import builtins
import dataclasses
import math

import numpy as np
import pytest
import torch

numba = pytest.importorskip("numba")

from neuralopt.counter_hash import counter_bits, counter_key, key_word  # noqa: E402
from neuralopt.language.primitives import PRIMITIVES, WHOLE  # noqa: E402
from neuralopt.machine import generate  # noqa: E402
from neuralopt.machine.bytecode import OPCODES  # noqa: E402
from neuralopt.machine.kernels import (  # noqa: E402
    compiling,
    functions,
    operations,
    padded,
    products,
    training,
)
from neuralopt.optimizer.draws import draw  # noqa: E402

COUNT = 512
COUNTERS = 3, 1, 4, 2  # seed, replicate, step, stream


@numba.njit
def call(memory, opcode, count, state, stream, first):
    """An operation on memory's first 512 elements, and their next, into the last."""
    operations.operate(
        memory, opcode, 1536, 0, 512, 1024, count, state, stream, first, memory[0]
    )


@numba.njit
def multiply(memory, out, rows, columns, depth, left, by_column, right, stride, bias):
    row, step = (np.int64(1), rows) if by_column else (depth, np.int64(1))
    products.product(
        memory,
        out,
        columns,
        rows,
        columns,
        depth,
        left,
        row,
        step,
        memory,
        right,
        stride,
        bias,
        np.int64(1),
    )


@numba.njit
def turn(memory, source, width, target, height):
    products.transpose(memory, source, width, target, height)


@numba.njit
def sum_row(memory, start, count):
    return products.row_sum(memory, start, count)


def state_of(*counters):
    return key_word(*counters)


def operate(name, *operands, dtype=np.float32, first=0):
    """An operation on arrays of any length, 512 elements at a time."""
    state = state_of(*COUNTERS[:3])
    length = len(operands[0])
    out = np.empty(length, dtype)
    for start in range(0, length, COUNT):
        memory = np.zeros(4 * COUNT, dtype)
        count = min(COUNT, length - start)
        for place, operand in enumerate(operands):
            memory[place * COUNT :][:count] = operand[start : start + count]
        call(memory, OPCODES[name], count, state, COUNTERS[3], first + start)
        out[start : start + count] = memory[3 * COUNT :][:count]
    return out


SPECIAL = np.array(
    [
        *(0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, 1e-45, -1e-45, 1.1754942e-38, 2**-126),
        *(np.inf, -np.inf, np.nan, 3.4028235e38, -3.4028235e38, 88.72283, 88.722839),
        *(-87.33655, -103.97, -104, 128, 127.99999, -126, -149, -150, 1e9, 1e30, 0.625),
    ],
    np.float32,
)


def arguments(count=40_000, seed=0):
    """float32 numbers of every size, those near 1, and special ones."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
    near = [rng.normal(0, scale, count).astype(np.float32) for scale in (1, 30)]
    return np.concatenate([bits.view(np.float32), *near, SPECIAL])


def units_apart(found, exact):
    """Distance from exact (float64), in units of the last place of float32.

    Where one of them is not finite in float32 both have to be the same.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded) & np.isfinite(found)
    np.testing.assert_array_equal(found[~finite], rounded[~finite])
    spacing = np.spacing(np.abs(rounded[finite])).astype(np.float64)
    return np.abs(found[finite].astype(np.float64) - exact[finite]) / spacing


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("exp", np.exp),
        ("exp2", np.exp2),
        ("log", lambda x: np.log(np.abs(x))),
        ("sqrt", lambda x: np.sqrt(np.abs(x))),
        ("tanh", np.tanh),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_function_is_right_to_two_units_for_every_float(name, exact):
    x = arguments()
    assert units_apart(operate(name, x), exact(x.astype(np.float64))).max() < 2


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_cos_is_right_however_large_its_argument():
    mpmath = pytest.importorskip("mpmath")
    x = arguments(3000)
    with mpmath.workprec(300):
        exact = np.array(
            [float(mpmath.cos(float(v))) if np.isfinite(v) else np.nan for v in x]
        )
    assert units_apart(operate("cos", x), exact).max() < 2


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_power_is_that_of_ieee_754_and_right_to_one_unit():
    x, y = arguments(seed=1), arguments(seed=2)
    halves = np.round(y[80_000:] / 15) / 2
    x = np.concatenate([x, x[: len(halves)], np.repeat(SPECIAL, len(SPECIAL))])
    y = np.concatenate([y, halves, np.tile(SPECIAL, len(SPECIAL))])
    exact = np.power(x.astype(np.float64), y.astype(np.float64))
    assert units_apart(operate("power", x, y), exact).max() <= 1


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name",
    [name for name in OPCODES if name in PRIMITIVES.keys() - WHOLE - {"noise"}],
)
def test_an_operation_is_that_of_torch(name, dtype):
    x = np.repeat(SPECIAL, len(SPECIAL)).astype(dtype)
    y = np.tile(SPECIAL, len(SPECIAL)).astype(dtype)
    z = np.roll(x, 1)
    if name in ("clip", "drop"):
        y = np.abs(y)
    primitive = PRIMITIVES[name]
    values = {
        parameter.name: torch.from_numpy(value)
        for parameter, value in zip(primitive.parameters, (x, y, z), strict=False)
    }
    bits = draw("uniform", COUNTERS, torch.from_numpy(x))
    text = primitive.torch.format(**{key: key for key in values}, bits="bits")
    values["bits"] = bits
    expected = eval(text, {"torch": torch}, values).numpy()  # noqa: S307  our own table
    # torch's are not exact: sqrt of float64, remainders by numbers below the normal.
    if name == "sqrt":
        expected = np.sqrt(np.abs(x))
    elif name == "remainder":
        expected = np.remainder(x, y)
    found = operate(name, x, y, z, dtype=dtype)
    # Angles beyond 1e6 are taken exactly here, by torch only in float64.
    comparable = np.abs(x) < 1e6 if name == "cos" else np.full(len(x), True)
    relative = 1e-5 if dtype == np.float32 else 1e-12
    tiny = 1e-44 if dtype == np.float32 else 1e-300
    np.testing.assert_allclose(
        found[comparable], expected[comparable], rtol=relative, atol=tiny
    )
    if "EXACT" in str(primitive.laws):
        np.testing.assert_array_equal(found, expected)
        zeros = expected == 0
        if name != "remainder":
            np.testing.assert_array_equal(
                np.signbit(found[zeros]), np.signbit(expected[zeros])
            )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_bits_are_those_of_the_counter_hash(dtype):
    # drop(1, p) tells of every element whether its uniform is below p.
    first = 2**32 - 700  # element numbers wrap
    words = counter_bits(counter_key(*COUNTERS, 0), 1024, first)
    uniforms = (words >> np.uint64(8)).astype(np.float64) * 2.0**-24
    x = np.arange(1, 1025, dtype=dtype)
    for p in (0.0, 0.1, 0.5, 1.0):
        dropped = operate("drop", x, np.full(1024, p), dtype=dtype, first=first) == 0
        np.testing.assert_array_equal(dropped, uniforms < dtype(p))
    at = uniforms.astype(dtype)  # exactly representable, so the comparison is strict
    np.testing.assert_array_equal(operate("drop", x, at, dtype=dtype, first=first), x)
    above = np.nextafter(at, dtype(2))
    assert not operate("drop", x, above, dtype=dtype, first=first).any()


@pytest.mark.parametrize(("dtype", "apart"), [(np.float32, 3e-6), (np.float64, 1e-14)])
def test_normal_draws_are_those_of_torch(dtype, apart):
    x = np.full(20_000, 1, dtype)
    expected = draw("normal", COUNTERS, torch.from_numpy(x)).numpy()
    found = operate("noise", x, dtype=dtype)
    assert np.abs(found - expected).max() < apart
    assert abs(found.mean()) < 0.03
    assert abs(found.std() - 1) < 0.03


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_of_any_size_is_numpys_and_writes_nothing_else(dtype):
    rng = np.random.default_rng(0)
    sizes = [(1, 1, 1), (4, 64, 3), (5, 65, 7), (13, 33, 0), (8, 112, 20), (3, 100, 64)]
    sizes += [tuple(rng.integers(1, 90, 3).tolist()) for _ in range(40)]
    for rows, columns, depth in sizes:
        stride = padded(columns)
        left = rng.normal(size=(rows, depth)).astype(dtype)
        right = rng.normal(size=(depth, stride)).astype(dtype)
        bias = rng.normal(size=rows).astype(dtype)
        for by_column in (False, True):
            pieces = [left.T if by_column else left, right, bias]
            starts = np.cumsum([0, *(piece.size for piece in pieces)])
            out = int(starts[-1]) + 5
            memory = np.full(out + rows * columns + 70, 7, dtype)
            memory[: starts[-1]] = np.concatenate([piece.ravel() for piece in pieces])
            before = memory.copy()
            multiply(
                memory,
                out,
                rows,
                columns,
                depth,
                int(starts[0]),
                by_column,
                int(starts[1]),
                stride,
                int(starts[2]),
            )
            wide = left.astype(np.float64) @ right[:, :columns].astype(np.float64)
            expected = wide + bias[:, None]
            found = memory[out : out + rows * columns].reshape(rows, columns)
            tolerance = 1e-5 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(found, expected, atol=tolerance * (1 + depth))
            before[out : out + rows * columns] = found.ravel()
            np.testing.assert_array_equal(memory, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transposing_and_summing_rows_are_numpys(dtype):
    for height, width in [(16, 16), (32, 64), (64, 32), (48, 112)]:
        size = height * width
        memory = np.zeros(2 * size, dtype)
        memory[:size] = np.arange(size)
        turn(memory, 0, width, size, height)
        expected = memory[:size].reshape(height, width).T
        np.testing.assert_array_equal(memory[size:].reshape(width, height), expected)
        assert sum_row(memory, width, width) == memory[width : 2 * width].sum()


@numba.njit
def multiply_rows(memory, one, other, count):
    return products.row_product(memory, one, other, count)


def test_the_product_of_rows_is_numpys():
    memory = np.random.default_rng(0).normal(size=96)
    found = multiply_rows(memory, 0, 48, 48)
    assert math.isclose(found, memory[:48] @ memory[48:], rel_tol=1e-13)


def test_the_generated_file_is_what_the_table_says():
    assert generate.OPERATIONS.read_text("utf-8") == generate.generated()


@pytest.mark.parametrize("name", [n for n, each in PRIMITIVES.items() if each.kernel])
def test_every_function_of_a_template_is_imported_by_the_generated_file(name):
    primitive = PRIMITIVES[name]
    text = primitive.fill("kernel", "abc"[: primitive.arity], "bits")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert {call.func.id for call in calls} <= {*vars(operations), *dir(builtins)}


def test_a_template_that_calls_an_unknown_function_is_an_error(monkeypatch):
    wrong = dataclasses.replace(PRIMITIVES["tanh"], kernel="tanhh({x})")
    monkeypatch.setitem(PRIMITIVES, "tanh", wrong)
    with pytest.raises(ValueError, match=r"calls tanhh, .* kernels/functions.py"):
        generate.generated()


def test_what_is_kept_on_disk_is_of_these_very_files(tmp_path):
    # numba looks at the file of the entry and at the values that it encloses.
    cells = [cell.cell_contents for cell in training.train.py_func.__closure__]
    assert compiling.SOURCES in cells
    here = tmp_path / "one.py"
    here.write_text("x = 1")
    before = compiling.digest_of([here])
    assert before == compiling.digest_of([here])
    here.write_text("x = 2")
    assert before != compiling.digest_of([here])


def test_two_over_pi_has_the_bits_it_claims():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(400):
        assert int(mpmath.floor(mpmath.ldexp(2 / mpmath.pi, 320))) == (
            functions.TWO_OVER_PI
        )
    assert math.isclose(functions.TWO_OVER_PI / 2**320, 2 / math.pi)
