"""Searches on Ray from the command line write the same archives as without Ray."""

import signal
import time
from pathlib import Path

import pytest

from neuralopt.archive import Archive, difference
from tests.cli.cli_runner import SMALL, ended, start, typed

Capture = pytest.CaptureFixture[str]
RAY = ("evaluator=ray", "evaluator.address=local")

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def same(run: Path, other: Path) -> bool:
    with (
        Archive.open(run / "archive.sqlite") as ours,
        Archive.open(other / "archive.sqlite") as theirs,
    ):
        assert len(ours) == len(theirs) == 192
        return difference(ours, theirs) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_actors_changes_nothing(
    workers: int, capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    # In a process of its own: Ray is started without any setting of the tests.
    arguments = (*SMALL, *RAY, f"evaluator.workers={workers}", f"run_dir={tmp_path}")
    said = ended(start("search", *arguments))
    assert said.code == 0, said.err
    assert f"workers 0/{workers} busy" in said.err.splitlines()[-1]
    lines = said.err.splitlines()
    assert all(line.startswith(("told ", "#")) for line in lines), said.err
    assert same(tmp_path, finished_run)


def test_sigterm_ends_it_in_time_and_it_goes_on_without_ray(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    process = start("search", *SMALL, *RAY, "evaluator.batch=1", f"run_dir={tmp_path}")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("told ")
    process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    with Archive.open(tmp_path / "archive.sqlite") as archive:
        while archive.lease() is not None:
            assert time.monotonic() - signalled < 3, "a Ray job is killed after three"
            time.sleep(0.05)
    said = ended(process)
    assert said.code == 130
    assert said.err.endswith(f"`neuralopt resume {tmp_path}` continues.\n")
    resumed = typed(capsys, "resume", str(tmp_path), "evaluator=in_process")
    assert resumed.code == 0, resumed.err
    assert same(tmp_path, finished_run)


def test_what_this_machine_has_not_is_named(capsys: Capture, tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = typed(capsys, "search", *SMALL, *RAY, "evaluator.gpus=64", f"run_dir={run}")
    assert said.code == 2
    assert "GPU 64 (" in said.complaint
    assert "ask for less" in said.complaint
    assert not run.exists()
