"""What the README shows can be typed: its commands parse, its Python runs."""

import re
import shlex
from pathlib import Path

import pytest

from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.main import parser
from neuralopt.language import RULES, render
from neuralopt.tasks import is_custom

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.M | re.S)
COMMANDS = [
    line.removeprefix("$ ")
    for language, block in BLOCKS
    if not language
    for line in block.splitlines()
    if line.removeprefix("$ ").startswith("neuralopt ")
    and not line.startswith("neuralopt: ")
]


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_parses_and_composes(command: str) -> None:
    options = parser().parse_args(shlex.split(command, comments=True)[1:])
    words = getattr(options, "overrides", getattr(options, "rules", []))
    settings = compose_settings([word for word in words if "=" in word])
    if is_custom(settings.task.name):
        module, _, name = settings.task.name.partition(":")
        assert f'{name} = neuralopt.make_task("{module}"' in README


def test_the_python_of_the_readme_runs() -> None:
    code = [block for language, block in BLOCKS if language == "python"]
    assert code
    for block in code:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102  it is the subject


def test_the_table_of_the_zoo_is_that_of_the_rules() -> None:
    lines = (Path(__file__).parents[1] / "docs" / "ZOO.md").read_text("utf-8")
    rows = [line.split(" | ") for line in lines.splitlines() if line.startswith("| ")]
    shown = {row[0].strip("| "): row for row in rows[1:]}
    assert list(shown) == list(RULES)
    for name, rule in RULES.items():
        _, text, lr, reference, _, about = shown[name]
        assert text == f"`{render(rule.expression)}`"
        assert (lr, reference) == (f"{rule.lr:g}", rule.reference)
        assert about.strip(" |") == rule.about
