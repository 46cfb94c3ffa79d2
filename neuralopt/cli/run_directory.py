"""Choose and make the folder that a search writes to."""

import os
import tempfile
import time
from pathlib import Path

from neuralopt.cli.config.schema import Settings

RAY_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set in what `ray job submit` runs."""
RAY_PACKAGES = "working_dir_files/_ray_pkg_"
"""In the path of every copy that Ray makes of a job's working directory."""
REMEDY = "give an absolute run_dir on a disk that outlives the cluster"


def run_directory(settings: Settings, within: str = "") -> Path:
    """Return the folder that settings name, or one named by the date.

    Args:
        settings: of the search.
        within: a folder in it, for one run of a sweep.

    Raises:
        ValueError: the folder would be lost.
    """
    check_kept(settings.run_dir)
    return Path(settings.run_dir or _dated(settings)) / within


def check_kept(run_dir: str) -> None:
    """Raise ValueError for a folder that Ray would delete.

    A Ray job starts in a copy of its working directory, on one node, which Ray deletes
    when it pleases. What is relative goes there, and so does an empty run_dir.
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
    """Make it and see that it can be written; raises OSError, one line, if not."""
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
