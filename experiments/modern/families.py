"""What a search in the space `modern` found of each family of rules, and when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.language import RULES, Expression, render, simplify
from neuralopt.verdict.rediscovery.history import CHARGED

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "orthogonalized": ("orthogonalize",),
    "rows and columns": ("rows", "columns"),
    "norms": ("norm", "rms"),
    "element by element": (),
}
"""Names of families, and the operations that each has; the first that fits."""

MUON = ("muon_plain", "muon_unscaled")
"""Muon with a plain average, and with that of Nesterov."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A rule that a search trained.

    Attributes:
        evaluations: rules trained up to this one.
        quality: that the search was told.
        rule: in canonical form.
    """

    evaluations: int
    quality: float
    rule: Expression

    @property
    def family(self) -> str:
        """The first of FAMILIES whose operations the rule has."""
        return next(
            name
            for name, operations in FAMILIES.items()
            if not operations or self.rule.contains(*operations)
        )

    @property
    def is_kin_of_muon(self) -> bool:
        """Whether it orthogonalizes a moving average of the gradient."""
        return any(
            node.primitive == "orthogonalize" and node.contains("ema")
            for node in self.rule.walk()
        )


def trained_by(folder: Path) -> Iterator[Trained]:
    """Yield what a search trained, in the order of asking."""
    with Archive.open(folder / ARCHIVE_FILE) as archive:
        count = 0
        for proposal in archive.proposals():
            if proposal.status in CHARGED:
                count += 1
                yield Trained(count, proposal.quality or 0.0, proposal.expression)


def figures_of(folder: Path) -> dict[str, Any]:
    """What a search found of each family, and when."""
    trained = list(trained_by(folder))
    best = {
        name: max((e.quality for e in trained if e.family == name), default=0.0)
        for name in FAMILIES
    }
    curves: dict[str, list[tuple[int, float]]] = {name: [] for name in FAMILIES}
    for each in trained:
        curve = curves[each.family]
        if not curve or each.quality > curve[-1][1]:
            curve.append((each.evaluations, each.quality))
    plain = best["element by element"]
    ahead = [each for each in trained if each.is_kin_of_muon and each.quality > plain]
    first = next((each for each in trained if each.is_kin_of_muon), None)
    ranked = sorted(trained, key=lambda each: -each.quality)
    forms = {simplify(RULES[name].expression) for name in MUON}
    muon = next((each for each in ranked if each.rule in forms), None)
    return {
        "evaluations": len(trained),
        "best": best,
        "curves": curves,
        "muon": muon
        and (
            muon.evaluations,
            1 + sum(each.quality > muon.quality for each in trained),
        ),
        "first kin": first and first.evaluations,
        "kin ahead": ahead[0].evaluations if ahead else None,
        "of the best hundred": {
            name: sum(each.family == name for each in ranked[:100]) for name in FAMILIES
        },
        "rules": [[render(each.rule), each.quality] for each in ranked[:5]],
    }
