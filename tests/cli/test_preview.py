"""The cost of a search, estimated before it is started."""

import re
from pathlib import Path

import pytest

from neuralopt import preview
from tests.cli.cli_runner import SMALL, files, typed

Capture = pytest.CaptureFixture[str]


def test_a_preview_says_what_to_expect_and_writes_nothing(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preview, "SECONDS", 0.0)
    said = typed(capsys, "search", "--preview", *SMALL, "proposals=20000")
    assert said.code == 0
    assert said.err.startswith("told ")  # progress, as a search shows it
    head, *lines = said.out.splitlines()
    assert head.startswith("Searching bello2017")
    words = [line.split()[0] for line in lines]
    assert words[:5] == ["Timed", "Expected", "Repeats", "Time", "Disk"]
    assert "48 proposals" in lines[0]  # three batches after the first
    assert "of 20,000 proposals" in lines[1]
    assert "trained" in lines[1]
    assert "about " in lines[3]
    assert files(tmp_path) == {}


def test_a_search_of_one_batch_can_be_previewed(capsys: Capture) -> None:
    said = typed(capsys, "search", "--preview", *SMALL, "proposals=16")
    assert said.code == 0
    assert said.err.startswith("told ")  # progress, as a search shows it
    assert "16 proposals" in said.out
    share = re.search(r"workers? busy (\d+)% of the time", said.out)
    assert share is not None
    assert int(share[1]) <= 100


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.2, 1), (7.4, 7), (99.0, 99), (1234.0, 1200), (98765, 99000)],
)
def test_expectations_have_two_digits(number: float, shown: int) -> None:
    assert preview._round(number) == shown
