"""Scripts of experiments/ run; those that take seconds."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

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
            "gpu/gpu_check.py",
            ["--device", "cpu", "--quick"],
            marks=pytest.mark.slow,
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_its_check_says_so_in_a_line() -> None:
    command = [sys.executable, EXPERIMENTS / "gpu" / "gpu_check.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no GPU: torch ")
    assert done.stderr.endswith("scripts/gpu_check --device cpu --quick\n")
    assert done.stderr.count("\n") == 1
