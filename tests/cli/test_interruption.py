"""Searches that are stopped, killed, or started twice end in the same archive."""

import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError, Lease, difference
from neuralopt.cli.config.saved import settings_from_text, settings_text
from tests.archive.test_lease import set_lease
from tests.cli.cli_runner import SMALL, Said, ended, start, typed

Capture = pytest.CaptureFixture[str]


def _wait_for_results(process: "subprocess.Popen[str]") -> None:
    """Return once it has printed its first line of progress."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("told "), line


def _stopped(process: "subprocess.Popen[str]", number: signal.Signals) -> Said:
    process.send_signal(number)
    return ended(process)


def _same_search(run: Path, undisturbed: Path) -> None:
    with (
        Archive.open(run / "archive.sqlite") as ours,
        Archive.open(undisturbed / "archive.sqlite") as theirs,
    ):
        assert len(ours) == len(theirs) == 192
        assert difference(ours, theirs) is None


def _decided(run: Path) -> int:
    """How many proposals are decided; 0 before there is an archive."""
    try:
        with Archive.open(run / "archive.sqlite") as archive:
            counts = archive.counts()
    except ArchiveError:
        return 0
    return sum(counts.values()) - counts["pending"]


def test_a_search_stopped_by_ctrl_c_is_resumed_to_the_same_archive(
    capsys: Capture, tmp_path: Path, finished_run: Path
) -> None:
    run = tmp_path / "run"
    process = start("search", *SMALL, f"run_dir={run}")
    _wait_for_results(process)
    said = _stopped(process, signal.SIGINT)
    assert said.code == 130
    assert said.err.endswith(
        f"Stopped. Nothing is lost: `neuralopt resume {run}` continues.\n"
    )
    assert "\nStopping: waiting for the rules that are being trained; " in said.err
    assert "Traceback" not in said.err
    assert 16 <= _decided(run) < 192, "stopped before its end"
    resumed = typed(capsys, "resume", str(run))
    assert resumed.code == 0, resumed.err
    _same_search(run, finished_run)


def test_sigterm_stops_a_search_that_has_refused_a_second_driver(
    capsys: Capture, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = (*SMALL, "proposals=100000", f"run_dir={run}")
    process = start("search", *arguments)
    _wait_for_results(process)
    try:
        second = typed(capsys, "resume", str(run))
        assert (second.code, second.out) == (1, "")
        assert f"process {process.pid}" in second.complaint
        assert "stop that process first" in second.complaint
        automatic = typed(capsys, "search", *arguments, "resume=auto")
        assert automatic.code == 1
        assert f"process {process.pid}" in automatic.complaint
        again = typed(capsys, "search", *arguments)
        assert again.code == 2
        assert f"neuralopt resume {run}" in again.complaint
        assert typed(capsys, "top", str(run)).code == 0, "reading is always allowed"
        assert process.poll() is None, "the first driver went on"
    finally:
        said = _stopped(process, signal.SIGTERM)
    assert said.code == 130
    assert said.err.endswith("continues.\n")
    with Archive.open(run / "archive.sqlite") as archive:
        assert archive.lease() is None


def test_a_search_killed_at_three_random_moments_ends_in_the_same_archive(
    capsys: Capture, tmp_path: Path, finished_run: Path
) -> None:
    run = tmp_path / "run"
    moments = random.SystemRandom()  # what the machine does meanwhile is chance too
    arguments = ("search", *SMALL, f"run_dir={run}", "resume=auto")
    killed: list[int] = []
    while len(killed) < 3 and _decided(run) < 144:  # a fast machine may be at the end
        goal = _decided(run) + moments.randint(1, 48)
        process = start(*arguments)
        while _decided(run) < goal:
            assert process.poll() is None, ended(process)
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.05))
        assert _stopped(process, signal.SIGKILL).code == -signal.SIGKILL
        killed.append(_decided(run))
    assert killed[0] < 192, "killed before its end"
    said = typed(capsys, "resume", str(run))
    assert said.code == 0, said.err
    _same_search(run, finished_run)


def test_an_automatic_resume_lets_the_claim_of_another_host_end(
    capsys: Capture, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    process = start("search", *SMALL, f"run_dir={run}")
    _wait_for_results(process)
    assert _stopped(process, signal.SIGTERM).code == 130
    dead = Lease("elsewhere", 12, "", time.time())
    set_lease(run / "archive.sqlite", dead)
    refused = typed(capsys, "resume", str(run))
    assert "process 12 on host elsewhere" in refused.complaint
    monkeypatch.setattr("neuralopt.archive.lease.LEASE_SECONDS", 4.0)
    set_lease(run / "archive.sqlite", replace(dead, heartbeat=time.time()))
    began = time.monotonic()
    said = typed(capsys, "search", *SMALL, f"run_dir={run}", "resume=auto")
    assert said.code == 0, said.err
    assert "by process 12 on host elsewhere: waiting up to 4 s" in said.out
    assert time.monotonic() - began > 3
    _same_search(run, finished_run)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("seed=3", "seed makes another search"),
        ("evaluator.engine=serial", "evaluator.engine makes another search"),
        ("evaluator.workers=-1", "evaluator.workers is -1"),
        ("verdict.sedes=3", "sedes"),
    ],
)
def test_a_resumed_search_stays_the_search_it_was(
    override: str, says: str, capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "resume", str(finished_run), override)
    assert said.code == 2
    assert says in said.complaint


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("203.0.113.9:6379", "name it: evaluator.address=203.0.113.9:6379"),
        ("${oc.env:HOME}:6379", "holds ${"),
    ],
)
def test_an_archive_does_not_say_where_to_connect(
    address: str, says: str, capsys: Capture, tmp_path: Path
) -> None:
    settings = settings_from_text("{}")
    settings.evaluator.name = "ray"
    settings.evaluator.options = {"address": address}
    context = {"configuration": settings_text(settings)}
    Archive.create(tmp_path / "archive.sqlite", context).close()
    said = typed(capsys, "resume", str(tmp_path))
    assert said.code == 2
    assert says in said.complaint


def test_a_search_that_can_not_go_on_is_left_as_it_was(
    capsys: Capture, tmp_path: Path
) -> None:
    kept = Path(__file__).parents[1] / "archive" / "schema1" / "archive.sqlite"
    shutil.copy(kept, tmp_path)
    said = typed(capsys, "resume", str(tmp_path))
    assert "was made with language 1, which is " in said.complaint
    assert (tmp_path / "archive.sqlite").read_bytes() == kept.read_bytes()
    assert typed(capsys, "top", str(tmp_path), "-n", "1").code == 0


def test_a_resumed_search_runs_where_it_is_told_to(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("search", *SMALL, f"run_dir={run}")
    _wait_for_results(process)
    assert _stopped(process, signal.SIGTERM).code == 130
    overrides = ("evaluator.workers=3", "verdict.candidates=2", "verdict.seeds=2")
    said = typed(capsys, "resume", str(run), *overrides)
    assert said.code == 0, said.err
    assert "3 workers" in said.out
    _same_search(run, finished_run)


@pytest.mark.slow
@pytest.mark.parametrize("searcher", ["uniform", "evolution"])
def test_a_killed_search_that_is_told_late_ends_in_the_same_archive(
    capsys: Capture, tmp_path: Path, searcher: str
) -> None:
    arguments = ("search", *SMALL, f"searcher={searcher}", "lag=2")
    run, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    assert typed(capsys, *arguments, f"run_dir={undisturbed}").code == 0
    process = start(*arguments, f"run_dir={run}")
    _wait_for_results(process)
    assert _stopped(process, signal.SIGKILL).code == -signal.SIGKILL
    assert typed(capsys, "resume", str(run)).code == 0
    _same_search(run, undisturbed)
