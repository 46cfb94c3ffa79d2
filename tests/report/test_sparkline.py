"""Sparklines: curves in one line of text."""

import io
import math

from hypothesis import given
from hypothesis import strategies as st

from neuralopt.report.sparkline import ASCII, BLOCKS, sparkline, supports_unicode


def test_a_falling_curve_falls_through_all_levels():
    assert sparkline(range(8, 0, -1)) == BLOCKS[::-1]
    assert sparkline(range(8, 0, -1), unicode=False) == ASCII[::-1]


def test_a_long_curve_is_averaged_down():
    assert sparkline([0, 2, 8, 6, 20, 14], width=3) == "▁▄█"


def test_a_flat_and_a_short_curve_are_drawn_and_none_is_empty():
    assert sparkline([3.0, 3.0]) == "▁▁"
    assert sparkline([3.0]) == "▁"
    assert sparkline([]) == ""


def test_what_is_not_finite_is_marked():
    assert sparkline([1.0, 0.0, math.inf, math.nan]) == "█▁!!"
    assert sparkline([math.nan]) == "!"


def test_values_outside_the_scale_are_shown_at_its_ends():
    assert sparkline([-5, 0, 1, 99], low=0, high=1) == "▁▁██"


@given(st.lists(st.floats()), st.integers(1, 20), st.booleans())
def test_any_curve_fits_the_width(values, width, unicode):
    line = sparkline(values, width, unicode=unicode)
    assert len(line) == min(width, len(values))
    assert set(line) <= set((BLOCKS if unicode else ASCII) + "!")


def test_streams_that_cannot_hold_blocks_are_known():
    for encoding, able in [("utf-8", True), ("ascii", False), ("latin-1", False)]:
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        assert supports_unicode(stream) is able
    assert supports_unicode(None) is False
    assert supports_unicode(io.StringIO()) is False
