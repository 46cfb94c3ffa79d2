"""Write the reference pages that are made from the code: commands and configuration.

``python docs/site/generate.py`` writes them; a test compares them with what it would
write. Run it after a change of the command line or of conf/.
"""

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from neuralopt.cli import main
from neuralopt.cli.arguments import parser

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

COMMANDS_INTRO = """# Command line

Every command, its arguments and options. `neuralopt COMMAND --help` prints the same.
This page is made by `python docs/site/generate.py`.

A command exits with 0 when it did its work, 1 when the work failed, 2 when the input
was wrong, 70 for a bug, and 130 when Ctrl-C or SIGTERM stopped it. Errors are one line
on standard error; `NEURALOPT_DEBUG=1` shows where a bug is.
"""

KEYS_INTRO = """# Configuration keys

Every key of a search, with its default, and the files of `conf/` that a group is chosen
from. This page is made by `python docs/site/generate.py`.

An argument `KEY=VALUE` overrides a key, in
[Hydra's syntax](https://hydra.cc/docs/advanced/override_grammar/basic/); `GROUP=NAME`
chooses a file of a group. `neuralopt search KEY=VALUE ... --show` prints the composed
configuration and runs nothing.
"""


def command_line_page() -> str:
    """The page of the command line, read from the argument parser."""
    commands = next(
        action
        for action in parser()._actions  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction)
    )
    about = {each.dest: each.help for each in commands._choices_actions}
    sections = [COMMANDS_INTRO]
    for name, command in commands.choices.items():
        usage = " ".join(command.format_usage().split()).removeprefix("usage: ")
        rows = [
            f"| `{_spelling(action)}` | {_cell(_help(action))} |"
            for action in command._actions
            if not isinstance(action, argparse._HelpAction)
        ]
        sections += [
            f"## {name}\n",
            f"{(about[name] or name).capitalize()}.\n",
            f"```text\n{usage}\n```\n",
            "| argument | |\n|---|---|\n" + "\n".join(rows) + "\n",
        ]
        if command.epilog:
            sections.append(f"```text\n{command.epilog.strip()}\n```\n")
    return "\n".join(sections)


def _spelling(action: argparse.Action) -> str:
    """An argument as it is typed."""
    value = action.metavar or action.dest.upper()
    if action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return f"{value} ..." if action.nargs in ("*", "+") else str(value)
    flags = ", ".join(action.option_strings)
    return flags if action.nargs == 0 else f"{flags} {value}"


def _help(action: argparse.Action) -> str:
    if action.help:
        return action.help
    return {
        "overrides": "overrides of the configuration",
        "run": "a run directory",
        "rule": "a rule, see below",
        "rules": "rules and overrides, see below",
        "output": "the file to write",
    }.get(action.dest, "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def configuration_page() -> str:
    """The page of the configuration, read from conf/ and what it composes to."""
    default = _composed()
    top = (ROOT / "conf" / "config.yaml").read_text("utf-8")
    sections = [KEYS_INTRO, "## Keys\n", f"```yaml\n{top}```\n"]
    rows = [f"| `{key}` | `{value}` |" for key, value in _flat(default)]
    sections.append("| key | default |\n|---|---|\n" + "\n".join(rows) + "\n")
    for folder in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir()):
        files = sorted(folder.glob("*.yaml"))
        if not files:
            continue
        group = folder.name
        sections.append(f"## {group}\n")
        for file in files:
            sections += [f"### {group}={file.stem}\n", *_choice(group, file, default)]
    return "\n".join(sections)


def _choice(group: str, file: Path, default: dict[str, Any]) -> Iterator[str]:
    """What a file of a group says, and the options that come with it."""
    text = file.read_text("utf-8")
    if "- base_" in text:  # its values are those of the code
        yield _comments(file)
        chosen = _composed(f"{group}={file.stem}")[group]
        yield f"```yaml\n{yaml.safe_dump(chosen, sort_keys=False)}```\n"
    else:
        yield f"```yaml\n{text}```\n"


def _comments(file: Path) -> str:
    """The lines of comment that a file begins with, as text."""
    lines = re.match(r"(#.*\n)*", file.read_text("utf-8"))
    return "```yaml\n" + (lines[0] if lines else "") + "```\n"


def _composed(*overrides: str) -> dict[str, Any]:
    """The configuration that `neuralopt search --show` prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(["search", *overrides, "--show"])
    if code:
        raise RuntimeError(f"neuralopt search {overrides} --show exited with {code}")
    composed: dict[str, Any] = yaml.safe_load(output.getvalue())
    return composed


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Keys with dots, and their values as YAML; long lists are cut."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
            text = text.removesuffix("\n").removesuffix("\n...")
            yield f"{prefix}{key}", text if len(text) < 60 else f"{text[:50]} ...]"


PAGES = {
    "command-line.md": command_line_page,
    "configuration.md": configuration_page,
}
"""File of docs/reference -> function that makes it."""


if __name__ == "__main__":
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), "utf-8")
