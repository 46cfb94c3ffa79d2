"""Pictures of a search show the data that its archive holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralopt.archive import Archive
from neuralopt.scoring.score import Score
from neuralopt.views.figures.behaviour import behaviour_figure, behaviour_map
from neuralopt.views.figures.best import best_figure
from neuralopt.views.figures.canvas import apart, png_of
from neuralopt.views.figures.front import front_figure
from neuralopt.views.figures.funnel import funnel_figure
from neuralopt.views.figures.rediscovery import rediscovery_figure
from neuralopt.views.figures.scores import scores_figure
from neuralopt.views.figures.search import LABELS, search_figure
from neuralopt.views.figures.verdict import verdict_figure
from neuralopt.views.figures.workers import worker_figure, worker_rates
from neuralopt.views.run_view import read_run
from neuralopt.views.stages import stages
from tests.views.builders import verdict, write_run

SCHEMA1 = Path(__file__).parents[1] / "archive" / "schema1" / "archive.sqlite"
"""The archive of a search without a verdict and without named rules."""

FIGURES = (
    best_figure,
    front_figure,
    funnel_figure,
    scores_figure,
    search_figure,
    behaviour_figure,
    rediscovery_figure,
    worker_figure,
    verdict_figure,
)


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    path = tmp_path_factory.mktemp("figures")
    write_run(path)
    with Archive.open(path, writable=True) as archive:
        archive.save_verdict([verdict()])
        return read_run(archive)


def texts(figure):
    found = [text for axes in figure.axes for text in axes.texts]
    return [text.get_text() for text in [*found, *figure.texts]]


def test_the_best_so_far_is_drawn_with_its_interval_and_the_baselines(view):
    figure = best_figure(view)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    single, mean = lines["highest single score"], lines["best mean, 95% interval"]
    assert list(single.get_ydata()[:-1]) == list(view.best_scores.quality)
    assert list(mean.get_xdata()) == [*view.best_means.charged, view.charged]
    assert list(mean.get_ydata()) == [0.4, 0.5, 0.5]
    band = axes.collections[0].get_datalim(axes.transData)
    assert (band.ymin, band.ymax) == pytest.approx((0.3, 0.6))
    level = {tuple(line.get_ydata()) for line in axes.lines}
    assert {(0.5, 0.5), (0.4, 0.4)} <= level
    assert {"adam", "sgd"} <= set(texts(figure))
    assert "0.500 (adam 0.500)" in figure.get_suptitle()


def test_the_front_is_drawn_over_all_sizes_and_written_out(view):
    figure = front_figure(view)
    (axes,) = figure.axes
    drawn = axes.collections[0].get_offsets()
    kept = view.proposals
    expected = {(s, q) for s, q in zip(kept.size, kept.quality, strict=True) if s}
    assert {tuple(point) for point in drawn.tolist()} == expected
    front = axes.lines[0]
    assert list(front.get_xdata()) == [rule.size for rule in view.front]
    assert list(front.get_ydata()) == [rule.worth[1] for rule in view.front]
    assert figure.get_supxlabel().count("\n") == len(view.front) - 1


def test_the_front_has_room_for_an_adam_that_is_far_better(view):
    adams = [replace(b, quality=50.0) for b in view.baselines if b.name == "adam"]
    figure = front_figure(replace(view, baselines=adams))
    (axes,) = figure.axes
    assert axes.get_ylim()[1] > 50.0
    assert png_of(figure)


def test_the_funnel_ends_with_the_scored_and_says_why(view):
    assert stages(view) == [
        ("proposed", 100, "", 0),
        ("new", 90, "duplicate", 10),
        ("accepted", 80, "rejected", 10),
        ("past the gates", 70, "stopped", 10),
        ("scored", 60, "diverged", 10),
    ]
    figure = funnel_figure(view)
    upper, lower = figure.axes
    widths = [bar.get_width() for bar in upper.patches]
    assert widths == [100, 90, 10, 80, 10, 70, 10, 60, 10]
    assert [bar.get_width() for bar in lower.patches] == [10, 10, 10]
    assert "60 of 100" in figure.get_suptitle()


def test_the_distribution_counts_every_scored_rule(view):
    axes, bar = scores_figure(view).axes
    cells = axes.collections[0].get_array().filled(0)
    columns = cells.sum(axis=0)
    assert columns == pytest.approx(np.ones(len(columns)))
    assert bar.get_ylabel() == "share of the interval's rules"


def test_a_sample_is_called_one(view):
    few = view.sampled(40)
    assert "sample of 40" in scores_figure(few).get_suptitle()
    assert "sample" not in scores_figure(view).get_suptitle()
    of_all, of_few = (worker_rates(each.attempts) for each in (view, few))
    scaled = worker_rates(few.attempts, 80 / len(few.attempts))
    assert scaled.rate.sum() == pytest.approx(2 * of_few.rate.sum())
    assert len(of_all.edges) > len(of_few.edges)


def test_the_map_counts_the_named_rules_by_families_and_size(view):
    found = behaviour_map(view)
    assert found.count.sum() == 60
    assert set(found.families) == {"none of them", "sign-like, memory"}
    scored = view.proposals.where("scored")
    odd = scored & (view.proposals.number % 2 == 1)
    row = found.families.index("sign-like, memory")
    assert found.count[row].sum() == odd.sum()
    assert np.nanmax(found.best[row]) == view.proposals.quality[odd].max()
    axes = behaviour_figure(view).axes[0]
    assert sum(int(text.get_text()) for text in axes.texts) == 60


def test_rediscoveries_are_at_the_rules_that_found_them(view):
    (axes,) = rediscovery_figure(view).axes
    points = axes.collections[1].get_offsets()[:, 0]
    assert list(points) == [each.charged for each in view.rediscoveries]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["signum", "sgd"]


def test_a_search_is_drawn_with_every_score_and_what_was_found_again(view):
    (axes,) = search_figure(view).axes
    scored = view.proposals.where("scored")
    dots = axes.collections[0].get_offsets()
    assert np.array_equal(dots[:, 0], view.proposals.charged[scored])
    assert np.array_equal(dots[:, 1], view.proposals.quality[scored])
    lines = {line.get_label(): line for line in axes.lines}
    best = lines["highest score so far"].get_ydata()
    assert list(best[:-1]) == list(view.best_scores.quality)
    assert set(lines) >= {each.name for each in view.baselines[:2]}
    found = [each for each in view.rediscoveries if not each.stopped]
    names = [f"{each.name}, {each.charged:,}" for each in found]
    assert [each.get_text() for each in axes.texts] == names
    marked = [tuple(each.get_offsets()[0]) for each in axes.collections[1:]]
    assert marked == [(each.charged, each.quality) for each in found]


def test_of_many_rules_found_again_the_best_are_named(view):
    first = view.rediscoveries[0]
    many = [replace(first, name=f"r{n}", quality=n / 99) for n in range(LABELS + 3)]
    (axes,) = search_figure(replace(view, rediscoveries=tuple(many))).axes
    drawn = {each.get_text().partition(",")[0] for each in axes.texts}
    assert drawn == {each.name for each in many[3:]}


def test_rates_of_workers_add_up_to_all_attempts(view):
    rates = worker_rates(view.attempts)
    widths = np.diff(rates.edges)
    assert (rates.rate * widths).sum() == pytest.approx(80)
    assert (rates.training * widths).sum() == pytest.approx(80 * 0.5)
    assert not rates.lost.any()
    assert rates.training.shape[0] == 2
    upper, lower, _ = worker_figure(view).axes
    assert upper.patches[0].get_data().values == pytest.approx(rates.rate)
    assert [t.get_text() for t in lower.get_yticklabels()] == ["worker 0", "worker 1"]


def test_the_verdict_is_drawn_best_first_with_its_intervals(view):
    figure = verdict_figure(view)
    (axes,) = figure.axes
    assert [t.get_text().strip() for t in axes.get_yticklabels()] == [
        "#42", "adam", "sgd",
    ]  # fmt: skip
    centres = [bar.lines[0].get_xdata()[0] for bar in axes.containers]
    assert centres == pytest.approx([0.65, 0.5, 0.4])


def test_equal_means_of_a_verdict_go_by_their_losses(view):
    """As in the tables of the command line."""
    tied = {
        "sgd": (Score("scored", 0.5, loss=2.0),) * 2,
        "adam": (Score("scored", 0.5, loss=1.0),) * 2,
    }
    record = replace(verdict(), scores=tied)
    (axes,) = verdict_figure(replace(view, verdicts=(record,))).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["adam", "sgd"]


def test_a_search_without_baselines_has_its_best_curve():
    with Archive.open(SCHEMA1) as archive:
        view = read_run(archive)
    assert view.leaderboard
    assert not view.baselines
    title = best_figure(view).get_suptitle()
    assert title.startswith(f"Best rule so far: {view.leaderboard[0].worth[1]:.3f}\n")


def test_rules_that_cannot_be_read_have_no_front(view):
    unread = replace(view.proposals, size=np.zeros_like(view.proposals.size))
    figure = front_figure(replace(view, proposals=unread, front=()))
    assert "none of the 60 scored rules can be read by this version" in texts(figure)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_picture_of_an_empty_search_says_that_there_is_nothing(figure, tmp_path):
    with Archive.create(tmp_path, {}) as archive:
        drawn = figure(read_run(archive))
    assert any("so far" in text for text in texts(drawn))


def test_the_same_view_gives_the_same_bytes(view):
    first, second = png_of(funnel_figure(view)), png_of(funnel_figure(view))
    assert first.startswith(b"\x89PNG")
    assert first == second


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([0.0, 5.0], [0.0, 5.0]),
        ([1.0, 0.0], [1.0, 0.0]),
        ([0.5, 0.5], [0.0, 1.0]),
        ([3.0, 3.1, 2.9, 9.0], [3.0, 4.0, 2.0, 9.0]),
    ],
)
def test_labels_are_moved_apart_as_little_as_needed(places, expected):
    assert apart(places, 1.0) == pytest.approx(expected)
