"""Choose and create the folder that a search writes to."""

import os
import tempfile
import time
from pathlib import Path

from neuralopt.cli.config.schema import Settings

RAY_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Environment variable that is set where `ray job submit` runs a command."""
RAY_PACKAGES = "working_dir_files/_ray_pkg_"
"""Part of the path of every copy that Ray makes of a job's working directory."""
REMEDY = "give an absolute run_dir on a disk that outlives the cluster"


def run_directory(settings: Settings) -> Path:
    """Return the folder that the settings name, or one named by the date.

    Args:
        settings: Settings of the search.

    Returns:
        The path; the folder may not exist yet.

    Raises:
        ValueError: Ray would delete the folder.
    """
    check_kept(settings.run_dir)
    return Path(settings.run_dir or _dated(settings))


def check_kept(run_dir: str) -> None:
    """Reject a folder that Ray would delete.

    A Ray job starts in a copy of its working directory, on one node, and Ray may delete
    the copy at any time. Relative paths, and an empty run_dir, lie in that copy.

    Args:
        run_dir: The folder as configured.

    Raises:
        ValueError: Ray would delete the folder.
    """
    if RAY_PACKAGES in Path(run_dir).resolve().as_posix():
        raise ValueError(
            f"run_dir={run_dir} lies in a copy of a Ray job's working directory, which "
            f"Ray deletes: {REMEDY}"
        )
    if os.environ.get(RAY_JOB) and not Path(run_dir).is_absolute():
        raise ValueError(
            f"run_dir={run_dir} is relative to the folder that a Ray job starts in, "
            f"which Ray deletes: {REMEDY}"
        )


def make_run_directory(run_dir: Path) -> None:
    """Create the folder and check that files can be written to it.

    Args:
        run_dir: The folder.

    Raises:
        OSError: It can't be written; the message is one line.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=run_dir).close()
    except OSError as error:
        raise OSError(
            f"run_dir={run_dir} can't be written ({error.strerror}): give another, or "
            "yourself the permission to make files there"
        ) from None


def _dated(settings: Settings) -> Path:
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    space, searcher = settings.space.get("name"), settings.searcher.name
    return Path("runs") / f"{stamp}_{space}_{searcher}"
