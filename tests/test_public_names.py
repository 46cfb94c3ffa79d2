"""The public names: they load lazily, and the README lists them."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import neuralopt

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", neuralopt.__all__)
def test_every_public_name_loads(name: str) -> None:
    value = getattr(neuralopt, name)
    assert name in dir(neuralopt)
    # A dictionary has no documentation of its own; everything else says what it is.
    assert name.isupper() or value.__doc__


def test_the_names_for_type_checkers_are_those_that_load() -> None:
    tree = ast.parse(Path(neuralopt.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    named = {alias.name: node.module for node in imports for alias in node.names}
    assert named.keys() == set(neuralopt.__all__)
    for name, module in named.items():
        assert module is not None
        found = getattr(import_module(module), name)
        assert found is getattr(neuralopt, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Optimiser'"):
        _ = neuralopt.Optimiser


def test_the_readme_lists_the_functions() -> None:
    table = re.findall(r"^\| (`.*?`) \|", README, flags=re.M)
    listed = {name for row in table for name in re.findall(r"`(\w+)[(\[]", row)}
    functions = {"parse", "simplify", "render", "RULES", "RuleOptimizer"}
    functions |= {"export_rule", "evaluate", "search"}
    assert functions <= listed
    assert functions <= set(neuralopt.__all__)
