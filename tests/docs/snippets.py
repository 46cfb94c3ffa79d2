"""The commands and Python snippets of a page, and how they are run.

A page is read from the top, in a folder of its own:

- a fenced block with ``title="FILE"`` after its language is written to that file;
- ``bash`` and ``console`` blocks are run; a command that fails fails the test, and the
  output under a ``$ command`` is compared, apart from decimals and sparklines, with
  ``...`` for what is left out;
- ``python`` blocks of a page share their names.

An HTML comment before a block says what else is to be done with it: ``<!-- slow -->``
leaves it to ``scripts/test --all``, ``<!-- not run: REASON -->`` to nobody. Where the
reason does not begin with "until", the neuralopt commands of such a block must parse.
"""

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuralopt.cli import main
from neuralopt.cli.arguments import parser

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(
        page
        for page in (ROOT / "docs").rglob("*.md")
        if page.name != "ARCHITECTURE.md"  # describes; holds nothing to type
    ),
]
RUN = ("bash", "console", "python")
MARKERS = ("slow", "not run")

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<marker>[^>]*?) -->\n\s*)?"
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[ \t]*$",
    flags=re.M | re.S,
)
_TITLE = re.compile(r'title="([^"]+)"')
_INEXACT = re.compile(r"[+-]?\d+\.\d+(?:e[+-]?\d+)?|[▁▂▃▄▅▆▇█]+")
_SHELL = re.compile(r"[|&;<>$`*~]")
"""Characters for which a command is left to a shell."""
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        where: page and line, for people.
        language: first word after the fence. title: file that it is written to.
        text: without the fences and their indentation.
        marker: of MARKERS, or empty. reason: why it is not run.
    """

    where: str
    language: str
    title: str
    text: str
    marker: str
    reason: str

    @property
    def runs(self) -> bool:
        return self.marker != "not run" and (bool(self.title) or self.language in RUN)


def blocks_of(text: str, name: str) -> list[Block]:
    """The fenced blocks of a page's text, in order."""
    blocks = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("info")) + 1
        language = (match["info"].split() or [""])[0]
        title = _TITLE.search(match["info"])
        marker, _, reason = (match["marker"] or "").partition(": ")
        blocks.append(
            Block(
                f"{name}:{line}",
                language,
                title[1] if title else "",
                textwrap.dedent(match["text"]),
                marker,
                reason,
            )
        )
    return blocks


def run_blocks(blocks: Sequence[Block], folder: Path) -> None:
    """Run blocks in order, in a folder that is the current one.

    Raises:
        AssertionError: a block fails, or prints something else than the page shows.
    """
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        if block.title:
            (folder / block.title).write_text(block.text, "utf-8")
        elif block.language == "python":
            code = compile(block.text, block.where, "exec")
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, names)  # noqa: S102  it is the subject
        elif block.language == "console":
            for command, expected in _dialogue(block.text):
                _, output = _run(command)
                _compare(block.where, command, expected, output)
        else:
            code_of_exit, output = _run(block.text)
            assert code_of_exit == 0, f"{block.where}: {output}"


def commands_of(block: Block) -> list[str]:
    """The neuralopt commands of a block, one a line."""
    lines = block.text.replace("\\\n", " ").splitlines()
    typed = [line.removeprefix("$ ").strip() for line in lines]
    return [line for line in typed if line.startswith("neuralopt ")]


def check_command(command: str) -> None:
    """Parse a command without running it; a search's configuration is composed.

    Raises:
        AssertionError: the command line refuses it.
    """
    words = shlex.split(command, comments=True)[1:]
    if words[0] == "search":
        code, output = _run_here(
            [word for word in words if word != "--preview"] + ["--show"]
        )
        assert code == 0, f"{command}: {output}"
    else:
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            try:
                parser().parse_args(words)
            except SystemExit:
                raise AssertionError(f"{command}: {errors.getvalue()}") from None


def _run(script: str) -> tuple[int, str]:
    """Exit code and output of commands; plain ones of ours run in this process."""
    lines = [line for line in script.splitlines() if line.strip()]
    if any(not _is_plain(line) for line in lines):
        return _run_in_shell(script)
    output = ""
    for line in lines:
        code, printed = _run_here(shlex.split(line, comments=True)[1:])
        output += printed
        if code:
            return code, output
    return 0, output


def _is_plain(line: str) -> bool:
    outside_quotes = re.sub(r"\"[^\"$`]*\"|'[^']*'", "", line)
    return line.startswith("neuralopt ") and not _SHELL.search(outside_quotes)


def _run_here(words: Sequence[str]) -> tuple[int, str]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    stream.flush()
    return code, raw.getvalue().decode("utf-8")


def _run_in_shell(script: str) -> tuple[int, str]:
    # The Python of the tests, and its neuralopt, not another that is installed.
    python = shlex.quote(sys.executable)
    ours = (
        f'python() {{ {python} "$@"; }}\nneuralopt() {{ python -m neuralopt "$@"; }}\n'
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ours + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _dialogue(text: str) -> Iterator[tuple[str, str]]:
    """Commands after ``$ `` and the output that is shown under each."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def _compare(where: str, command: str, expected: str, output: str) -> None:
    wanted, found = (_INEXACT.sub("#", text) for text in (expected, output))
    same = doctest.OutputChecker().check_output(wanted, found, _FLAGS)
    assert same, f"{where}: {command} printed\n{output}\nnot\n{expected}"
