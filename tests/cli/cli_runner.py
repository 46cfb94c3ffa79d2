"""Run commands as people type them, in this process or in a new one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuralopt.cli import main

SMALL = (
    "experiment=smoke",
    "proposals=192",
    "batch=16",
    "report=none",
    "evaluator.workers=1",
)
"""A search of two or three seconds."""

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The error, which is one line, and nothing else is on standard error."""
        assert self.code in (1, 2), (self.code, self.err)
        assert self.err.startswith("neuralopt: "), self.err
        assert self.err.endswith("\n"), self.err
        assert self.err.count("\n") == 1, self.err
        assert "internal error" not in self.err, self.err
        return self.err.removeprefix("neuralopt: ").rstrip("\n")


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Run a command in this process."""
    capsys.readouterr()
    try:
        code = main(arguments)
    except SystemExit as leave:
        code = int(leave.code or 0)
    printed = capsys.readouterr()
    return Said(code, printed.out, printed.err)


def start(
    *arguments: str, cwd: Path | None = None, stdout: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Run a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "neuralopt", *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> Said:
    out, err = process.communicate(timeout=100)
    return Said(process.returncode, out or "", err)


def files(folder: Path) -> dict[str, bytes]:
    """All that a folder holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"/"
        for path in sorted(folder.rglob("*"))
    }
