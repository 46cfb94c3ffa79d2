"""Exported rules of tensor scope: RuleOptimizer's steps on matrices and vectors."""

import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from neuralopt import RULES, RuleOptimizer, export_rule
from neuralopt.export.file_text import HEADER
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES
from tests.export.test_export import imported

WHOLE = {name: rule for name, rule in RULES.items() if rule.scope != "element"}
TEXTS = {
    "loss of some": "where(matrix, norm(g) * g, where(head, noise(rd), loss * g))",
    "loss of all": "loss * g / (norm(g) ** 2 + 1e-8) + drop(columns(m), 0.3)",
    "kinds only": "where(vector, g, where(embedding, drop(g, 0.2), rd * m))",
    "maximum": "maximum(g) * rows(update) + fan_in * g",
}
EXPORTED = {**WHOLE, **TEXTS}
SHAPES = ((), (0,), (5,), (3, 4), (4, 3), (2, 3, 2, 2), (0, 3), (2, 2))
KINDS = (None, "embedding", "head")
STEPS, TOTAL = 4, 6

Make = Callable[[Any], type[Any]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A function: rule -> the exported class, written once."""
    folder, known = tmp_path_factory.mktemp("exports"), dict[str, ModuleType]()

    def make(rule: Any) -> type[Any]:
        if str(rule) not in known:
            path = folder / f"rule_{len(known)}.py"
            known[str(rule)] = imported(
                export_rule(rule, path, "Exported", tests=False)
            )
        found: type[Any] = known[str(rule)].Exported
        return found

    return make


def groups(parameters: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
    """The last two parameters are an embedding and a head."""
    parts = parameters[:-2], parameters[-2:-1], parameters[-1:]
    return [{"params": p, "kind": k} for p, k in zip(parts, KINDS, strict=True)]


def fresh(dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    tensors = [torch.randn(shape, generator=generator) for shape in SHAPES]
    return [torch.nn.Parameter(tensor.to(dtype)) for tensor in tensors]


def options_of(cls: type[Any], **options: Any) -> dict[str, Any]:
    planned = "total_steps" in cls.__init__.__code__.co_varnames
    return {
        "lr": 0.02,
        "seed": 3,
        **({"total_steps": TOTAL} if planned else {}),
    } | options


def walk(
    optimizer: Any,
    parameters: list[torch.nn.Parameter],
    first: int = 0,
    last: int = STEPS,
) -> None:
    """Take steps along prescribed gradients; now and then one is missing."""
    takes_loss = "loss" in inspect.signature(optimizer.step).parameters
    for step in range(first, last):
        generator = torch.Generator().manual_seed(step)
        for number, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            missing = (step + number) % 5 == 4
            parameter.grad = None if missing else gradient.to(parameter.dtype)
        optimizer.step(**({"loss": 1 / (step + 1)} if takes_loss else {}))


def check_close(
    one: list[torch.nn.Parameter], other: list[torch.nn.Parameter], close: float = 1e-12
) -> None:
    for mine, its in zip(one, other, strict=True):
        torch.testing.assert_close(mine, its, rtol=close, atol=close, equal_nan=True)


def check_steps(rule: Any, cls: type[Any], **options: Any) -> None:
    """The class takes the steps of RuleOptimizer, and keeps the same memory."""
    ours, theirs = fresh(), fresh()
    shared: dict[str, Any] = {"weight_decay": 0.1, "maximize": True} | options
    expected = RuleOptimizer(
        groups(ours), rule, lr=0.02, seed=3, total_steps=TOTAL, **shared
    )
    found = cls(groups(theirs), **options_of(cls, **shared))
    walk(expected, ours)
    walk(found, theirs)
    check_close(ours, theirs)
    for one, other in zip(ours, theirs, strict=True):
        memory, its = expected.state[one], found.state[other]
        assert list(memory) == list(its)
        for name, value in memory.items():
            torch.testing.assert_close(its[name], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", EXPORTED)
def test_exports_take_the_steps_of_rule_optimizer(name: str, exported: Make) -> None:
    check_steps(EXPORTED[name], exported(EXPORTED[name]))


def test_random_rules_of_the_space_modern_do_too(exported: Make) -> None:
    for rule in random_rules(SPACES["modern"], 8, seed=1):
        check_steps(rule, exported(rule), caution=True)


@pytest.mark.parametrize("name", ["came", "muon_adamw", "loss of some"])
def test_states_resume_copies_continue_and_pickles_load(
    name: str, exported: Make
) -> None:
    cls, parameters = exported(EXPORTED[name]), fresh()
    optimizer = cls(groups(parameters), **options_of(cls))
    walk(optimizer, parameters, last=2)
    saved = copy.deepcopy((parameters, optimizer.state_dict()))
    copied = copy.deepcopy((parameters, optimizer))
    pickled = pickle.loads(pickle.dumps((parameters, optimizer)))
    walk(optimizer, parameters, first=2)
    again = cls(groups(saved[0]), **options_of(cls, lr=1.0))
    again.load_state_dict(saved[1])
    for its, other in ((saved[0], again), copied, pickled):
        walk(other, its, first=2)
        check_close(parameters, its, 0.0)


@pytest.mark.parametrize("name", ["muon_adamw", "loss of all"])
def test_compiled_steps_are_the_eager_ones(
    name: str, exported: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, compiler = CompileCounter(), torch.compile
    monkeypatch.setattr(
        torch,
        "compile",
        lambda f, dynamic, options: compiler(f, dynamic=dynamic, backend=counter),
    )
    cls = exported(EXPORTED[name])
    pair = fresh(torch.float32), fresh(torch.float32)
    for parameters, compiled in zip(pair, (True, False), strict=True):
        optimizer = cls(groups(parameters), **options_of(cls, compiled=compiled))
        walk(optimizer, parameters, last=2)
        graphs = counter.frame_count
        walk(optimizer, parameters, first=2)
        assert counter.frame_count == graphs > 0
    check_close(*pair, 1e-5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
def test_inductor_takes_the_eager_steps(exported: Make) -> None:
    cls, pair = exported(EXPORTED["muon_adamw"]), (fresh(), fresh())
    for parameters, compiled in zip(pair, (True, False), strict=True):
        optimizer = cls(groups(parameters), **options_of(cls, compiled=compiled))
        walk(optimizer, parameters)
    check_close(*pair, 1e-9)


def test_step_compiles_whole_and_once(exported: Make) -> None:
    cls, pair = exported(EXPORTED["muon_adamw"]), (fresh(), fresh())
    ours, theirs = (cls(groups(each), **options_of(cls)) for each in pair)
    counter, graphs = CompileCounter(), []
    step = torch.compile(ours.step, backend=counter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler's record_function is left out
        for number in range(4):
            for parameters in pair:
                for parameter in parameters:
                    parameter.grad = torch.ones_like(parameter) / (number + 1)
            step()
            theirs.step()
            graphs.append(counter.frame_count)
    assert graphs[1:] == [graphs[1]] * 3
    check_close(*pair)


def test_the_loss_comes_from_a_closure_or_an_argument(exported: Make) -> None:
    cls = exported("loss * g")
    pair = [torch.nn.Parameter(torch.tensor([1.0, 3.0])) for _ in range(2)]
    by_closure, by_argument = (cls([weight], lr=0.1) for weight in pair)

    def closure() -> torch.Tensor:
        loss = (pair[0] ** 2).sum()
        loss.backward()
        return loss

    assert by_closure.step(closure) == 10.0
    pair[1].grad = torch.tensor([2.0, 6.0])
    by_argument.step(loss=10.0)
    assert pair[0].tolist() == pair[1].tolist() == [-1.0, -3.0]
    with pytest.raises(ValueError, match="uses the loss: give a closure, or step"):
        by_argument.step()


def test_a_narrow_weight_is_rounded_as_rule_optimizer_rounds_it(exported: Make) -> None:
    for rounding in ("stochastic", "kahan"):
        ours, theirs = fresh(torch.bfloat16), fresh(torch.bfloat16)
        cls, options = exported(RULES["muon_adamw"]), {"lr": 1e-3, "rounding": rounding}
        walk(RuleOptimizer(groups(ours), RULES["muon_adamw"], **options), ours)
        walk(cls(groups(theirs), **options), theirs)
        check_close(ours, theirs, 0.0)


def test_what_it_can_not_do_is_one_line(exported: Make) -> None:
    cls, weight = exported(EXPORTED["muon_adamw"]), torch.nn.Parameter(torch.ones(2, 2))
    with pytest.raises(
        ValueError, match="Invalid kind: bias, it must be one of matrix"
    ):
        cls([{"params": [weight], "kind": "bias"}])
    weight.grad = torch.ones(2, 2)
    weight.to_local = lambda: weight  # type: ignore[attr-defined]  # as a DTensor has
    with pytest.raises(RuntimeError, match="can't update a DTensor"):
        cls([weight]).step()
    assert weight.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_step_of_a_graph_keeps_memory_in_place(exported: Make) -> None:
    parameters, its = fresh(), fresh()
    cls = exported(EXPORTED["muon_adamw"])
    plain = cls(groups(parameters), **options_of(cls))
    capturable = cls(groups(its), **options_of(cls, capturable=True))
    walk(plain, parameters, last=2)
    walk(capturable, its, last=2)
    places = [state["state0"].data_ptr() for state in capturable.state.values()]
    walk(plain, parameters, first=2)
    walk(capturable, its, first=2)
    check_close(parameters, its)
    again = [state["state0"].data_ptr() for state in capturable.state.values()]
    assert places == again


def test_files_are_readable_and_their_tests_pass(tmp_path: Path) -> None:
    names = ("came", "muon_adamw", "loss of some", "loss of all", "kinds only")
    for number, name in enumerate(names):
        path = export_rule(EXPORTED[name], tmp_path / f"rule_{number}.py", "Found")
        imports = {line for line in path.read_text().splitlines() if "import" in line}
        assert not any("neuralopt" in line for line in imports - {HEADER})
        beside = imported(path.with_name(f"test_rule_{number}.py"))
        beside.test_the_trajectory_is_golden()
        beside.test_a_saved_state_goes_on_exactly(tmp_path)
    pytest.importorskip("ruff")
    for check in (
        ["check", "--select=E,F,W,I,N", "--ignore=N803"],
        ["format", "--check"],
    ):
        command = [sys.executable, "-m", "ruff", *check, "--isolated", str(tmp_path)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr
