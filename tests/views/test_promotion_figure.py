"""The picture of a promotion has a line for each contender."""

from neuralopt.promotion.deciding import Contender
from neuralopt.promotion.funnel import Measurement, StageCost, promote
from neuralopt.promotion.plan import PromotionPlan, Stage
from neuralopt.views.figures.canvas import png_of
from neuralopt.views.figures.promotion import promotion_figure


def test_lines_end_where_rules_are_stopped() -> None:
    plan = PromotionPlan((Stage("a", 4, 0.5), Stage("b", 4)), ("adamw",))
    means = {"adamw": 0.5, "#1": 0.6, "#2": 0.55, "#3": 0.2, "#4": 0.5}
    contenders = [Contender(name, name, name == "adamw") for name in means]

    def measure(stage, requests):
        return [
            Measurement((means[name] + (n * ord(name[-1])) % 7 / 50,))
            for name, n in requests
        ]

    cost = StageCost(("a",), 1, 1)
    results = promote(plan, contenders, measure, lambda stage: cost)
    figure = promotion_figure(results, 2)
    assert figure.get_suptitle() == "2 of 4 rules left after stage 2 of 2"
    (axes,) = figure.axes
    lengths = sorted(len(line.get_xdata()) for line in axes.lines if line.get_color())
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert len(crosses) == 2
    assert all(list(line.get_xdata()) == [1] for line in crosses)
    assert lengths.count(2) >= 3
    assert {text.get_text() for text in axes.texts} == {"adamw", "#1", "#2"}
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    assert ticks == [
        "stage 1\n4 rules\n1 part\n4 seeds",
        "stage 2\n2 rules\n1 part\n4 seeds",
    ]
    assert png_of(figure) == png_of(promotion_figure(results, 2))
