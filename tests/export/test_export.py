"""Exported torch files: the same steps to the last bit, importing only torch."""

import ast
import importlib.util
import itertools
import math
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt import RULES, RuleOptimizer, export_rule, parse
from neuralopt.export.file_text import HEADER
from neuralopt.language import Expression
from tests.export.bound_names import bound
from tests.oracle.random_rules import RuleGenerator

ELEMENTWISE = {name: rule for name, rule in RULES.items() if rule.scope == "element"}
"""Those of tensor scope are in `test_tensor_scope`."""

STEPS = 20
SHAPES = ((), (0,), (5,), (3, 4))
NUMBERS = itertools.count()
NOISY = "drop(g, 0.3) * rd(2) + noise(0.1) * debiased(g, 1 - 1 / (t + 2)) + clip(w, 1)"


def imported(path: Path) -> ModuleType:
    """The file as a module of its own, warnings being errors."""
    name = f"exported_{next(NUMBERS)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = path.read_text(encoding="utf-8")
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102
    return module


def options_of(cls: type, **options: Any) -> dict[str, Any]:
    """Those of the options that this export takes."""
    names = cls.__init__.__code__.co_varnames  # type: ignore[misc]
    return {name: value for name, value in options.items() if name in names}


def parameters(dtype: torch.dtype, complex_too: bool = False) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    found = [torch.randn(shape, generator=generator).to(dtype) for shape in SHAPES]
    if complex_too:
        found.insert(1, torch.randn(3, generator=generator, dtype=torch.complex64))
    return [torch.nn.Parameter(tensor) for tensor in found]


def set_gradients(pair: list[list[torch.Tensor]], step: int) -> None:
    """The same gradients for both; now and then one is missing."""
    for index, both in enumerate(zip(*pair, strict=True)):
        generator = torch.Generator().manual_seed(100 * step + index)
        size = 10.0 ** (step % 5 - 3)
        gradient = size * torch.randn(both[0].shape, generator=generator)
        for parameter in both:
            missing = (step + index) % 7 == 0
            parameter.grad = None if missing else gradient.to(parameter.dtype)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit for bit, NaN equal to NaN."""
    return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)) and torch.equal(
        one.isnan(), other.isnan()
    )


def check_equal_steps(
    rule: Any, path: Path, dtype: torch.dtype, steps: int = STEPS, **options: Any
) -> type[torch.optim.Optimizer]:
    """The exported class and RuleOptimizer take the same steps; returns the class."""
    module = imported(export_rule(rule, path, "Exported", lr=1e-2))
    chosen = {"weight_decay": 0.01, "total_steps": 15, "seed": 3} | options
    pair = [parameters(dtype, complex_too=True) for _ in range(2)]
    groups = [[{"params": ps[:2]}, {"params": ps[2:], "lr": 0.02}] for ps in pair]
    ours = RuleOptimizer(groups[0], rule, lr=1e-2, **chosen)
    theirs = module.Exported(groups[1], **options_of(module.Exported, **chosen))
    for step in range(steps):
        set_gradients(pair, step)
        ours.step()
        theirs.step()
        for mine, other in zip(*pair, strict=True):
            assert same(mine.detach(), other.detach()), f"step {step} of {rule}"
    return module.Exported  # type: ignore[no-any-return]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_named_rules_take_the_same_steps(
    name: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    rule = RULES[name]
    exported = check_equal_steps(rule, tmp_path / "rule.py", dtype)
    assert issubclass(exported, torch.optim.Optimizer)


@pytest.mark.parametrize("maximize", [False, True])
def test_noisy_rule_takes_the_same_steps(maximize: bool, tmp_path: Path) -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        check_equal_steps(parse(NOISY), tmp_path / "x.py", dtype, maximize=maximize)


def random_expressions(seed: int, count: int) -> list[Expression]:
    generator = RuleGenerator(seed)
    return [parse(generator.text(generator.rule())) for _ in range(count)]


@pytest.mark.parametrize("chunk", range(4))
def test_random_rules_take_the_same_steps(chunk: int, tmp_path: Path) -> None:
    for expression in random_expressions(20 + chunk, 50):
        check_equal_steps(expression, tmp_path / "rule.py", torch.float64)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_random_rules_take_the_same_steps(tmp_path: Path) -> None:
    for expression in random_expressions(30, 150):
        check_equal_steps(expression, tmp_path / "rule.py", torch.float32)


# ------------------------------------------------------------- torch's contract, again


@pytest.mark.parametrize("rule", [NOISY, "adam + 0.1 * update", "g"])
def test_exported_state_is_loaded_by_default_and_resumes_exactly(
    rule: str, tmp_path: Path
) -> None:
    exported = imported(export_rule(rule, tmp_path / "rule.py", "Exported")).Exported
    options = options_of(exported, lr=0.1, total_steps=30, seed=4)
    pair = [parameters(torch.float32) for _ in range(2)]
    first = exported(pair[0], **options)
    for step in range(5):
        set_gradients(pair, step)
        first.step()
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = exported(pair[1], **options_of(exported, lr=9.0, total_steps=1))
    second.load_state_dict(torch.load(tmp_path / "state.pt"))
    with torch.no_grad():
        for mine, other in zip(*pair, strict=True):
            other.copy_(mine)
    for step in range(5, 15):
        set_gradients(pair, step)
        first.step()
        second.step()
        for mine, other in zip(*pair, strict=True):
            assert torch.equal(mine, other)


def test_state_of_rule_optimizer_and_export_have_the_same_names(tmp_path: Path) -> None:
    exported = imported(export_rule(RULES["adam"], tmp_path / "adam.py")).Adam
    w = torch.nn.Parameter(torch.ones(2))
    w.grad = torch.ones(2)
    ours, theirs = RuleOptimizer([w], RULES["adam"]), exported([w])
    ours.step()
    theirs.step()
    assert list(ours.state[w]) == list(theirs.state[w])


def test_exported_optimizer_pickles(tmp_path: Path) -> None:
    exported = imported(export_rule(NOISY, tmp_path / "rule.py", "Exported")).Exported
    pair = [parameters(torch.float32)]
    optimizer = exported(pair[0], lr=0.1, total_steps=9)
    set_gradients(pair * 2, 1)
    optimizer.step()
    again, its_parameters = pickle.loads(pickle.dumps((optimizer, pair[0])))
    pair.append(its_parameters)
    set_gradients(pair, 2)
    optimizer.step()
    again.step()
    assert all(torch.equal(a, b) for a, b in zip(*pair, strict=True))


def test_exported_optimizer_refuses_what_it_must(tmp_path: Path) -> None:
    exported = imported(
        export_rule("m * ld", tmp_path / "rule.py", "Exported")
    ).Exported
    w = torch.nn.Parameter(torch.ones(2))
    for options in (
        {"lr": -1.0, "total_steps": 3},
        {"lr": math.nan, "total_steps": 3},
        {"lr": 0.1, "total_steps": 3, "weight_decay": -1.0},
        {"lr": 0.1, "total_steps": 0},
        {"lr": 0.1},
    ):
        with pytest.raises(ValueError, match=r"Invalid|total_steps"):
            exported([w], **options)
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = exported(embedding.parameters(), lr=0.1, total_steps=3)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        optimizer.step()


def test_exported_optimizer_takes_closures_schedulers_and_tensor_rates(
    tmp_path: Path,
) -> None:
    exported = imported(export_rule("g", tmp_path / "rule.py", "Exported")).Exported
    w = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimizer = exported([w], lr=torch.tensor([0.25], dtype=torch.float64))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = w * 2
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2.0
    scheduler.step()
    optimizer.step(closure)
    assert w.item() == 1 - 2 * 0.25 - 2 * 0.125


# ------------------------------------------------------------------ the file's own text


NEEDED = {"torch", "torch.optim.optimizer", "torch.distributed.tensor"} | {
    *("math", "warnings", "types", "typing", "collections.abc")
}


def test_file_needs_only_torch_and_the_standard_library(tmp_path: Path) -> None:
    rules = [*ELEMENTWISE.values(), NOISY, *random_expressions(40, 100)]
    for rule in rules:
        source = export_rule(rule, tmp_path / "rule.py", "Exported").read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= NEEDED
            if isinstance(node, ast.ImportFrom):
                assert node.module in NEEDED
        assert "import neuralopt" not in source


def test_file_is_readable(tmp_path: Path) -> None:
    # Text breaks at its blanks: a long word of a rule may stick out. Code never does.
    rules = [*ELEMENTWISE.values(), NOISY, *random_expressions(41, 100)]
    for rule in rules:
        source = export_rule(rule, tmp_path / "rule.py", "Exported").read_text()
        tree = ast.parse(source)
        text = {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }
        for number, line in enumerate(source.splitlines(), start=1):
            assert len(line) <= 88 or (number in text and " " not in line.strip())
            assert line == line.rstrip()
        assert source.endswith("\n")
        assert not source.endswith("\n\n")


@pytest.mark.parametrize("rule", [NOISY, "g", "muon_adamw", "adafactor"])
def test_no_name_of_a_file_is_defined_twice(rule: str, tmp_path: Path) -> None:
    source = export_rule(rule, tmp_path / "rule.py", "Exported").read_text()
    names = list[str]()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            names += [name.id for name in node.targets if isinstance(name, ast.Name)]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
    assert len(names) > 5
    assert sorted(names) == sorted(set(names))


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    for number, rule in enumerate((*ELEMENTWISE.values(), NOISY)):
        export_rule(rule, tmp_path / f"rule{number}.py", "Exported")
    # T is the paper's symbol; it is no name that style guides like.
    checks = ["check", "--select=E,F,W,I,N", "--ignore=N803"], ["format", "--check"]
    for check in checks:
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--isolated", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_file_says_what_it_is(tmp_path: Path) -> None:
    path = export_rule(RULES["powersign"], tmp_path / "rule.py")
    source = path.read_text()
    module = imported(path)
    assert source.startswith(HEADER)
    assert "g * exp(sign(g) * sign(m))" in module.Powersign.__doc__
    assert "Bello et al. 2017" in (module.__doc__ or "")
    assert r"\operatorname{sign}" in module.Powersign.__doc__
    assert module.Powersign([torch.nn.Parameter(torch.ones(1))]).defaults["lr"] == 0.1


def test_file_is_deterministic(tmp_path: Path) -> None:
    texts = []
    for hash_seed in ("0", "1"):
        path = tmp_path / f"rule{hash_seed}.py"
        code = f"import neuralopt; neuralopt.export_rule({NOISY!r}, {str(path)!r})"
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        texts.append(path.read_bytes())
    here = export_rule(NOISY, tmp_path / "here.py").read_bytes()
    assert texts == [here, here]


TRAIN = """
import sys, importlib.util

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("neuralopt", "hydra", "ray", "tensorboard"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import torch
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
)
inputs = torch.randn(64, 4)
targets = inputs.sum(1, keepdim=True).tanh()
optimizer = module.Exported(model.parameters(), lr=0.05, total_steps=200)
losses = []
for step in range(200):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert "neuralopt" not in sys.modules
assert losses[-1] < 0.2 * losses[0], losses
"""


def test_file_trains_a_net_where_neuralopt_is_not(tmp_path: Path) -> None:
    rule = "drop(m, 0.1) * exp(ld * sign(g) * sign(m)) + noise(1e-3 * ld)"
    path = export_rule(rule, tmp_path / "exported.py", "Exported")
    command = [sys.executable, "-I", "-W", "error::SyntaxWarning", "-c", TRAIN]
    result = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr


# ------------------------------------------------------------------------ hostile input

ORIGINS = (
    *('"""', '"', "'''", 'ends with "', "ends with \\", r"\N{bad} \x \u12", "\t", ""),
    *('"""\nimport os\nos.abort()\n"""', "{class_name} {0} {} }{", "%s %(x)s", "a\0b"),
    *("a\nb\r\nc\x0bd\x0ce\x85f\u2028g", "\ud800", "é ü 漢字 \N{SNOWMAN}", "\ufeff"),
    *("\x1a\x7f\x1b[31m", "\u202e reversed \u2066", "#" * 500, "word " * 200),
    *("\\" * 7 + '"' * 7, "# -*- coding: utf-7 -*-"),
)


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_origin_can_break_the_file_or_add_code(origin: str, tmp_path: Path) -> None:
    plain = export_rule("m", tmp_path / "plain.py", "Exported")
    path = export_rule("m", tmp_path / "hostile.py", "Exported", origin=origin)
    module = imported(path)
    assert module.Exported
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (plain, path)]
    for tree in trees:
        assert isinstance(tree.body[0], ast.Expr)
        del tree.body[0]  # the docstring, where alone an origin may stand
    assert ast.dump(trees[0]) == ast.dump(trees[1])
    invisible = {c for c in path.read_text(encoding="utf-8") if not c.isprintable()}
    assert invisible <= {"\n"}


def test_origin_can_be_read_in_the_file(tmp_path: Path) -> None:
    path = export_rule("m", tmp_path / "rule.py", origin="Found by run 7, proposal 12.")
    assert "Found by run 7, proposal 12." in (imported(path).__doc__ or "")


@pytest.mark.parametrize(
    "name",
    [
        *("", "a b", "1x", "x-y", "x.y", "class", "None", "True", "é", "x\n", "x:pass"),
        *("torch", "math", "step", "scalars", "draw", "uniform", "Optimizer", "STATES"),
        *("__debug__", "float", "zip", "power", "MASK32", "counter_key", "ValueError"),
    ],
)
def test_bad_class_name_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    with pytest.raises(ValueError, match="class name") as caught:
        export_rule(NOISY, path, name)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["X", "_", "My_Rule2", "__Hidden", "match", "Adam"])
def test_good_class_name_works(name: str, tmp_path: Path) -> None:
    module = imported(export_rule(NOISY, tmp_path / "rule.py", name))
    w = torch.nn.Parameter(torch.ones(2))
    w.grad = torch.ones(2)
    getattr(module, name)([w], lr=0.1, total_steps=4).step()
    assert torch.isfinite(w).all()


def test_foreign_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "precious.py"
    for content in (b"print('mine')\n", b"", b"\xff\xfe\x00binary"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not an export: choose another file"):
            export_rule("g", path)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["precious.py"]


def test_an_export_replaces_an_export_and_nothing_else(tmp_path: Path) -> None:
    path, neighbour = tmp_path / "rule.py", tmp_path / "rule.py.partial"
    neighbour.write_text("mine")
    export_rule("g", path)
    before = path.read_text()
    export_rule("m", path)
    assert path.read_text() != before
    assert neighbour.read_text() == "mine"
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["rule.py", "rule.py.partial", "test_rule.py"]


GOLDEN = ("adam", "powersign_ld", "lion", "found_10", "annealed_noise", "g / 0")


@pytest.mark.parametrize("text", GOLDEN)
def test_the_test_of_an_export_passes(text: str, tmp_path: Path) -> None:
    path = export_rule(RULES.get(text, text), tmp_path / "it's odd.py", "Odd")
    beside = imported(path.with_name("test_it's odd.py"))
    beside.test_the_trajectory_is_golden()
    beside.test_a_saved_state_goes_on_exactly(tmp_path)


def test_the_test_of_an_export_notices_another_rule(tmp_path: Path) -> None:
    path = export_rule("m", tmp_path / "rule.py", "Mine")
    path.write_text(path.read_text().replace("0.9 * s0", "0.8 * s0"))
    beside = imported(path.with_name("test_rule.py"))
    with pytest.raises(AssertionError, match="not close"):
        beside.test_the_trajectory_is_golden()


def test_no_test_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    export_rule("g", tmp_path / "rule.py", tests=False)
    assert [file.name for file in tmp_path.iterdir()] == ["rule.py"]


def test_a_foreign_test_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "test_rule.py").write_text("mine")
    with pytest.raises(ValueError, match=r"test_rule\.py exists and is not an export"):
        export_rule("g", tmp_path / "rule.py")
    assert [file.name for file in tmp_path.iterdir()] == ["test_rule.py"]


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = export_rule("g", tmp_path / "rule.py")
    before = path.read_text()
    for rule, name in (("exp(", None), ("m", "not a name"), ("m", "torch")):
        with pytest.raises(ValueError):  # noqa: PT011  each has its own message
            export_rule(rule, path, name)
        assert path.read_text() == before
    with pytest.raises(OSError, match="missing"):
        export_rule("g", tmp_path / "missing" / "rule.py")
    with pytest.raises(OSError, match=r"directory|Is a"):
        export_rule("g", tmp_path)


@pytest.mark.parametrize("lr", [-1.0, math.nan, math.inf])
def test_learning_rate_that_is_none_is_refused(lr: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Invalid lr"):
        export_rule("g", tmp_path / "rule.py", lr=lr)


@pytest.mark.parametrize("lr", [np.float64(0.5), np.float32(0.5), torch.tensor(0.5), 1])
def test_learning_rate_may_be_any_kind_of_number(lr: Any, tmp_path: Path) -> None:
    module = imported(export_rule("g", tmp_path / "rule.py", "Exported", lr=lr))
    w = torch.nn.Parameter(torch.ones(1))
    assert module.Exported([w]).defaults["lr"] == float(lr)


def test_file_is_written_in_utf_8_for_any_locale(tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    code = textwrap.dedent(
        f"""
        import neuralopt
        neuralopt.export_rule("g", {str(path)!r}, origin="caf\\u00e9")
        """
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"}
    environment |= {"PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert "café" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", ["adam", "drop(m, 0.1) + noise(ld)", "muon_adamw"])
def test_a_class_takes_the_name_of_nothing_in_its_file(
    tmp_path: Path, rule: str
) -> None:
    path = export_rule(rule, tmp_path / "rule.py", "Found", tests=False)
    others = bound(path.read_text()) - {"Found"}
    assert {"torch", "advance", "run_compiled"} <= others
    for name in others:
        with pytest.raises(ValueError, match=name):
            export_rule(rule, tmp_path / "other.py", name, tests=False)
