"""One finished search, shared by the tests of the command line."""

import contextlib
import io
from pathlib import Path

import pytest

from neuralopt.cli import main
from tests.cli.cli_runner import SMALL


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory; whatever is tried with it must leave it as it is."""
    run = tmp_path_factory.mktemp("finished") / "run"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        assert main(["search", *SMALL, f"run_dir={run}"]) == 0
    (run / "printed.txt").write_text(printed.getvalue())
    return run
