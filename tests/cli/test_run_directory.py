"""Run directories: a search does not start where its results would be lost."""

from pathlib import Path

import pytest

from tests.cli.cli_runner import SMALL, typed

Capture = pytest.CaptureFixture[str]
REMEDY = "give an absolute run_dir on a disk that outlives the cluster"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a Ray job starts: a copy of its working directory."""
    folder = tmp_path / "runtime_resources" / "working_dir_files" / "_ray_pkg_0123"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def job(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Ray job, and where it starts."""
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    return package


@pytest.mark.parametrize("run_dir", ["", "runs/one", "../elsewhere"])
def test_a_job_refuses_a_relative_run_dir_before_anything_starts(
    run_dir: str, capsys: Capture, job: Path
) -> None:
    said = typed(capsys, "search", *SMALL, "evaluator=ray", f"run_dir={run_dir}")
    assert (said.code, said.out) == (2, "")
    assert said.complaint.startswith(f"run_dir={run_dir} ")
    assert said.complaint.endswith(f"which Ray deletes: {REMEDY}")
    assert list(job.iterdir()) == []


def test_a_relative_run_dir_is_refused_wherever_a_job_starts(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    said = typed(capsys, "search", *SMALL, "run_dir=runs/one")
    assert said.code == 2
    assert "is relative to the folder that a Ray job starts in" in said.complaint


@pytest.mark.parametrize("run_dir", ["", "here", "{package}/here"])
def test_a_copy_of_a_working_directory_holds_no_run_even_without_the_variable(
    run_dir: str, capsys: Capture, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    named = run_dir.format(package=package)
    said = typed(capsys, "search", *SMALL, f"run_dir={named}")
    assert (said.code, said.out) == (2, "")
    assert "a copy of a Ray job's working directory" in said.complaint
    assert list(package.iterdir()) == []


def test_a_link_into_a_copy_of_a_working_directory_is_followed(
    capsys: Capture, package: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(package)
    said = typed(capsys, "search", *SMALL, f"run_dir={tmp_path}/link/run")
    assert said.code == 2
    assert REMEDY in said.complaint


def test_a_job_writes_where_an_absolute_run_dir_says(
    capsys: Capture, job: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = typed(capsys, "search", *SMALL, "proposals=16", f"run_dir={run}")
    assert said.code == 0, said.err
    assert (run / "archive.sqlite").exists()
    assert list(job.iterdir()) == []


def test_resume_refuses_what_would_be_lost_too(capsys: Capture, job: Path) -> None:
    for run in ("runs/one", str(job / "runs")):
        said = typed(capsys, "resume", run)
        assert (said.code, said.out) == (2, "")
        assert said.complaint.startswith(f"run_dir={run} ")
        assert REMEDY in said.complaint


def test_show_writes_nothing_and_is_not_refused(capsys: Capture, job: Path) -> None:
    assert typed(capsys, "search", "--show").code == 0


def test_a_folder_that_is_there_but_not_writable_names_the_key(
    capsys: Capture,
) -> None:
    folder = "/proc/self"
    if not Path(folder).exists():
        pytest.skip("no /proc on this system")
    said = typed(capsys, "search", *SMALL, f"run_dir={folder}")
    assert (said.code, said.out) == (1, "")
    assert said.complaint.startswith(f"run_dir={folder} can't be written (")
