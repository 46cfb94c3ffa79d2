"""What each part of a rule contributes: its variants, trained on the same seeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neuralopt.anatomy.parts import MOST, Variant, variants_of
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression
from neuralopt.report.tables.comparison import undecided
from neuralopt.tasks import Split
from neuralopt.verdict.scores import Benchmark

SPLIT: Split = "selection"

Train = Callable[[Mapping[str, OptimizerSpec]], Benchmark]
"""Scores rules, by any names, on the same fresh seeds; each rule and seed chooses its
own learning rate."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """What a part contributes.

    Attributes:
        variant: the rule without it.
        quality: mean of the variant over seeds.
        difference: mean over seeds of the variant's quality less the rule's; below 0
            where the part helps.
        low: lower end of its interval, corrected for all variants (Holm, 95%).
        high: upper end of it.
        verdict: of the variant against the rule.
        diverged: seeds on which the variant diverged.
    """

    variant: Variant
    quality: float
    difference: float
    low: float
    high: float
    verdict: str
    diverged: int


@dataclass(frozen=True, slots=True)
class Ablation:
    """What the parts of a rule contribute.

    Attributes:
        rows: the part that contributes most first.
        alike: variants that were not trained, as they behave like the rule.
        left_out: variants that were not trained, as there are too many.
        quality: mean of the rule itself.
        task: name of what all were trained on.
        budget: its name.
        seeds: of each variant.
        relative: whether qualities are shares of Adam's, so that 0.5 is as good as
            Adam; see `neuralopt.evaluators.objective`.
        undecidable: how many seeds would decide, where these are too few; else empty.
    """

    rows: tuple[PartRow, ...]
    alike: tuple[Variant, ...]
    left_out: int
    quality: float
    task: str
    budget: str
    seeds: int
    relative: bool
    undecidable: str = ""


def ablation_of(
    rule: Expression, train: Train, most: int = MOST, relative: bool = False
) -> Ablation:
    """Train a rule and its variants, and compare them.

    Args:
        rule: in canonical form.
        train: scores rules.
        most: variants that are trained at most.
        relative: whether the qualities of `train` are shares of Adam's.

    Returns:
        A row for each variant that was trained.

    Raises:
        ValueError: a training breaks.
    """
    variants = variants_of(rule, most)
    names = {f"#{number}": each for number, each in enumerate(variants.distinct)}
    benchmark = train(
        {"rule": rule, **{name: each.rule for name, each in names.items()}}
    )
    found = benchmark.comparison(SPLIT, ["rule"])
    rows = [
        PartRow(
            names[row.name],
            row.mean,
            row.difference,
            row.difference_low,
            row.difference_high,
            row.verdict,
            row.diverged,
        )
        for row in found.rows
        if row.name in names
    ]
    return Ablation(
        tuple(sorted(rows, key=lambda row: row.difference)),
        variants.alike,
        variants.left_out,
        found["rule"].mean,
        benchmark.task,
        benchmark.budget,
        benchmark.seeds,
        relative,
        undecided(found),
    )
