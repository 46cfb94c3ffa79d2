"""Tables: what they answer, and their files."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neuralopt
from neuralopt import parse, tables
from neuralopt.scoring.score import STATUSES, Score
from tests.tables.builders import OBJECTIVE, small_table


def test_a_table_has_its_rules_in_the_order_of_their_texts():
    table = small_table()
    assert table.rules == ("1", "g", "g / m", "m", "sign(g)")
    assert table.rows.tolist() == [2, 4, 1, 3, 2]
    assert table.trained.tolist() == [False, True, True, True, True]
    assert len(table) == 5
    assert table.seeds == [0, 1]
    assert table.parts == ["digits", "ravine"]
    assert table.metadata["references"] == {"lion": [0.6, 0.6]}


def test_qualities_are_found_by_any_form_of_a_rule():
    table = small_table()
    for rule in ("g", "1 * g", "sgd", parse("g"), parse("g + 0 * 1")):
        assert table.quality(rule) == 0.4
        assert table.quality(rule, 1) == 0.3
        assert table.quality(rule, None) == pytest.approx(0.35)
    assert table.quality("sign(g)") == 0.1
    assert "signsgd" in table
    assert "g ** 3" not in table


def test_mean_and_ranks():
    table = small_table()
    assert table.mean.tolist() == pytest.approx([0.0, 0.35, 0.0, 0.275, 0.1])
    assert table.ranks.tolist() == [4, 1, 4, 2, 3]


def test_a_score_has_the_parts_that_were_trained():
    table = small_table()
    found = table.lookup("g")
    assert (found.status, found.quality, found.lr) == ("scored", 0.4, None)
    parts = [(each.task, each.lr, each.status) for each in found.tasks]
    assert parts == [("digits", 0.1, "scored"), ("ravine", 1e-3, "scored")]
    assert [each.quality for each in found.tasks] == pytest.approx([0.8, 0.1])
    stopped = table.lookup("sign(g)")
    assert (stopped.status, stopped.reason) == ("stopped", "after 1 of 2 parts")
    assert [each.task for each in stopped.tasks] == ["digits"]
    screened = table.lookup("m", 1)
    assert (screened.status, screened.quality, screened.tasks) == ("stopped", 0.05, ())
    diverged = table.lookup("g / m")
    assert [each.status for each in diverged.tasks] == ["diverged", "diverged"]
    assert table.lookup("1") == Score("rejected", reason="is constant")


def test_the_mean_score_is_scored_where_a_seed_was():
    found = small_table().lookup("m", None)
    assert (found.status, found.quality) == ("scored", pytest.approx(0.275))
    assert len(found.tasks) == 2


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("g ** 3", "table small does not have the rule g ** 3"),
        ("signsgdd", "unknown rule 'signsgdd': did you mean"),
        ("g +", "character"),
    ],
)
def test_an_unknown_rule_is_one_clear_error(rule, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        small_table().quality(rule)
    assert message in str(error.value).replace("g**3", "g ** 3")


def test_an_unknown_seed_is_an_error():
    with pytest.raises(ValueError, match=r"table small has no seed 7: known: 0, 1"):
        small_table().quality("g", 7)


def test_a_file_holds_the_same_table(tmp_path):
    table, path = small_table(), tmp_path / "small.npz"
    tables.save(table, path)
    again = tables.load(path)
    assert tables.load(str(path)) is again
    assert (again.name, again.rules) == ("small", table.rules)
    assert again.metadata == {**table.metadata, "format": 1}
    for name in ("rows", "statuses", "reasons", "qualities", "part_qualities", "rates"):
        ours, theirs = getattr(table, name), getattr(again, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_equal_tables_make_equal_files_with_a_checksum_of_the_usual_form(tmp_path):
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    tables.save(small_table(), one)
    tables.save(small_table(), two)
    assert one.read_bytes() == two.read_bytes()
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    assert (tmp_path / "one.npz.sha256").read_text() == f"{digest}  one.npz\n"


def test_statuses_are_kept_by_name(tmp_path):
    table, path = small_table(), tmp_path / "old.npz"
    order = list(reversed(STATUSES))
    codes = np.array([order.index(each) for each in STATUSES], np.uint8)
    old = replace(
        table,
        statuses=codes[table.statuses],
        metadata={**table.metadata, "statuses": order},
    )
    tables.save(old, path)
    np.testing.assert_array_equal(tables.load(path).statuses, table.statuses)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_damaged_file_is_noticed(tmp_path, place):
    path = tmp_path / "small.npz"
    tables.save(small_table(), path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]*small.npz is damaged: [^\n]*$"):
        tables.load(path)


def test_a_file_without_a_checksum_is_refused(tmp_path):
    path = tmp_path / "small.npz"
    tables.save(small_table(), path)
    (tmp_path / "small.npz.sha256").unlink()
    with pytest.raises(ValueError, match=r"small\.npz\.sha256 is missing"):
        tables.load(path)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
    return path


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_another_kind_of_file_is_no_table(tmp_path, content):
    with pytest.raises(ValueError, match=r"^[^\n]*other.npz holds no table: [^\n]*$"):
        tables.load(_written(tmp_path / "other.npz", content))


def test_arrays_of_wrong_shapes_and_objects_are_no_table(tmp_path):
    table, path = small_table(), tmp_path / "small.npz"
    tables.save(replace(table, rows=table.rows[:-1]), path)
    with pytest.raises(ValueError, match="rows has shape"):
        tables.load(path)
    other = tmp_path / "objects.npz"
    np.savez(other, metadata=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="holds no table: Object arrays"):
        tables.load(_written(other, other.read_bytes()))


@pytest.mark.parametrize("name", ["from_scrath", "nowhere.npz"])
def test_an_unknown_table_is_one_clear_error(name):
    with pytest.raises(ValueError, match=rf"^there is no (table|file) '?{name}[^\n]*$"):
        tables.load(name)


def test_every_table_of_the_package_opens():
    for name in tables.names():
        table = tables.load(name)
        assert table.mean.max() > 0
        assert table.rows.min() >= 1


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("space", {"groups": 2, "operands": ["g"]}, "give space.groups=1"),
        (
            "task",
            {"name": "digits", "fingerprint": "x"},
            "give task=digits+ravine",
        ),
        ("task", {"name": "digits+ravine", "fingerprint": "x"}, "the table abc"),
        ("budget", {"epochs": 5, "gates": ()}, "give budget.gates=[0.1]"),
        ("budget", {"epochs": 5}, "this search has budget.gates=None"),
        ("language", 2, "build the table again"),
    ],
)
def test_another_objective_is_refused_with_a_remedy(key, value, message):
    with pytest.raises(
        ValueError, match=r"^table small does not fit: [^\n]*$"
    ) as error:
        small_table().check({**OBJECTIVE, key: value})
    assert message in str(error.value)


def test_the_same_objective_passes():
    small_table().check({**OBJECTIVE, "budget": {"gates": (0.1,), "epochs": 5}})


@pytest.mark.parametrize("status", ["failed", "quarantined", "pending"])
def test_a_table_of_broken_scores_is_not_made(status):
    scores = {0: {"g": Score(status)}}
    with pytest.raises(ValueError, match=f"g: {status} for seed 0"):
        tables.make_table("broken", {"g": 1}, scores, {})
    with pytest.raises(ValueError, match="m: no score for seed 0"):
        tables.make_table("broken", {"m": 1}, scores, {})


def test_a_single_task_has_one_part_and_its_rate():
    score = Score("scored", 0.25, lr=0.3, reason="why")
    table = tables.make_table("one", {"g": 1}, {0: {"g": score}}, {})
    assert table.lookup("g") == score


def test_tables_load_no_torch_and_are_public():
    assert neuralopt.tables is tables
    code = (
        "import sys, neuralopt; neuralopt.tables.names(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
