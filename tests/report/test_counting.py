"""Progress of a known number of things, in a log and on a terminal."""

import io
import re

import pytest

from neuralopt.report import counting as module
from neuralopt.report.counting import counting


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_log_gets_a_line_every_few_seconds_with_the_time_left(clock: Clock) -> None:
    stream = io.StringIO()
    told = (4, 1), (6, 0), (8, 1), (20, 2.5), (60, 1000), (70, 1200)
    with counting("rules", stream) as count:
        for seconds, done in told:
            clock.now = 100.0 + seconds
            count(done, 1200)
    assert stream.getvalue().splitlines() == [
        "  0 of 1,200 rules, ? left",
        "  2 of 1,200 rules, 2:39:40 left",
        "  1,000 of 1,200 rules, 0:12 left",
    ]


def test_nothing_is_shown_if_it_is_not_wanted() -> None:
    stream = io.StringIO()
    with counting("rules", stream, show=False) as count:
        count(1, 2)
    assert not stream.getvalue()


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    with counting("rules", stream) as count:
        count(1.5, 3)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "1/3 rules" in plain
