"""Scripts of experiments/ run; those that take seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("fuzz/fuzz.py", ["--seconds", "4"]),
        pytest.param(
            "agreement/agreement.py", ["--rules", "9"], marks=pytest.mark.slow
        ),
        pytest.param(
            "searchers/searchers.py",
            ["--trained", "60", "--seeds", "1"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "chaos/chaos.py",
            ["--kills", "8", "--heads", "1", "--seed", "2"],
            marks=pytest.mark.chaos,
        ),
        pytest.param(
            "ray/overhead.py",
            ["--rules", "64", "--rounds", "1", "--budget", "smoke"],
            marks=pytest.mark.ray,
        ),
        pytest.param(
            "throughput/shares.py", ["--proposals", "100"], marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.timeout(300)
def test_an_experiment_runs(script: str, arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXPERIMENTS / script, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
