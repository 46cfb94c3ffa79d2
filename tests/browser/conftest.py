"""A browser, and one small search to look at."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from neuralopt.cli import main
from tests.browser.watched_page import WatchedPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ADDRESS = re.compile(r"at (http://127\.0\.0\.1:\d+/)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright."""
    reason = "pip install 'neuralopt[browser]' brings what drives a browser"
    api = pytest.importorskip("playwright.sync_api", reason=reason)
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: install the package chromium of Debian")
    with api.sync_playwright() as playwright:
        # Chromium's sandbox does not work for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that NEURALOPT_SCREENSHOTS names, or a temporary one."""
    named = os.environ.get("NEURALOPT_SCREENSHOTS")
    if not named:
        return tmp_path_factory.mktemp("screenshots")
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def watched(browser: Browser, screenshots: Path) -> Iterator[WatchedPage]:
    """A new page; whatever a test does with it, it must not have faults."""
    page = WatchedPage(browser, screenshots)
    yield page
    page.page.close()
    assert page.faults == []


@pytest.fixture(scope="session")
def run(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a search with a verdict, made where there is a browser."""
    folder = tmp_path_factory.mktemp("browser") / "run"
    search = (
        "experiment=smoke",
        "searcher=controller",
        "proposals=128",
        "batch=16",
        "evaluator.workers=1",
        "verdict.candidates=2",
        "verdict.seeds=2",
        "verdict.baselines=[adam,sgd]",
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(["search", *search, f"run_dir={folder}"])
    assert code == 0, said.getvalue()
    return folder


@pytest.fixture(scope="session")
def tensorboard(run: Path) -> Iterator[str]:
    """The address of a TensorBoard of the search."""
    with serving(run / "tb") as address:
        yield address


@pytest.fixture(scope="session")
def tensorboard_of_rules(run: Path) -> Iterator[str]:
    """The address of a TensorBoard of the best rules, a run each."""
    with serving(run / "tb_rules") as address:
        yield address


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Start TensorBoard for this machine only; yield its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        try:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if found := ADDRESS.search(line):
                    break
            else:
                pytest.fail("".join(lines))
            yield found.group(1)
        finally:
            process.kill()
