"""Every command and Python snippet of the documentation runs as it stands there."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.snippets import (
    MARKERS,
    PAGES,
    ROOT,
    RUN,
    Block,
    blocks_of,
    check_command,
    commands_of,
    run_blocks,
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = {
    name_of(page): blocks_of(page.read_text("utf-8"), name_of(page)) for page in PAGES
}
ALL_BLOCKS = [block for blocks in BLOCKS.values() for block in blocks]
QUICK = [
    name
    for name, blocks in BLOCKS.items()
    if any(b.runs and not b.marker for b in blocks)
]
SLOW = [
    name for name, blocks in BLOCKS.items() if any(b.marker == "slow" for b in blocks)
]


UNCHECKED = (
    "docs/reference/command-line.md",  # generated: usage and help texts
    "docs/reference/configuration.md",
)
"""Pages whose other blocks may hold commands."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, from which modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith(str(tmp_path) + os.sep):
            del sys.modules[name]


@pytest.mark.parametrize("page", QUICK)
def test_the_snippets_of_a_page_run(
    page: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    slow = f"{test_the_snippets_of_a_page_run_with_the_slow_ones.__name__}[{page}]"
    if any(item.name == slow for item in request.session.items):
        pytest.skip("the test with the slow ones runs these too")
    run_blocks([b for b in BLOCKS[page] if b.runs and b.marker != "slow"], folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", SLOW)
def test_the_snippets_of_a_page_run_with_the_slow_ones(page: str, folder: Path) -> None:
    run_blocks([b for b in BLOCKS[page] if b.runs], folder)


@pytest.mark.parametrize(
    "command",
    [
        command
        for block in ALL_BLOCKS
        if block.marker == "not run" and not block.reason.startswith("until")
        for command in commands_of(block)
    ],
)
def test_a_command_that_is_not_run_parses(command: str) -> None:
    check_command(command)


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=lambda block: block.where)
def test_a_block_is_run_or_says_why_not(block: Block) -> None:
    assert block.marker in ("", *MARKERS), f"{block.where}: {block.marker!r}"
    assert bool(block.reason) == (block.marker == "not run"), block.where
    if block.language not in RUN and not block.where.startswith(UNCHECKED):
        assert not commands_of(block), f"{block.where}: say bash, console or python"


def test_a_snippet_that_fails_fails_its_test(folder: Path) -> None:
    for text in (
        "```python\nimport no_such_module_at_all\n```\n",
        "```bash\nneuralopt show no_such_rule\n```\n",
        "```bash\ntrue | false\n```\n",
        "```console\n$ neuralopt show adam\nrule lion\n```\n",
    ):
        with pytest.raises((AssertionError, ImportError)):
            run_blocks(blocks_of(text, "page"), folder)


def test_blocks_are_read_with_their_markers_titles_and_indentation() -> None:
    text = (
        "- item\n\n  <!-- not run: needs a cluster -->\n\n  ```bash\n  ray up\n  ```\n"
        '\n<!-- slow -->\n```python title="a.py"\nx = 1\n```\n'
    )
    assert blocks_of(text, "p") == [
        Block("p:5", "bash", "", "ray up\n", "not run", "needs a cluster"),
        Block("p:10", "python", "a.py", "x = 1\n", "slow", ""),
    ]
