"""Modules of the language import each other in one direction, at the top of a file."""

import ast
import graphlib
from pathlib import Path

import pytest

from neuralopt import language

FOLDER = Path(language.__file__).parent
PREFIX = "neuralopt.language"
MODULES = {
    path.stem: ast.parse(path.read_text("utf-8"))
    for path in sorted(FOLDER.glob("*.py"))
    if path.stem != "__init__"
}
Imports = ast.Import | ast.ImportFrom


def imported(tree: ast.AST) -> set[str]:
    """Modules of the language that a module imports; the package itself as ""."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = f"{PREFIX}.{node.module or ''}" if node.level else node.module
            found |= {f"{module}.{alias.name}" for alias in node.names}
    inside = {name.removeprefix(PREFIX + ".") for name in found if PREFIX in name}
    return {name.partition(".")[0] for name in inside}


def test_there_are_modules_to_look_at() -> None:
    assert {"expression", "parser", "rendering"} <= set(MODULES)
    assert "expression" in imported(MODULES["rendering"])


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_imported_inside_a_function(name: str) -> None:
    functions = (n for n in ast.walk(MODULES[name]) if isinstance(n, ast.FunctionDef))
    inside = [
        ast.unparse(node)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, Imports)
    ]
    assert inside == []


def test_modules_form_no_cycle() -> None:
    graph = {name: imported(tree) & set(MODULES) for name, tree in MODULES.items()}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)
    assert order.index("expression") < order.index("parser") < order.index("rendering")


def test_a_cycle_would_be_found() -> None:
    one = imported(
        ast.parse("def f():\n    from neuralopt.language.parser import parse")
    )
    other = imported(ast.parse("from .expression import Expression"))
    assert (one, other) == ({"parser"}, {"expression"})
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"expression": one, "parser": other}).prepare()
