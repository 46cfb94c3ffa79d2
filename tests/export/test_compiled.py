"""Exports under torch.compile: the same steps, and no new graph from step to step."""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from neuralopt import export_rule
from tests.export.test_export import imported

# torch's own, at the import of its compiler.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RULES = {
    "adam": "adam",
    "noisy": "drop(m, 0.1) * exp(ld * sign(g) * sign(m)) + noise(1e-3 * ld)",
}
SHAPES = (
    (300, 300),
    (7,),
    (),
    (0,),
    (5, 5, 3),
    *((n, 7) for n in (9, 1, 9, 2, 9, 5, 3)),
)
"""Ten that can be compiled: a block of eight, and another, filled up."""


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ModuleType]:
    folder = tmp_path_factory.mktemp("compiled")

    def make(name: str) -> ModuleType:
        path = export_rule(RULES[name], folder / f"{name}.py", "Exported", tests=False)
        module = imported(path)
        module.TOGETHER = 8  # compiled in half the time
        return module

    return make


def trained(
    module: ModuleType, dtype: torch.dtype, steps: int = 3, **options: Any
) -> list[torch.Tensor]:
    """Weights and memory after some steps, the same for the same options."""
    generator = torch.Generator().manual_seed(0)
    weights = [
        torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
        for shape in SHAPES
    ]
    if "total_steps" in module.Exported.__init__.__code__.co_varnames:
        options["total_steps"] = 9
    optimizer = module.Exported(weights, lr=0.1, **options)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        for weight in weights:
            gradient = torch.randn(weight.shape, generator=generator)
            weight.grad = gradient.to(dtype)
        optimizer.step()
    kept = [optimizer.state[w].get("state0", w) for w in weights]
    return [tensor.detach().float() for tensor in (*weights, *kept)]


@pytest.mark.parametrize(
    ("name", "dtype", "options"),
    [
        ("adam", torch.float32, {"weight_decay": 0.1, "maximize": True}),
        ("noisy", torch.float32, {"seed": 3}),
        ("noisy", torch.bfloat16, {"rounding": "stochastic"}),
        ("adam", torch.bfloat16, {"rounding": "kahan", "caution": True}),
    ],
)
def test_traced_steps_are_the_eager_ones(
    exports: Callable[[str], ModuleType],
    name: str,
    dtype: torch.dtype,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = CompileCounter()
    compiler = torch.compile
    monkeypatch.setattr(
        torch,
        "compile",
        lambda f, dynamic, options: compiler(f, dynamic=dynamic, backend=counter),
    )
    module = exports(name)
    traced = trained(module, dtype, compiled=True, **options)
    graphs = counter.frame_count
    assert 1 <= graphs <= 3  # of the sizes of these tensors
    again = trained(module, dtype, steps=5, compiled=True, **options)
    assert counter.frame_count == graphs
    for mine, other in zip(traced, trained(module, dtype, **options), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-7)
    assert not torch.equal(again[0], traced[0])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", RULES)
def test_inductor_takes_the_eager_steps(
    exports: Callable[[str], ModuleType], name: str
) -> None:
    module = exports(name)
    for dtype, rounding in (
        (torch.float32, "nearest"),
        (torch.bfloat16, "stochastic"),
        (torch.float64, "nearest"),  # after float32: blocks of both are kept apart
    ):
        eager = trained(module, dtype, rounding=rounding)
        compiled = trained(module, dtype, rounding=rounding, compiled=True)
        close = 1e-2 if dtype == torch.bfloat16 else 1e-6
        for mine, other in zip(compiled, eager, strict=True):
            torch.testing.assert_close(mine, other, rtol=close, atol=close)


class OtherTensor(torch.Tensor):
    """What compiled code does not expect."""


UNLIKE = {
    "type": torch.ones(3, 4, dtype=torch.float64),
    "size": torch.ones(3, 3),
    "order": torch.ones(4, 3).t(),
    "device": torch.ones(3, 4, device="meta"),
    "sign": torch._neg_view(torch.ones(3, 4)),
    "class": torch.ones(3, 4).as_subclass(OtherTensor),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_blocks_take_no_tensors_that_compiled_code_would_misread(
    exports: Callable[[str], ModuleType], what: str
) -> None:
    in_lines = exports("adam").in_lines
    w, like = torch.nn.Parameter(torch.ones(3, 4)), torch.zeros(3, 4)
    with torch.no_grad():
        assert [line.shape for line in in_lines(w, like, like)] == [(12,)] * 3
        assert in_lines(w, like, UNLIKE[what]) is None
        assert in_lines(w, UNLIKE[what], like) is None
        assert in_lines(w.t(), like, like) is None
        for other in (UNLIKE["class"], UNLIKE["sign"]):
            assert in_lines(other, like, like) is None
        assert in_lines(torch.ones(1), torch.ones(1)) is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_blocks_of_any_sizes_are_stepped_after_a_reset_of_the_compiler(
    exports: Callable[[str], ModuleType],
) -> None:
    module = exports("adam")
    sizes = [*[64] * 8, *[200] * 4, *[30] * 4]  # equal ones must not be taken for one
    pairs = [[torch.nn.Parameter(torch.ones(n)) for n in sizes] for _ in range(2)]
    compiled = module.Exported(pairs[0], lr=0.1, compiled=True)
    eager = module.Exported(pairs[1], lr=0.1)
    for step in range(3):
        if step == 1:
            torch.compiler.reset()
        for mine, other in zip(*pairs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        compiled.step()
        eager.step()
        for mine, other in zip(*pairs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)


def test_what_torch_keeps_with_a_flipped_sign_is_not_compiled(
    exports: Callable[[str], ModuleType],
) -> None:
    can_compile, w = exports("adam").can_compile, torch.ones(3, 4)
    assert can_compile(w, w)
    assert not can_compile(w, UNLIKE["sign"])  # inductor reads it as it lies


@pytest.mark.parametrize("name", RULES)
def test_step_compiles_whole_and_once(
    exports: Callable[[str], ModuleType], name: str
) -> None:
    module = exports(name)
    options = {"total_steps": 9} if name == "noisy" else {}
    pair = [torch.nn.Parameter(torch.ones(4)) for _ in range(2)]
    ours, theirs = (module.Exported([w], lr=0.1, **options) for w in pair)
    counter = CompileCounter()
    compiled = torch.compile(ours.step, backend=counter)
    graphs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler's record_function is left out
        for step in range(5):
            for w, optimizer in zip(pair, (ours, theirs), strict=True):
                w.grad = torch.tensor([1.0, -2.0, 0.5, step])
                optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
            compiled()
            theirs.step()
            graphs.append(counter.frame_count)
    assert graphs[1:] == [graphs[1]] * 4  # the second knows that numbers vary
    torch.testing.assert_close(*pair, rtol=1e-6, atol=0.0)


def test_without_a_compiler_steps_are_eager_and_one_line_says_so(
    exports: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("No working C++ compiler found\nand a long explanation")

    module = exports("adam")
    expected = trained(module, torch.float32)
    monkeypatch.setattr(torch, "compile", fails)
    with pytest.warns(UserWarning, match=r"can't compile here, .*compiler found$"):
        found = trained(module, torch.float32, compiled=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(module, torch.float32, compiled=True)
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-7)


def test_compiled_refuses_what_it_can_not_do(
    exports: Callable[[str], ModuleType],
) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    for option in ("capturable", "differentiable"):
        with pytest.raises(ValueError, match="leave out"):
            exports("adam").Exported([weight], lr=1.0, compiled=True, **{option: True})
