"""The public names: they load lazily, and the README lists them."""

import re
from pathlib import Path

import pytest

import neuralopt

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", neuralopt.__all__)
def test_every_public_name_loads(name: str) -> None:
    value = getattr(neuralopt, name)
    assert name in dir(neuralopt)
    # A dictionary has no documentation of its own; everything else says what it is.
    assert name == "RULES" or value.__doc__


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
