"""Random bits in torch equal those of the numpy hash, for any type and layout."""

import math

import numpy as np
import pytest
import torch

from neuralopt import counter_hash
from neuralopt.counter_hash import counter_key
from neuralopt.language import Expression, parse, simplify
from neuralopt.optimizer import RuleOptimizer, compile_rule
from neuralopt.optimizer.draws import counter_bits, draw, normal, uniform
from tests.oracle.interpreter import Interpreter

KEYS = [(0, 0), (2**32 - 1, 2**32 - 1), counter_key(1, 2, 3, 4, 5)]
STARTS = [0, 1, 12_345, 2**31 - 3, 2**32 - 3, 2**40 + 7]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("start", STARTS)
def test_bits_equal_those_of_numpy(key: tuple[int, int], start: int) -> None:
    ours = counter_bits(key, start, 1000).numpy().view(np.uint32)
    assert ours.tolist() == counter_hash.counter_bits(key, 1000, start).tolist()
    assert counter_bits(key, start, 0).shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniforms_equal_those_of_numpy_in_both_dtypes(dtype: torch.dtype) -> None:
    ours = uniform(KEYS[2], 5, 10_000, dtype)
    assert ours.dtype == dtype
    expected = counter_hash.counter_uniform(KEYS[2], 10_000, 5)
    assert ours.double().numpy().tolist() == expected.tolist()


def box_muller(counters: tuple[int, ...], count: int, start: int) -> np.ndarray:
    """N(0, 1) in numpy, from the definition."""
    radius, angle = (
        counter_hash.counter_uniform(counter_key(*counters, lane), count, start)
        for lane in (0, 1)
    )
    return np.sqrt(-2 * np.log(radius + 2.0**-25)) * np.cos(2 * np.pi * angle)


def test_normals_are_box_muller_of_two_lanes() -> None:
    counters = (3, 1, 4, 1)
    like = torch.zeros(100, 100, dtype=torch.float64)
    ours = draw("normal", counters, like, start=17).flatten().numpy()
    expected = box_muller(counters, 10_000, 17)
    # cos near its zeros turns the rounding of an angle below 2 pi into 1e-15 absolute.
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-14)
    # Float32 rounds an angle of up to 2 pi by 2.4e-7, times a radius of up to 5.9.
    single = draw("normal", counters, like.float(), start=17).flatten().numpy()
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=3e-6)


def test_normals_have_the_moments_of_normals() -> None:
    count = 1 << 18
    x = draw("normal", (0, 0, 0, 0), torch.zeros(count, dtype=torch.float64))
    # Five standard deviations of the sample's moments of N(0, 1).
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = abs((x**power).mean().item() - moment)
        assert error < 5 * math.sqrt(variance / count), power
    # P(|x| > 2) = 0.0455
    tail = (x.abs() > 2).double().mean().item()
    assert abs(tail - 0.0455) < 5 * math.sqrt(0.0455 * 0.9545 / count)
    assert torch.isfinite(x).all()


def test_extreme_uniforms_give_finite_normals() -> None:
    # The lowest and highest uniforms there are: 2**-25 keeps the logarithm finite, and
    # no argument exceeds 1, whose logarithm would leave the square root.
    for dtype in (torch.float32, torch.float64):
        for u in (0.0, 1 - 2.0**-24):
            radius = torch.tensor(u, dtype=dtype) + 2.0**-25
            assert torch.isfinite(torch.sqrt(-2.0 * torch.log(radius)))
    keys = counter_key(1), counter_key(2)
    assert torch.isfinite(normal(keys, 0, 1 << 20)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_dtypes_get_usable_numbers(dtype: torch.dtype) -> None:
    count = 1 << 16
    like = torch.zeros(count, dtype=dtype)
    noise = draw("normal", (0, 0, 0, 0), like)
    assert noise.dtype == dtype
    assert torch.isfinite(noise).all()
    assert abs(noise.double().mean()) < 5 / math.sqrt(count)
    program = compile_rule(parse("drop(g, 0.3)"))

    def draws(kind: str, stream: int) -> torch.Tensor:
        return draw(kind, (0, 0, 0, stream), like)

    value, _ = program.step(torch.ones_like(like), like, (), (), draws)
    assert value.dtype == dtype
    dropped = (value == 0).double().mean().item()
    assert abs(dropped - 0.3) < 5 * math.sqrt(0.3 * 0.7 / count)


@pytest.mark.parametrize("place", range(4))
def test_each_counter_is_a_new_draw(place: int) -> None:
    like = torch.zeros(64, dtype=torch.float64)
    counters = [1, 1, 1, 1]
    one = {kind: draw(kind, (1, 1, 1, 1), like) for kind in ("uniform", "normal")}
    counters[place] = 2
    for kind, values in one.items():
        other = draw(kind, tuple(counters), like)  # type: ignore[arg-type]
        assert (values != other).all()
    # The two lanes of a normal differ from each other too, else its angle would be a
    # function of its radius.
    assert counter_key(1, 1, 1, 1, 0) != counter_key(1, 1, 1, 1, 1)


def steps(
    text: str, shapes: list[tuple[int, ...]], count: int = 3, **options: int
) -> torch.Tensor:
    """All elements after some steps whose gradients are ones everywhere."""
    parameters = [
        torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in shapes
    ]
    optimizer = RuleOptimizer(parameters, text, lr=1.0, **options)
    for _ in range(count):
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in parameters])


NOISY = "drop(g, 0.5) + noise(0.1) * drop(g, 0.3)"


def test_bits_do_not_depend_on_how_parameters_are_split() -> None:
    whole = steps(NOISY, [(24,)])
    for shapes in ([(4, 6)], [(1,)] * 24, [(), (0,), (3, 5), (8,)], [(2, 3, 4)]):
        assert torch.equal(steps(NOISY, list(shapes)), whole)  # type: ignore[arg-type]


def test_bits_do_not_depend_on_memory_format() -> None:
    shape = (2, 3, 4, 5)
    values = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        weight = torch.zeros(shape, dtype=torch.float64)
        parameter = torch.nn.Parameter(weight.contiguous(memory_format=memory_format))
        optimizer = RuleOptimizer([parameter], NOISY, lr=1.0)
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        values.append(parameter.detach())
    assert torch.equal(*values)


def test_a_parameter_without_gradient_keeps_its_place_in_the_bits() -> None:
    pair = [torch.nn.Parameter(torch.zeros(5, dtype=torch.float64)) for _ in range(2)]
    optimizer = RuleOptimizer(pair, NOISY, lr=1.0)
    pair[1].grad = torch.ones_like(pair[1])
    optimizer.step()
    assert torch.equal(pair[1].detach(), steps(NOISY, [(10,)], count=1)[5:])


def test_complex_elements_have_two_places_each() -> None:
    # A second parameter must not meet the bits of the imaginary parts before it.
    pair = [
        torch.nn.Parameter(torch.zeros(3, dtype=torch.complex128)),
        torch.nn.Parameter(torch.zeros(4, dtype=torch.float64)),
    ]
    optimizer = RuleOptimizer(pair, "noise(1)", lr=1.0)
    for parameter in pair:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    flat = [torch.view_as_real(pair[0].detach()).flatten(), pair[1].detach()]
    assert torch.equal(torch.cat(flat), steps("noise(1)", [(10,)], count=1))


def test_seed_and_replicate_change_the_bits_and_nothing_else_does() -> None:
    base = steps(NOISY, [(50,)])
    assert torch.equal(base, steps(NOISY, [(50,)]))
    torch.manual_seed(1)
    assert torch.equal(base, steps(NOISY, [(50,)]))
    assert not torch.equal(base, steps(NOISY, [(50,)], seed=1))
    assert not torch.equal(base, steps(NOISY, [(50,)], replicate=1))
    assert not torch.equal(
        steps(NOISY, [(50,)], seed=1), steps(NOISY, [(50,)], replicate=1)
    )


def test_equal_parts_are_one_draw_and_different_parts_are_two() -> None:
    assert steps("noise(1) - noise(1)", [(50,)]).eq(0).all()
    assert steps("drop(g, 0.5) - drop(g, 0.5)", [(50,)]).eq(0).all()
    assert steps("noise(1) - noise(2)", [(50,)]).ne(0).all()
    difference = steps("drop(g, 0.5) - drop(g * 2, 0.5) / 2", [(50,)], count=1)
    assert sorted(set(difference.tolist())) == [-1.0, 0.0, 1.0]


def test_drop_keeps_nan_and_its_share() -> None:
    program = compile_rule(parse("drop(g, 0.3)"))
    g = torch.ones(100_000)
    g[:1000] = math.nan
    value, _ = program.step(g, g, (), (), lambda kind, _: draw(kind, (0, 0, 0, 0), g))
    assert value[:1000].isnan().all()
    share = (value[1000:] == 0).double().mean().item()
    assert abs(share - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 99_000)
    assert set(value[1000:].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "drop(g, 0.5) + noise(0.1)",
        "trace(drop(g, 0.3), 0.9) * (1 + noise(1))",
        "drop(ema(g, 0.9), progress) + drop(noise(0.5), 0.1) + noise(1 / (1 + t))",
        "fold(drop(s, 0.5) + drop(g, 0.1)) + noise(0.01) * update",
    ],
)
def test_optimizer_draws_stream_step_and_element_as_numpy_does(text: str) -> None:
    canonical = simplify(parse(text))
    streams: list[Expression] = []

    def visit(node: Expression) -> None:
        for argument in node.arguments:
            visit(argument)
        if node.primitive in ("drop", "noise") and node not in streams:
            streams.append(node)

    visit(canonical)

    def numpy_draw(kind, key, shape):  # type: ignore[no-untyped-def]
        node, t = key
        counters = (11, 2, t, streams.index(node))
        if kind == "noise":
            return box_muller(counters, shape[0], 3)
        return counter_hash.counter_uniform(counter_key(*counters, 0), shape[0], 3)

    before = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))  # elements 0 to 2
    weight = torch.nn.Parameter(torch.ones(40, dtype=torch.float64))
    optimizer = RuleOptimizer(
        [before, weight], text, lr=0.1, total_steps=6, seed=11, replicate=2
    )
    oracle = Interpreter(canonical, total_steps=6, draw=numpy_draw)
    expected = np.ones(40)
    rng = np.random.default_rng(0)
    for _ in range(6):
        gradient = rng.normal(size=40)
        weight.grad = torch.from_numpy(gradient)
        optimizer.step()
        expected = expected - 0.1 * oracle.step(gradient, expected)
        # Normals of torch and numpy differ by 1e-14 (see above); sums of them add up.
        np.testing.assert_allclose(weight.detach().numpy(), expected, atol=1e-12)
