"""What TensorBoard shows of a search, read with its own reader and renderer."""

import io
import json
import math
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib.image
import pytest
from tensorboard.backend.event_processing import plugin_event_accumulator as server
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from neuralopt.archive import Archive, ArchiveError, BehaviourRecord, Place
from neuralopt.archive.ranking import RankedRule
from neuralopt.naming import Rediscovery
from neuralopt.report.tensorboard import TensorBoard, pictures
from neuralopt.report.tensorboard.event_files import EventFiles
from neuralopt.report.tensorboard.optimizer_lines import write_optimizers
from neuralopt.report.tensorboard.rule_runs import RULES
from neuralopt.report.tensorboard.scalars import layout
from neuralopt.report.tensorboard.texts import LISTED, code, escaped, leaderboard, table
from neuralopt.views.baselines import Baseline
from neuralopt.views.run_view import read_run
from tests.report.builders import Clock, progress_at, proposal
from tests.views.builders import PARTS, verdict, write_run


def progress(told, best=0.5, **more):
    given = {
        "counts": {"scored": told, "diverged": 3, "pending": 5, "failed": 0},
        "rewards": (0.0, 0.2, 0.4, 0.6, math.nan),
        "best": (proposal(3, rule="sign(g)", quality=best), proposal(1, quality=0.4)),
        "highest": best,
        "diagnostics": {"entropy": 2.5, "entropy_weight": 0.01},
        "seconds": told / 10,
        "trained": told // 2,
        "evaluations": told // 2,
        "total": 100,
    }
    return progress_at(told, **{**given, **more})


def written(directory, *batches, told=0, total=100, **options):
    observer = TensorBoard(directory, **options)
    observer.start(total, told)
    for batch in batches:
        observer.batch(batch)
    observer.close()
    observer.close()


def read(directory, run="search"):
    sizes = {"tensors": 0, "images": 0, "scalars": 0}
    events = EventAccumulator(str(directory / run), size_guidance=sizes)
    events.Reload()
    return events


def scalars(directory, tag, run="search"):
    return [(each.step, each.value) for each in read(directory, run).Scalars(tag)]


def texts(directory, tag="best/leaderboard"):
    """As TensorBoard's server reads them: the other reader hides no text."""
    reader = server.EventAccumulator(str(directory / "search"))
    reader.Reload()
    events = reader.Tensors(f"{tag}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in events]


def rendered(markdown):
    with warnings.catch_warnings():  # its copy of html5lib warns of itself
        warnings.simplefilter("ignore", DeprecationWarning)
        from tensorboard.plugin_util import markdown_to_safe_html
    return markdown_to_safe_html(markdown)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A run directory whose search ended, with its TensorBoard files."""
    run = tmp_path_factory.mktemp("run")
    write_run(run)
    with Archive.open(run, writable=True) as archive:
        archive.save_verdict([verdict()])
    clock = Clock()
    board = TensorBoard(run / "tb", run, clock=clock)
    board.start(100, 0)
    for told in (20, 40, 60, 80, 100):
        board.batch(progress(told, evaluations=8 * told // 10))
        clock.now += 13  # pictures are drawn after 50 seconds
    board.close()
    board.finish()
    return run


def test_files_are_read_in_the_order_in_which_they_were_written(tmp_path):
    files = EventFiles(tmp_path)
    for step in range(3):
        files.open(step)
        files.scalar("search", "loss", 1.0, step)
        files.close()
    names = sorted(each.name for each in (tmp_path / "search").iterdir())
    seconds = [name.split(".")[3] for name in names]
    assert len(set(seconds)) == 3  # a number behind them is compared as text


def test_a_batch_is_read_back_as_it_was_told(tmp_path):
    written(tmp_path, progress(10), progress(20, best=0.75))
    found = read(tmp_path)
    last = {tag: found.Scalars(tag)[-1] for tag in found.Tags()["scalars"]}
    assert {event.step for event in last.values()} == {10}
    assert {tag: event.value for tag, event in last.items()} == pytest.approx(
        {
            "best/search_score": 0.75,
            "scores/p10": 0.24,
            "scores/median": 0.4,
            "scores/p90": 0.56,
            "proposals/scored": 20,
            "proposals/diverged": 3,
            "searcher/entropy": 2.5,
            "searcher/entropy_weight": 0.01,
            "workers/rules_per_second": 5,
            "workers/alive": 2,
            "workers/busy_share": 0.5,
        }
    )
    assert scalars(tmp_path, "best/search_score") == [(5, 0.5), (10, 0.75)]


def test_the_first_page_opens_on_the_best():
    tags = {*pictures.PICTURES, "best/measured_mean", "searcher/entropy"}
    assert min(tags) == "best/curve"


def test_the_best_mean_has_its_interval_once_there_is_a_shortlist(tmp_path):
    place = Place(4, 0.5, 0.25, 0.75, 6)
    measured = progress(20, shortlist=(place,), measurements=18)
    written(tmp_path, progress(10, best=0.9), measured)
    assert scalars(tmp_path, "best/measured_mean") == [(10, 0.5)]
    assert scalars(tmp_path, "interval/mean") == [(10, 0.5)]
    assert scalars(tmp_path, "interval/low") == [(10, 0.25)]
    assert scalars(tmp_path, "interval/high") == [(10, 0.75)]
    assert scalars(tmp_path, "found/measurements") == [(10, 18.0)]


def test_known_optimizers_are_lines_in_the_charts_of_the_best(ended):
    adam = scalars(ended / "tb", "best/measured_mean", "optimizers/adam")
    assert adam == [*((n, 0.5) for n in (16, 32, 48, 64, 80)), (81, 0.5)]
    sgd = scalars(ended / "tb", "best/search_score", "optimizers/sgd")
    assert sgd == [(1, pytest.approx(0.4)), (81, pytest.approx(0.4))]
    assert len(list((ended / "tb").rglob("events.out*"))) <= 36


def test_busy_is_a_mean_over_the_interval(tmp_path):
    workers = progress(10).workers
    observer = TensorBoard(tmp_path)
    observer.start(100, 0)
    observer.batch(progress(10))
    observer.waiting(progress(10, workers=replace(workers, busy=2)))
    observer.batch(progress(20, workers=replace(workers, busy=0)))
    observer.close()
    assert scalars(tmp_path, "workers/busy_share") == [(5, 0.5), (10, 0.5)]


def test_a_long_search_is_written_a_thousand_times(tmp_path):
    few = [progress(told, evaluations=told) for told in range(10, 400, 10)]
    written(tmp_path, *few, total=100_000)
    steps = [step for step, _ in scalars(tmp_path, "best/search_score")]
    assert steps == [10, 110, 210, 310, 390]  # the last one always
    written(tmp_path / "limited", *few, total=100_000, evaluations=200_000)
    found = scalars(tmp_path / "limited", "best/search_score")
    assert [step for step, _ in found] == steps
    written(tmp_path / "short", *few, total=100_000, evaluations=400)
    assert len(scalars(tmp_path / "short", "best/search_score")) == len(few)


def test_batches_that_train_nothing_add_no_point(tmp_path):
    batches = [progress(told, evaluations=5) for told in (10, 20, 30)]
    written(tmp_path, *batches, progress(40, evaluations=6))
    assert [step for step, _ in scalars(tmp_path, "proposals/scored")] == [5, 6]


def test_a_batch_without_results_has_no_score(tmp_path):
    empty = progress_at(5, rewards=(math.nan,), trained=0, seconds=0.0)
    written(tmp_path, empty)
    tags = read(tmp_path).Tags()["scalars"]
    assert tags
    assert all(tag.startswith("workers/") for tag in tags)


def test_a_resumed_search_hides_what_it_repeats(tmp_path):
    written(tmp_path, *(progress(told, best=0.5) for told in (10, 20, 30, 40)))
    written(tmp_path, *(progress(told, best=0.625) for told in (30, 40)), told=20)
    assert scalars(tmp_path, "searcher/entropy") == [
        (step, 2.5) for step in (5, 10, 15, 20)
    ]
    best = [value for _, value in scalars(tmp_path, "best/search_score")]
    assert best == [0.5, 0.5, 0.625, 0.625]
    assert [step for step, _ in texts(tmp_path)] == [20]


def test_a_search_resumed_before_its_first_checkpoint_starts_over(tmp_path):
    written(tmp_path, progress(10), progress(20))
    written(tmp_path, progress(10, best=0.75), told=0)
    assert scalars(tmp_path, "best/search_score") == [(5, 0.75)]


def test_a_search_that_ends_again_has_its_end_once(ended, tmp_path, monkeypatch):
    curve = {"best/curve": pictures.PICTURES["best/curve"]}
    monkeypatch.setattr(pictures, "PICTURES", curve)
    shutil.copytree(ended, tmp_path, dirs_exist_ok=True)
    TensorBoard(tmp_path / "tb", tmp_path).finish()
    images = read(tmp_path / "tb").Images("best/curve")
    assert [each.step for each in images] == [80, 81]
    assert [step for step, _ in texts(tmp_path / "tb", "verdict")] == [81]
    sgd = scalars(tmp_path / "tb", "best/search_score", "optimizers/sgd")
    assert [step for step, _ in sgd] == [1, 81]


def test_pictures_are_drawn_now_and_then_and_at_the_end(ended):
    images = read(ended / "tb")
    # Its archive says neither parents nor the space.
    expected = set(pictures.PICTURES) - {"found/lineage", "searcher/preferences"}
    cards = {f"cards/{place}" for place in range(1, 5)}
    found = set(images.Tags()["images"])
    assert found == expected | cards | {"verdict/intervals"}
    for tag in expected:
        found = images.Images(tag)
        assert [each.step for each in found] == [80, 81]
        png = matplotlib.image.imread(io.BytesIO(found[-1].encoded_image_string))
        assert png.shape[:2] == (found[-1].height, found[-1].width)


def test_drawing_takes_a_small_part_of_the_time():
    clock = Clock()
    schedule, drawn = pictures.Schedule(clock), []
    for _ in range(200_000):
        clock.now += 1
        if schedule.due:
            drawn.append(clock.now)
            clock.now += 4
            schedule.drew(4)
    spent = 4 * len(drawn) / (clock.now - 100)
    assert spent < pictures.SHARE
    assert len(drawn) < 25


def test_a_picture_that_fails_costs_one_line(ended, monkeypatch, capsys):
    def broken(view):
        raise ZeroDivisionError("of\n nothing")

    some = {
        "found/front": broken,
        "a": lambda view: None,
        "best/curve": pictures.PICTURES["best/curve"],
    }
    monkeypatch.setattr(pictures, "PICTURES", some)
    with Archive.open(ended) as archive:
        view = read_run(archive)
    warned = set()
    for _ in range(2):
        assert [tag for tag, _ in pictures.draw(view, warned)] == ["best/curve"]
    assert capsys.readouterr().err == (
        "TensorBoard goes without the picture found/front: "
        "ZeroDivisionError: of nothing\n"
    )


def test_a_search_goes_on_where_nothing_can_be_drawn(tmp_path, capsys):
    clock = Clock()
    board = TensorBoard(tmp_path / "tb", tmp_path / "no archive", clock=clock)
    board.start(100, 0)
    for told in (10, 20):
        clock.now += 100
        board.batch(progress(told))
    board.close()
    board.finish()
    assert [step for step, _ in scalars(tmp_path / "tb", "best/search_score")] == [
        5,
        10,
    ]
    assert capsys.readouterr().err.count("TensorBoard goes without") == 3


def test_a_folder_that_cannot_be_made_costs_one_line(tmp_path, capsys):
    (tmp_path / "tb").write_text("a file")
    written(tmp_path / "tb", progress(10), progress(20))
    said = capsys.readouterr().err
    assert said.startswith("TensorBoard goes without the rest of the search: ")
    assert said.count("\n") == 1


def test_a_disk_that_is_full_costs_one_line(tmp_path, monkeypatch, capsys):
    board = TensorBoard(tmp_path, tmp_path)
    board.start(100, 0)
    board.batch(progress(10))
    capsys.readouterr()  # there is no archive

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(board._files, "scalar", full)
    for told in (20, 30):
        board.batch(progress(told))
    board.close()
    board.finish()
    assert capsys.readouterr().err.count("\n") == 1
    assert scalars(tmp_path, "best/search_score") == [(5, 0.5)]


def test_a_leaderboard_that_cannot_be_read_costs_one_line(tmp_path, capsys):
    def ranking():
        raise ArchiveError("disk I/O error")

    written(tmp_path, progress(10), progress(20, ranking=ranking))
    assert scalars(tmp_path, "best/search_score") == [(5, 0.5), (10, 0.5)]
    assert capsys.readouterr().err == (
        "TensorBoard goes without the leaderboard: ArchiveError: disk I/O error\n"
    )


def test_scores_are_histograms(tmp_path):
    rewards = tuple(n / 40 for n in range(40))
    written(tmp_path, *(progress(told, rewards=rewards) for told in (10, 20)))
    found = read(tmp_path)
    first = found.Histograms("scores/told")[0]
    assert first.histogram_value.num == 39  # 0 is no score
    assert first.histogram_value.max == pytest.approx(39 / 40)


def test_the_configuration_is_a_text(ended):
    ((step, text),) = texts(ended / "tb", "configuration")
    assert step == 0
    assert "| task | `digits+regression` |" in text
    assert f"| Adam on digits | {PARTS['digits']:.4f} |" in text
    assert json.loads(text.partition("```json")[2].strip("`\n"))["verdict"]


def test_the_verdict_is_a_text(ended):
    ((_, text),) = texts(ended / "tb", "verdict")
    assert "| 1 | \\#42 | 0.6500 |" in text
    assert "On 2 fresh seeds" in text


def test_the_best_rules_are_runs_of_their_own(ended):
    runs = sorted(each.name for each in (ended / "tb_rules").iterdir())
    assert runs[0] == "01_rule_42"
    assert len(runs) <= RULES
    found = read(ended, "tb_rules/01_rule_42")
    assert found.Scalars("quality")[0].value == 0.5
    assert found.Scalars("quality_low")[0].value == pytest.approx(0.4)
    assert "parts/regression" in found.Tags()["scalars"]
    assert "_hparams_/session_start_info" in found.PluginTagToContent("hparams")


def test_the_leaderboard_has_what_was_found_out():
    behaviour = BehaviourRecord(4, "adam", 0.93, False, (), 2)
    rules = [
        RankedRule(
            proposal(4, rule="sign(m)", quality=0.625),
            Place(4, 0.5, 0.25, 0.75, 6),
            behaviour,
            group=2,
            alike=7,
        ),
        RankedRule(proposal(9, quality=0.875, lr=None)),
    ]
    first, second, note = leaderboard(rules).split("\n\n")
    assert first.splitlines()[2:] == [
        "| 1 | 0.5000 | `sign(m)` |",
        "| 2 | 0.8750 | `g` |",
    ]
    assert second.splitlines()[2:] == [
        "| 1 | #4 | 0.2500 to 0.7500 | 0.93 like adam | +7 | 2 | 1 | 0.1 |",
        "| 2 | #9 |  |  |  | 1 | 0 |  |",
    ]
    assert "fresh replicates" in note
    html = rendered(leaderboard(rules))
    assert html.count("<td") == 2 * 3 + 2 * 8
    assert html.count("<th") - html.count("<thead") == 3 + 8


def test_a_long_leaderboard_is_cut():
    rules = [RankedRule(proposal(number)) for number in range(30)]
    first, second, _ = leaderboard(rules).split("\n\n")
    assert len(first.splitlines()) == len(second.splitlines()) == 2 + LISTED


def test_rates_are_left_out_where_no_rule_has_one():
    second = leaderboard([RankedRule(proposal(9, lr=None))]).split("\n\n")[1]
    assert second.splitlines()[0].endswith("| memory |")


def test_rules_are_those_of_the_ranking_which_is_read_for_a_table_only(tmp_path):
    reads = []

    def ranking():
        reads.append(1)
        return [RankedRule(proposal(5, rule="sign(m)"), group=1, alike=3)]

    batches = [progress(told, ranking=ranking) for told in (10, 20, 30)]
    written(tmp_path, *batches, clock=Clock())
    assert len(reads) == 1
    assert "| 1 | 0.5000 | `sign(m)` |" in texts(tmp_path)[-1][1]


def test_a_table_is_written_when_it_changes(tmp_path):
    clock = Clock()
    observer = TensorBoard(tmp_path, every=5, clock=clock)
    observer.start(100, 0)
    for told, best in [(10, 0.5), (20, 0.5), (30, 0.6), (40, 0.7), (50, 0.7)]:
        clock.now += 3
        observer.batch(progress(told, best))
    observer.close()
    assert [step for step, _ in texts(tmp_path)] == [10, 20]


def test_rediscoveries_are_listed_and_counted(tmp_path):
    found = (Rediscovery(3, "sgd"), Rediscovery(12, "sign_sgd"))
    batches = [
        progress(10),
        progress(20, rediscoveries=found[:1]),
        progress(30, rediscoveries=found),
        progress(40, rediscoveries=found),
    ]
    clock = Clock()
    observer = TensorBoard(tmp_path, every=1, clock=clock)
    observer.start(100, 0)
    for batch in batches:
        clock.now += 2
        observer.batch(batch)
    observer.close()
    counts = scalars(tmp_path, "found/known_rules")
    assert counts == [(10, 1.0), (15, 2.0), (20, 2.0)]
    lists = texts(tmp_path, "known_rules")
    assert [step for step, _ in lists] == [10, 15]
    assert lists[-1][1].splitlines()[2:] == ["| sgd | #3 |", r"| sign\_sgd | #12 |"]
    assert "sign_sgd</td>" in rendered(lists[-1][1])


def test_a_batch_is_on_disk_without_closing(tmp_path):
    clock = Clock()
    observer = TensorBoard(tmp_path, clock=clock)
    observer.start(100, 0)
    clock.now += 6
    observer.batch(progress(10))
    assert scalars(tmp_path, "best/search_score") == [(5, 0.5)]
    observer.close()


def test_each_chart_of_a_search_has_the_tags_that_it_names(tmp_path):
    place = Place(4, 0.5, 0.25, 0.75, 6)
    written(tmp_path, progress(10, shortlist=(place,)))
    found = read(tmp_path)
    tags = set(found.Tags()["scalars"])
    assert found.Tensors("custom_scalars__config__")
    charts = [chart for group in layout(tags).values() for chart in group.values()]
    for kind, names in charts:
        if kind == "Margin":
            assert set(names) <= tags
        else:  # the entropy's chart has no line of the entropy's weight
            matches = [tag for tag in tags if any(re.search(n, tag) for n in names)]
            assert len(matches) == 1


def test_a_number_that_appears_later_has_a_chart(tmp_path):
    counts = {"scored": 20, "failed": 1}
    written(tmp_path, progress(10), progress(20, counts=counts), progress(30))
    layouts = read(tmp_path).Tensors("custom_scalars__config__")
    contents = [each.tensor_proto.string_val[0] for each in layouts]
    assert [b"proposals/failed" in each for each in contents] == [False, True]


def test_there_are_no_more_than_six_lines_of_optimizers(ended, tmp_path):
    names = [f"a{number}" for number in range(7)]
    known = [Baseline(name, 0.6, "verdict") for name in names]
    with Archive.open(ended) as archive:
        view = read_run(archive)
    adam = Baseline("adam", 0.5, "verdict")
    files = EventFiles(tmp_path)
    files.open(1)
    write_optimizers(files, replace(view, baselines=(*known, adam)), 9)
    files.close()
    runs = sorted(each.name for each in (tmp_path / "optimizers").iterdir())
    assert runs == [*names[:5], "adam"]


@pytest.mark.parametrize(
    "rule", ["g | m", "g `m` | `w", "g * m * w_1_", "[g](w)", "<g>"]
)
def test_tensorboard_renders_any_rule_as_one_cell(rule):
    html = rendered(table(("rule",), [(code(rule),)]))
    assert html.count("<td") == 1
    shown = rule.replace("`", "'").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<code>{shown}</code>" in html


@pytest.mark.parametrize("name", ["a | b", "a_b_c", "*a*", "[a](b)", "<b>", "#1 `x`"])
def test_tensorboard_shows_any_name_as_it_is(name):
    html = rendered(table(("name", "other"), [(escaped(name), "x")]))
    assert html.count("<td") == 2
    assert f"{name.replace('<', '&lt;').replace('>', '&gt;')}</td>" in html


def test_a_batch_before_the_start_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="start"):
        TensorBoard(tmp_path).batch(progress(10))


def test_reports_load_neither_torch_nor_tensorboard_until_they_are_used():
    code = (
        "import sys, neuralopt.report, neuralopt.report.tensorboard; "
        "print({'torch', 'tensorboard', 'hydra', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
