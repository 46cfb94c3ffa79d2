"""The table of the best rules, with what was found out about them."""

from neuralopt.archive import Place
from neuralopt.report.tables import rules_table
from tests.report.builders import ranked


def lines(rules, width=None, **more):
    return rules_table(rules, **more).text(width).splitlines()


def test_size_and_memory_are_shown_and_the_front_is_marked():
    rules = [
        ranked(7, rule="g * exp(m)", quality=0.9),
        ranked(2, rule="g * sign(v)", quality=0.8),
        ranked(5, rule="adam", quality=0.7),
    ]
    assert lines(rules)[:4] == [
        "rank  number  quality   lr  size  memory  rule",
        "   1       7   0.9000  0.1    4*       1  g * exp(m)",
        "   2       2   0.8000  0.1    4        1  g * sign(v)",
        "   3       5   0.7000  0.1    1*       2  adam",
    ]


def test_groups_and_names_are_shown_where_there_are_any():
    rules = [
        ranked(7, rule="m", quality=0.9, name="ema", alike=71),
        ranked(2, rule="g", quality=0.8),
    ]
    assert lines(rules)[:3] == [
        "rank  number  quality   lr  size  memory  alike  likeness  rule",
        "   1       7   0.9000  0.1    1*       1    +71  = ema     m",
        "   2       2   0.8000  0.1    1        0                   g",
    ]
    words = " ".join(rules_table(rules).notes)
    assert "behave like this one" in words
    assert "fresh replicates" not in words
    assert "Pruned" not in words
    assert "Likeness is" in words
    without = " ".join(rules_table(rules[1:]).notes)
    assert "alike" not in without
    assert "Likeness" not in without


def test_the_plainer_rule_is_shown_and_then_what_it_was_pruned_from():
    noisy = "g - clip(noise(0.1), 0.001)"
    rules = [
        ranked(7, rule=noisy, pruned="g", place=Place(7, 0.5, 0.25, 0.75, 6)),
        ranked(8, rule="m", pruned="m", place=Place(8, 0.5, 0.25, 0.75, 6)),
    ]
    header, first, second = lines(rules)[:3]
    assert header.split()[-3:] == ["rule", "pruned", "from"]
    assert first.split(maxsplit=8)[6:] == ["1*", "0", f"= sgd     g     {noisy}"]
    assert second.endswith("  m")
    assert "lose more than 0.02 of" in " ".join(rules_table(rules).notes[0].split())


def test_on_a_narrow_terminal_names_and_rules_are_below_and_origins_further_below():
    noisy = "g - clip(noise(0.1), 0.001)"
    place = Place(7, 0.5, 0.25, 0.75, 6)
    rules = [
        ranked(7, rule=noisy, pruned="g", name="momentum", place=place, alike=3),
        ranked(8, rule="exp(m)", name="adam"),
    ]
    shown = lines(rules, width=80)
    assert shown[:8] == [
        "rank  number    mean  95% interval    one score   lr  size  memory  alike",
        "    likeness  rule",
        "        pruned from",
        "   1       7  0.5000  0.2500..0.7500     0.5000  0.1    1*       0     +3",
        "    = sgd     g",
        f"        {noisy}",
        "   2       8       -                     0.5000  0.1    2        1",
        "    = adam    exp(m)",
    ]
    assert shown[8] == ""
    assert max(map(len, shown)) <= 88


def test_there_is_one_footnote_or_what_is_given():
    rules = [ranked(7, alike=1, name="adam", pruned="m")]
    assert len(rules_table(rules).notes) == 1
    assert rules_table(rules, ["Own."]).notes == ("Own.",)
    assert rules_table(rules, []).notes == ()


def test_rules_of_several_runs_have_their_names():
    header, first = lines([ranked(7)], runs=["a/b"], notes=[])
    assert header.split()[:3] == ["rank", "run", "number"]
    assert first.split()[:3] == ["1", "a/b", "7"]


def test_a_text_of_another_version_has_no_size():
    assert lines([ranked(7, rule="frobnicate(g)")])[1].split()[4:] == [
        "-",
        "-",
        "frobnicate(g)",
    ]
