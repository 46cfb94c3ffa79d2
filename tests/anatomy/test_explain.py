"""Explanations: planted differences, real trainings, and what is printed."""

import json
import math
from collections.abc import Mapping
from statistics import fmean

import numpy as np
import pytest
from matplotlib.figure import Figure

import neuralopt
from neuralopt.anatomy.ablation import ablation_of
from neuralopt.anatomy.advice import advice_for, update_size
from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.figure import draw_ablation
from neuralopt.anatomy.rates import RateCurve
from neuralopt.anatomy.sentences import ablation_notes
from neuralopt.engines import Child, OptimizerSpec, choose_engine
from neuralopt.language import RULES, parse, simplify
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.replicates import FIRST_ANATOMY_REPLICATE
from neuralopt.scoring.score import Score
from neuralopt.tasks import load_tasks
from neuralopt.verdict.scores import Benchmark

TINY = Budget("tiny", (1e-3, 1e-2), 1, 1)
SEEDS = 3


@pytest.fixture(scope="module")
def signum() -> Explanation:
    return neuralopt.explain(
        "signum", budget=TINY, seeds=SEEDS, parts=2, workers=1, progress=False
    )


def test_rates_are_those_of_the_reference_engine(signum: Explanation) -> None:
    (curve,) = signum.curves
    (task,) = load_tasks("digits")
    rate = curve.rates[3]
    children = [
        Child(signum.rule, rate, FIRST_ANATOMY_REPLICATE + seed)
        for seed in range(SEEDS)
    ]
    outcomes = choose_engine("serial", task, 0).train(children, 1, ("validation",))
    qualities = [task.quality(each.losses[0]) for each in outcomes]
    assert curve.qualities[3] == pytest.approx(qualities, rel=1e-4)
    assert curve.best is not None
    assert signum.advice.measured == (curve.best / (signum.adamw[0].best or 0),)


def test_the_rule_and_a_variant_are_scored_on_replicates_of_their_own(
    signum: Explanation,
) -> None:
    assert signum.ablation is not None
    (task,), row = load_tasks("digits"), signum.ablation.rows[0]
    engine = choose_engine("serial", task, 0)

    def qualities(rule: neuralopt.Expression) -> list[float]:
        trials = [
            Trial(rule, (FIRST_ANATOMY_REPLICATE + seed,)) for seed in range(SEEDS)
        ]
        scores = score_trials(engine, task, TINY, trials, ("selection",))
        return [each["selection"].quality for each in scores]

    rule, other = qualities(signum.rule), qualities(row.variant.rule)
    assert signum.ablation.quality == pytest.approx(fmean(rule), rel=1e-3)
    gaps = np.subtract(other, rule)
    assert row.difference == pytest.approx(gaps.mean(), abs=1e-3)


def test_it_prints_and_is_plain_data(signum: Explanation) -> None:
    text, page = str(signum), signum._repr_html_()
    for title in ("The rule", "What each part contributes", "Coming from AdamW"):
        assert title in text
        assert title in page
    data = json.loads(json.dumps(signum.to_mapping(), allow_nan=False))
    assert data["rule"] == "sign(m)"
    assert len(data["ablation"]["rows"]) == 2
    assert data["stability"]["cycle"] == signum.stability.cycle
    assert len(data["rates"]["rule"][0]["rates"]) == len(signum.curves[0].rates)


def test_the_picture_has_a_panel_for_each_measurement(signum: Explanation) -> None:
    titles = [axes.get_title(loc="left") for axes in signum.figure().axes]
    assert [title.split(":")[0].split(",")[0] for title in titles] == [
        "Parts changed",
        "Rates",
        "Stability on quadratics",
    ]


def test_it_says_that_a_seed_decides_nothing() -> None:
    def train(rules: Mapping[str, OptimizerSpec]) -> Benchmark:
        scores = {
            name: (Score("scored", 0.1 * place),) for place, name in enumerate(rules)
        }
        return Benchmark("task", "budget", 1, {"selection": scores})

    found = ablation_of(parse("sign(m)"), train, 2)
    assert {row.verdict for row in found.rows} == {"not decidable at this n"}
    notes = ablation_notes(found)
    assert notes[-1].startswith("'not decidable at this n': ")
    assert "for 2 comparisons; verdict.seeds=5 is enough" in notes[-1]
    assert f"{found.left_out} further variants were not trained." in notes
    axes = Figure().subplots()
    draw_ablation(axes, found)
    legend = axes.get_legend()
    assert legend is not None
    labels = [each.get_text() for each in legend.get_texts()]
    assert "not decidable at this n" in labels


def test_the_part_that_contributes_most_is_first() -> None:
    rule = simplify(RULES["powersign"].expression)
    noise = (-0.002, 0.0, 0.001, 0.001, -0.001, 0.002)
    sizes: dict[str, float] = {}

    def train(rules: Mapping[str, OptimizerSpec]) -> Benchmark:
        for place, name in enumerate(rules):
            sizes[str(rules[name])] = 0.1 * (place % 3)
        scores = {
            name: tuple(
                Score("scored", 0.8 - sizes[str(each)] + 0.1 * gap * place)
                for gap in noise
            )
            for place, (name, each) in enumerate(rules.items())
        }
        return Benchmark("task", "budget", len(noise), {"selection": scores})

    found = ablation_of(rule, train)
    differences = [row.difference for row in found.rows]
    assert differences == sorted(differences)
    for row in found.rows:
        loss = sizes[str(row.variant.rule)]
        assert row.difference == pytest.approx(-loss, abs=1e-3)
        assert (row.verdict == "worse") == (loss > 0)
        assert row.low <= row.difference <= row.high


def test_good_rates_and_best_one() -> None:
    curve = RateCurve(
        "task", 1, (0.01, 0.1, 1.0, 10.0), ((0.5,), (1.0,), (0.96,), (0.0,))
    )
    assert curve.best == 0.1
    assert curve.good is not None
    low, high = curve.good
    assert math.log10(low) == pytest.approx(-1 - 0.05 / 0.5)
    assert math.log10(high) == pytest.approx(0 + 0.01 / 0.96)
    assert curve.decades == pytest.approx(math.log10(high / low))
    assert not curve.at_edge


def test_sizes_of_updates_on_normal_gradients() -> None:
    ema = math.sqrt((1 - 0.9) / (1 + 0.9))  # of an average of independent numbers
    assert update_size(parse("g")) == pytest.approx(1.0, rel=0.02)
    assert update_size(parse("m")) == pytest.approx(ema, rel=0.03)
    assert update_size(RULES["adam"].expression) == pytest.approx(ema, rel=0.03)
    assert update_size(RULES["lion"].expression) == 1.0
    assert update_size(parse("exp(g ** 2 * 1e6)")) is None


@pytest.mark.parametrize(
    ("text", "depends"),
    [
        ("orthogonalize(m) / (norm(w) + 1e-8)", True),
        ("max(rms(w), 0.001) * sign(g)", True),
        ("sign(m) + 0.1 * w", False),
        ("g - w * mean(g * w) / (mean(w ** 2) + 1e-30)", False),
    ],
)
def test_updates_that_scale_with_weights_have_no_size(text: str, depends: bool) -> None:
    found = advice_for(parse(text))
    assert found.of_weights is depends
    assert (found.size is None) is (found.factor is None) is depends


def test_advice_by_formula_and_measured() -> None:
    sign = parse("sign(g)")
    formula = advice_for(sign)
    assert formula.factor == formula.by_formula == formula.adam_size
    mine = RateCurve("task", 1, (0.1, 1.0), ((0.2,), (0.9,)))
    its = RateCurve("task", 1, (0.1, 1.0), ((0.9,), (0.2,)))
    nothing = RateCurve("task", 1, (0.1, 1.0), ((0.0,), (0.0,)))
    found = advice_for(sign, (mine, nothing, its), (its, its, mine))
    assert found.measured == (10.0, None, 0.1)
    assert found.factor == pytest.approx(1.0)
