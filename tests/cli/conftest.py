"""Finished searches, shared by the tests of the command line."""

import contextlib
import io
import shutil
import sqlite3
from pathlib import Path

import pytest

from neuralopt.archive import Archive, BehaviourRecord, PruningRecord
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


@pytest.fixture
def named_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of a run, of whose four best rules the last three are alike."""
    run = shutil.copytree(finished_run, tmp_path / "named")
    file = run / "archive.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM behaviours")  # an archive never changes them
    with Archive.open(run, writable=True) as archive:
        first, *alike = (each.number for each in archive.best(4))
        leader = min(alike)
        archive.save_behaviours(
            [BehaviourRecord(first, "adam", 0.934, False, ("random",), first)]
            + [BehaviourRecord(n, "signum", 1.0, True, (), leader) for n in alike]
        )
        archive.save_prunings([PruningRecord(first, "g", 0.01, -0.001, -0.005, 8)])
    return run
