"""The text of exported optax files, checked without JAX."""

import ast
import builtins
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from neuralopt import RULES, export_rule, parse
from neuralopt.cli.arguments import parser
from neuralopt.export.export import TARGETS
from neuralopt.export.optax_file import TAKEN
from neuralopt.language.primitives import PRIMITIVES
from tests.export.bound_names import bound
from tests.export.test_export import NOISY, ORIGINS, random_expressions

ELEMENTWISE = {name: rule for name, rule in RULES.items() if rule.scope == "element"}
"""Rules that can be exported."""

BIG = "g + 1e300 * t + min(w, 1e39) + sqrt(T) % 3"
IMPORTS = {"math", "typing", "jax", "jax.numpy", "optax"}


def exported(rule: object, path: Path, name: str | None = None, **options: str) -> str:
    """The text of the file, which compiles."""
    export_rule(rule, path, name, target="optax", **options)  # type: ignore[arg-type]
    source = path.read_text(encoding="utf-8")
    compile(source, str(path), "exec")
    return source


def test_every_core_primitive_has_a_jax_template() -> None:
    for name, primitive in PRIMITIVES.items():
        needed = bool(primitive.torch) and primitive.scope == "element"
        assert bool(primitive.jax) == needed, name
        values = {parameter.name: "x1" for parameter in primitive.parameters}
        if primitive.jax:
            compile(primitive.jax.format(**values, bits="d0"), name, "eval")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_named_rule_has_its_functions(name: str, tmp_path: Path) -> None:
    source = exported(RULES[name], tmp_path / "rule.py")
    assert {name, f"scale_by_{name}"} <= bound(source)
    assert f"learning_rate={RULES[name].lr!r}" in source
    assert RULES[name].reference in " ".join(source.split())
    compile((tmp_path / "test_rule.py").read_text(), "test_rule.py", "exec")


def test_file_needs_only_jax_and_optax(tmp_path: Path) -> None:
    for rule in (*ELEMENTWISE.values(), NOISY, BIG, *random_expressions(50, 100)):
        source = exported(rule, tmp_path / "rule.py", "found", tests=False)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= IMPORTS
            if isinstance(node, ast.ImportFrom):
                assert node.module in IMPORTS


def test_every_name_of_a_file_is_imported_bound_or_taken(tmp_path: Path) -> None:
    for rule in (*ELEMENTWISE.values(), NOISY, BIG, *random_expressions(51, 100)):
        source = exported(rule, tmp_path / "rule.py", "found", tests=False)
        tree = ast.parse(source)
        known = {*bound(source), *vars(builtins)}
        known |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        known |= {"init", "update"}  # of the function around them
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        assert {node.id for node in names} <= known
        own = {"found", "scale_by_found", "ScaleByFoundState"}
        assert bound(source) - own <= TAKEN


def test_file_is_readable(tmp_path: Path) -> None:
    # Text breaks at its blanks: a long word of a rule may stick out. Code never does.
    for rule in (*ELEMENTWISE.values(), NOISY, BIG, *random_expressions(52, 100)):
        source = exported(rule, tmp_path / "rule.py", "found", tests=False)
        text = {
            line
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }
        for number, line in enumerate(source.splitlines(), start=1):
            assert len(line) <= 88 or (number in text and " " not in line.strip())
            assert line == line.rstrip()
        assert source.endswith("\n")
        assert not source.endswith("\n\n")


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    for number, rule in enumerate((*ELEMENTWISE.values(), NOISY)):
        exported(rule, tmp_path / f"rule{number}.py")
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


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_origin_can_break_the_file_or_add_code(origin: str, tmp_path: Path) -> None:
    plain = exported("m", tmp_path / "plain.py", "found")
    hostile = exported("m", tmp_path / "hostile.py", "found", origin=origin)
    trees = [ast.parse(source) for source in (plain, hostile)]
    for tree in trees:
        assert isinstance(tree.body[0], ast.Expr)
        del tree.body[0]  # the docstring, where alone an origin may stand
    assert ast.dump(trees[0]) == ast.dump(trees[1])
    assert {c for c in hostile if not c.isprintable()} <= {"\n"}


@pytest.mark.parametrize(
    "name",
    [
        *("", "a b", "1x", "x-y", "x.y", "class", "None", "True", "é", "x\n", "x:pass"),
        *("jax", "jnp", "optax", "math", "step", "scalars", "draw", "NamedTuple"),
        *("__debug__", "float", "zip", "power", "MASK32", "words", "ValueError"),
    ],
)
def test_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="function name") as caught:
        export_rule(NOISY, tmp_path / "rule.py", name, target="optax")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'keras', known are torch, optax"):
        export_rule("g", tmp_path / "rule.py", target="keras")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_knows_every_target() -> None:
    for target in TARGETS:
        typed = ["export", "adam", "-o", "a.py", "--target", target]
        assert parser().parse_args(typed).target == target


def test_options_are_those_that_the_rule_needs(tmp_path: Path) -> None:
    for text, inside in (
        ("g", "learning_rate, weight_decay=0.0"),
        ("g * ld", "learning_rate, weight_decay=0.0, *, total_steps"),
        ("drop(g, 0.1)", "learning_rate, weight_decay=0.0, *, seed=0"),
        (NOISY, "learning_rate, weight_decay=0.0, *, total_steps, seed=0"),
    ):
        assert f"\ndef found({inside}):\n" in exported(text, tmp_path / "rule.py")


def test_file_is_deterministic(tmp_path: Path) -> None:
    texts = {exported(parse(NOISY), tmp_path / f"{i}.py", "found") for i in range(2)}
    assert len(texts) == 1
