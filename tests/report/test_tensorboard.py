"""What TensorBoard shows of a search, read with its own reader and renderer."""

import math
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from neuralopt.archive import BehaviourRecord, Place
from neuralopt.archive.ranking import RankedRule
from neuralopt.naming import Rediscovery
from neuralopt.report.tensorboard import TensorBoard, markdown_table
from tests.report.builders import Clock, progress_at, proposal


def progress(told, best=0.5, **more):
    given = {
        "counts": {"scored": told, "diverged": 3},
        "rewards": (0.0, 0.2, 0.4, 0.6, math.nan),
        "best": (proposal(3, rule="sign(g)", quality=best), proposal(1, quality=0.4)),
        "diagnostics": {"entropy": 2.5, "approx_kl": 0.01},
        "seconds": told / 10,
        "trained": told // 2,
    }
    return progress_at(told, **{**given, **more})


def written(directory, *batches, told=0, **options):
    observer = TensorBoard(directory, **options)
    observer.start(1000, told)
    for batch in batches:
        observer.batch(batch)
    observer.close()
    observer.close()


def read(directory):
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    return events


def scalars(directory, tag):
    return [(event.step, event.value) for event in read(directory).Scalars(tag)]


def texts(directory, tag="rules/top"):
    events = read(directory).Tensors(f"{tag}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in events]


def rendered(markdown):
    with warnings.catch_warnings():  # its copy of html5lib warns of itself
        warnings.simplefilter("ignore", DeprecationWarning)
        from tensorboard.plugin_util import markdown_to_safe_html
    return markdown_to_safe_html(markdown)


def test_a_batch_is_read_back_as_it_was_told(tmp_path):
    written(tmp_path / "tb" / "search", progress(10), progress(20, best=0.75))
    found = read(tmp_path / "tb" / "search")
    last = {tag: found.Scalars(tag)[-1] for tag in found.Tags()["scalars"]}
    assert {event.step for event in last.values()} == {20}
    assert {tag: event.value for tag, event in last.items()} == pytest.approx(
        {
            "quality/best": 0.75,
            "reward/mean": 0.3,
            "reward/p10": 0.06,
            "reward/median": 0.3,
            "reward/p90": 0.54,
            "counts/scored": 20,
            "counts/diverged": 3,
            "controller/entropy": 2.5,
            "controller/approx_kl": 0.01,
            "speed/rules_per_second": 5,
            "workers/alive": 2,
            "workers/busy": 1,
            "workers/lost": 0,
            "workers/retried": 0,
            "workers/queued": 0,
        }
    )
    assert scalars(tmp_path / "tb" / "search", "quality/best") == [
        (10, 0.5),
        (20, 0.75),
    ]


def test_the_best_is_a_mean_with_its_interval_once_there_is_a_shortlist(tmp_path):
    place = Place(4, 0.5, 0.25, 0.75, 6)
    measured = replace(progress(20), shortlist=(place,), measurements=18)
    written(tmp_path, progress(10, best=0.9), measured)
    assert scalars(tmp_path, "quality/best") == [(10, pytest.approx(0.9)), (20, 0.5)]
    assert scalars(tmp_path, "quality/best_low") == [(20, 0.25)]
    assert scalars(tmp_path, "quality/best_high") == [(20, 0.75)]
    assert scalars(tmp_path, "shortlist/measurements") == [(20, 18.0)]


def test_the_table_has_what_was_found_out(tmp_path):
    behaviour = BehaviourRecord(4, "adam", 0.93, False, (), 2)
    rules = [
        RankedRule(
            proposal(4, rule="sign(m)", quality=0.625),
            Place(4, 0.5, 0.25, 0.75, 6),
            behaviour,
            group=2,
            alike=7,
        ),
        RankedRule(proposal(9, quality=0.875)),
    ]
    table = markdown_table(rules)
    assert table.splitlines()[2:4] == [
        r"| 1 | 4 | 0.5000 | 0.2500..0.7500 | 0.6250 | 0.1 | 2\* | 1 | +7 "
        r"| 0.93 like adam | `sign(m)` |",
        r"| 2 | 9 | - |  | 0.8750 | 0.1 | 1\* | 0 |  |  | `g` |",
    ]
    html = rendered(table)
    assert html.count("<td") == 2 * 11
    assert html.count("<p>") == 1
    assert "<td" in html
    assert "2*</td>" in html


def test_rules_are_those_of_the_ranking_which_is_read_for_a_table_only(tmp_path):
    reads = []

    def ranking():
        reads.append(1)
        return [RankedRule(proposal(5, rule="sign(m)"), group=1, alike=3)]

    batches = [replace(progress(told), ranking=ranking) for told in (10, 20, 30)]
    written(tmp_path, *batches, clock=Clock())
    assert len(reads) == 2
    assert "| +3 | `sign(m)` |" in texts(tmp_path)[-1][1]
    assert "| 3 |" not in texts(tmp_path)[-1][1]


def test_rediscoveries_are_listed_and_counted(tmp_path):
    found = (Rediscovery(3, "sgd"), Rediscovery(12, "signum"))
    batches = [
        progress(10),
        replace(progress(20), rediscoveries=found[:1]),
        replace(progress(30), rediscoveries=found),
        replace(progress(40), rediscoveries=found),
    ]
    clock = Clock()
    observer = TensorBoard(tmp_path, every=1, clock=clock)
    observer.start(1000, 0)
    for batch in batches:
        observer.batch(batch)
        clock.now += 2
    observer.close()
    counts = scalars(tmp_path, "rules/rediscovered")
    assert counts == [(20, 1.0), (30, 2.0), (40, 2.0)]
    lists = texts(tmp_path, "rules/rediscovered")
    assert [step for step, _ in lists] == [20, 30]
    assert lists[-1][1].splitlines()[2:] == ["| sgd | 3 |", "| signum | 12 |"]
    assert rendered(lists[-1][1]).count("<td") == 4


def test_a_batch_without_results_has_no_reward(tmp_path):
    empty = progress_at(5, rewards=(math.nan,), trained=0, seconds=0.0)
    written(tmp_path, empty)
    tags = read(tmp_path).Tags()["scalars"]
    assert tags
    assert all(tag.startswith("workers/") for tag in tags)


def test_a_resumed_search_hides_what_it_repeats(tmp_path):
    written(tmp_path, *(progress(told, best=0.5) for told in (10, 20, 30, 40)))
    written(tmp_path, *(progress(told, best=0.6) for told in (30, 40)), told=20)
    assert scalars(tmp_path, "controller/entropy") == [
        (told, 2.5) for told in (10, 20, 30, 40)
    ]
    assert [round(v, 3) for _, v in scalars(tmp_path, "quality/best")] == [
        0.5,
        0.5,
        0.6,
        0.6,
    ]


def test_a_search_resumed_before_its_first_checkpoint_starts_over(tmp_path):
    written(tmp_path, progress(10), progress(20))
    written(tmp_path, progress(10, best=0.75), told=0)
    assert scalars(tmp_path, "quality/best") == [(10, 0.75)]


def test_the_best_rules_are_a_table_that_is_written_when_it_changes(tmp_path):
    clock = Clock()
    observer = TensorBoard(tmp_path, every=5, clock=clock)
    observer.start(1000, 0)
    for told, best in [(10, 0.5), (20, 0.5), (30, 0.6), (40, 0.7), (50, 0.7)]:
        observer.batch(progress(told, best))
        clock.now += 3
    observer.close()
    assert [step for step, _ in texts(tmp_path)] == [10, 30, 50]
    assert "| 1 | 3 | 0.7000 | 0.1 | 2\\* | 0 | `sign(g)` |" in texts(tmp_path)[-1][1]


def test_a_batch_is_on_disk_without_closing(tmp_path):
    observer = TensorBoard(tmp_path)
    observer.start(1000, 0)
    observer.batch(progress(10))
    assert scalars(tmp_path, "quality/best") == [(10, 0.5)]
    observer.close()


def test_the_charts_of_a_search_name_tags_that_exist(tmp_path):
    written(tmp_path, progress(10))
    found = read(tmp_path)
    layout = found.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    assert all(tag in layout for tag in (b"reward/p10", b"quality/best"))
    assert {"reward/p10", "reward/median", "reward/p90"} <= set(found.Tags()["scalars"])


@pytest.mark.parametrize(
    "rule", ["g | m", "g `m` | `w", "g * m * w_1_", "[g](w)", "<g>"]
)
def test_tensorboard_renders_any_rule_as_one_cell(rule):
    html = rendered(markdown_table([RankedRule(proposal(1, rule=rule))]))
    assert html.count("<td") == 7
    shown = rule.replace("`", "'").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<code>{shown}</code>" in html


def test_a_batch_before_the_start_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="start"):
        TensorBoard(tmp_path).batch(progress(10))


def test_reports_load_neither_torch_nor_tensorboard_until_they_are_used():
    code = (
        "import sys, neuralopt.report; "
        "print({'torch', 'tensorboard', 'hydra'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
