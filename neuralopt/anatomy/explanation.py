"""All that is found out about a rule."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from neuralopt.anatomy.ablation import Ablation, Train, ablation_of
from neuralopt.anatomy.advice import ADAMW, Advice, advice_for
from neuralopt.anatomy.invariances import Invariances, invariances_of
from neuralopt.anatomy.parts import MOST
from neuralopt.anatomy.quadratics import (
    CURVATURES,
    FATES,
    RATES,
    Stability,
    stability_of,
)
from neuralopt.anatomy.rates import RateCurve, rate_curves
from neuralopt.behaviour.description import Behaviour
from neuralopt.behaviour.naming import name as behaviour_of
from neuralopt.evaluators.objective import is_relative
from neuralopt.language import RULES, Expression, render, simplify, size_of
from neuralopt.report.counting import counting
from neuralopt.scoring.probes import rejection
from neuralopt.scoring.replicates import (
    FIRST_ANATOMY_REPLICATE,
    FIRST_CARD_REPLICATE,
    VERDICT_SEEDS,
)
from neuralopt.views.card.measure import Scoring

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SEEDS = FIRST_CARD_REPLICATE - FIRST_ANATOMY_REPLICATE


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a rule is and what each of its parts contributes.

    It prints as text, in a terminal and in a notebook.

    Attributes:
        name: of the rule; its text, if it has no name.
        rule: in canonical form.
        behaviour: the most similar named rule, and the rule's families.
        size: nodes; see `neuralopt.language.size_of`.
        invariances: how updates change with their inputs.
        stability: stable learning rates on quadratics.
        advice: factors from AdamW's settings to those of the rule.
        ablation: what each part contributes; None if nothing was trained.
        curves: quality against rate on each task; empty if nothing was trained.
        adamw: the same of AdamW.
    """

    name: str
    rule: Expression
    behaviour: Behaviour
    size: int
    invariances: Invariances
    stability: Stability
    advice: Advice
    ablation: Ablation | None = None
    curves: tuple[RateCurve, ...] = ()
    adamw: tuple[RateCurve, ...] = ()

    def figure(self) -> "Figure":
        """Return a picture of one page, a Figure of matplotlib."""
        from neuralopt.anatomy.figure import explanation_figure

        return explanation_figure(self)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain data for JSON; a rate without an upper limit is ``"any"``."""
        stability = self.stability
        data: dict[str, Any] = {
            "name": self.name,
            "rule": render(self.rule),
            "expanded": str(self.rule),
            "size": self.size,
            "behaviour": asdict(self.behaviour),
            "invariances": asdict(self.invariances),
            "stability": {
                "rates": RATES,
                "curvatures": CURVATURES,
                "fates": [[FATES[each] for each in row] for row in stability.fates],
                "limits": [
                    {"curvature": curvature, "rate": rate}
                    for curvature, rate in stability.limits
                ],
                "rate_times_curvature": stability.product,
                "theory": stability.theory,
                "cycle": stability.cycle,
                "ravine": stability.ravine,
                "ravine_steps": stability.ravine_steps,
                "ravine_rate": stability.ravine_rate,
            },
            "advice": {**asdict(self.advice), "factor": self.advice.factor},
            "ablation": None if self.ablation is None else _ablation(self.ablation),
            "rates": {
                key: [_curve(each) for each in curves]
                for key, curves in (("rule", self.curves), ("adamw", self.adamw))
            },
        }
        plain: dict[str, Any] = _finite(data)
        return plain

    def __str__(self) -> str:
        from neuralopt.anatomy.text import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from neuralopt.anatomy.text import html_of

        return html_of(self)


def explain_rule(
    name: str,
    rule: Expression,
    scoring: Scoring | None,
    train: Train | None,
    seeds: int = VERDICT_SEEDS,
    most: int = MOST,
    show: bool = True,
) -> Explanation:
    """Find out what a rule is and what its parts contribute.

    Args:
        name: of the rule.
        rule: in any form.
        scoring: tasks, budget and numerics; None to train nothing.
        train: scores the rule and its variants as `scoring` says, on `seeds` seeds from
            `FIRST_ANATOMY_REPLICATE` on; None to train nothing.
        seeds: of every training.
        most: variants that are trained at most.
        show: whether to show progress on standard error.

    Returns:
        The explanation; the same for the same arguments.

    Raises:
        ValueError: the rule can train nothing, a number is out of range, or a training
            breaks.
    """
    canonical = simplify(rule)
    check_explainable(name, canonical, seeds)
    curves: Mapping[str, tuple[RateCurve, ...]] = {}
    ablation = None
    if scoring is not None and train is not None:
        rules = {"rule": canonical, ADAMW: simplify(RULES[ADAMW].expression)}
        with counting("trainings at many rates", show=show) as count:
            curves = rate_curves(rules, scoring, seeds, count)
        relative = is_relative(len(scoring.tasks), scoring.budget)
        ablation = ablation_of(canonical, train, most, relative)
    mine, adamw = curves.get("rule", ()), curves.get(ADAMW, ())
    return Explanation(
        name,
        canonical,
        behaviour_of(canonical),
        size_of(canonical),
        invariances_of(canonical),
        stability_of(canonical),
        advice_for(canonical, mine, adamw),
        ablation,
        mine,
        adamw,
    )


def check_explainable(name: str, rule: Expression, seeds: int) -> None:
    """Check what `explain_rule` is given, before anything is trained.

    Args:
        name: of the rule.
        rule: in any form.
        seeds: of every training.

    Raises:
        ValueError: the probes of a search reject the rule, or there are too few or too
            many seeds.
    """
    if why := rejection(rule):
        raise ValueError(f"{name} can't be explained: {why}")
    if not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"verdict.seeds is {seeds}: give 1 to {MOST_SEEDS}")


def _curve(curve: RateCurve) -> dict[str, Any]:
    return {
        **asdict(curve),
        "best": curve.best,
        "good": curve.good,
        "decades": curve.decades,
    }


def _ablation(ablation: Ablation) -> dict[str, Any]:
    rows = []
    for row in ablation.rows:
        data = asdict(row)
        data["variant"] = {**data["variant"], "rule": render(row.variant.rule)}
        rows.append(data)
    alike = [
        {"part": each.part, "instead": each.instead, "rule": render(each.rule)}
        for each in ablation.alike
    ]
    return {**asdict(ablation), "rows": rows, "alike": alike}


def _finite(value: Any) -> Any:
    """Plain data of JSON: infinity is "any"."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and math.isinf(value):
        return "any"
    return value
