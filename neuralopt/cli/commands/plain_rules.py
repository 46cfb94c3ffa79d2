"""Prune the best rules that a search ends with, and keep what is left of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuralopt.archive import Archive, Proposal, PruningRecord
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.behaviour.description import Behaviour
from neuralopt.behaviour.naming import names
from neuralopt.cli.config.schema import PruningSettings
from neuralopt.evaluators import Evaluator
from neuralopt.language import Expression, parse
from neuralopt.pruning.measuring import prune_shortlist
from neuralopt.report.counting import counting


@dataclass(frozen=True, slots=True)
class PlainRule:
    """What is left of one of the best rules.

    Attributes:
        number: of the proposal.
        rule: pruned, canonical.
        behaviour: of the pruned rule.
        alike: numbers of further proposals, worse placed, whose pruned rules are the
            same or behave alike.
    """

    number: int
    rule: Expression
    behaviour: Behaviour
    alike: tuple[int, ...] = ()


def prune_best(
    best: Sequence[Proposal],
    settings: PruningSettings,
    evaluator: Evaluator,
    archive: Archive,
    gated: bool,
) -> dict[int, Expression]:
    """Return the plain forms of proposals, found now or read from the archive.

    Args:
        best: scored proposals, best first.
        settings: how many are pruned, and how; the others stay as they are.
        evaluator: started, with nothing else to do.
        archive: open for writing; it keeps the plain forms.
        gated: whether the objective has gates.

    Returns:
        A canonical rule for each proposal, by its number, in the same order.
    """
    rules = {proposal.number: proposal.expression for proposal in best}
    asked = dict(list(rules.items())[: settings.candidates])
    known = {
        record.number: parse(record.rule)
        for record in archive.prunings()
        if (record.margin, record.number in asked) == (settings.margin, True)
    }
    missing = {number: rule for number, rule in asked.items() if number not in known}
    if missing:
        print(
            f"\nPruning {len(missing)} of the best rule{'s' * (len(asked) > 1)}",
            flush=True,
        )
        with counting("measurements asked for so far") as count:

            def progress(done: int, total: int) -> None:
                archive.heartbeat()
                count(done, total)

            found = prune_shortlist(
                missing,
                evaluator,
                settings.margin,
                settings.replicates,
                gated=gated,
                progress=progress,
            )
        archive.save_prunings(
            [
                PruningRecord(
                    number,
                    str(each.pruned),
                    each.margin,
                    each.difference,
                    each.low,
                    each.replicates,
                )
                for number, each in found.items()
            ]
        )
        known |= {number: each.pruned for number, each in found.items()}
    return {number: known.get(number, rule) for number, rule in rules.items()}


def grouped(rules: Mapping[int, Expression]) -> list[PlainRule]:
    """Return rules without those that behave like a better one, with their names.

    Args:
        rules: canonical, by number of the proposal, best first.

    Returns:
        The first of each behaviour, in the same order.
    """
    pairs = list(rules.items())
    if not pairs:
        return []
    leaders = BehaviourClasses().assign_all(pairs)
    return [
        PlainRule(
            number,
            rule,
            behaviour,
            tuple(
                other
                for (other, _), first in zip(pairs, leaders, strict=True)
                if first == number != other
            ),
        )
        for (number, rule), behaviour, leader in zip(
            pairs, names([rule for _, rule in pairs]), leaders, strict=True
        )
        if leader == number
    ]
