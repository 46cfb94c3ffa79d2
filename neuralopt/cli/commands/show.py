"""Run the command show: print what is known of one rule."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

from neuralopt.archive import Archive, Proposal
from neuralopt.archive.ranking import Findings, RankedRule
from neuralopt.behaviour.description import Behaviour, describe
from neuralopt.behaviour.naming import name as behaviour_of
from neuralopt.cli.config.rates import learning_rates
from neuralopt.cli.rule_lookup import (
    FoundRule,
    archive_path,
    find_rule,
    run_of,
    task_scores,
)
from neuralopt.language import Expression, render, simplify
from neuralopt.machine import straight_line
from neuralopt.machine.memory import (
    NAMES,
    cost_text,
    memory_by_kind,
    memory_text,
    operations_per_parameter,
    values_per_parameter,
)
from neuralopt.report.rule_text import folded
from neuralopt.report.sparkline import sparkline, supports_unicode
from neuralopt.report.tables import printable
from neuralopt.scoring.probes import rejection
from neuralopt.scoring.score import Score
from neuralopt.views.lineage import Lineage, ancestry_lines, lineage


def show(options: argparse.Namespace) -> int:
    """Run the command show.

    Args:
        options: parsed arguments: rule, code, json, card.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the text refers to no rule, or to several, or the picture's name
            has an unknown ending.
        OSError: the picture can't be written.
    """
    found = find_rule(options.rule)
    if options.card:
        return _draw(found, options)
    facts, ancestry = _facts(found, options.rule)
    if options.json:
        print(json.dumps(facts))
        return 0
    for name, text in _lines(found, facts, ancestry):
        print(printable(f"{name:<10}{text}"))
    if options.code:
        print("\n" + _code(simplify(found.expression)))
    return 0


def _code(canonical: Expression) -> str:
    """The torch code of a rule, for each kind of parameter where they differ."""
    from neuralopt.optimizer import programs_of  # loads torch

    kinds: dict[str, list[str]] = {}
    for kind, program in programs_of(canonical).items():
        kinds.setdefault(program.source.rstrip(), []).append(kind)
    if len(kinds) == 1:
        return next(iter(kinds))
    return "\n\n\n".join(
        f"# for parameters of the kind {' and '.join(some)}\n{source}"
        for source, some in kinds.items()
    )


def _draw(found: FoundRule, options: argparse.Namespace) -> int:
    """Draw the rule's card into a file."""
    from neuralopt.cli.rule_card import card_of, check_picture, save_card  # torch

    check_picture(Path(options.card))  # measuring takes seconds
    run = run_of(options.rule) if found.proposal is not None else ""
    save_card(card_of(found, run), Path(options.card))
    print(f"Wrote {options.card}")
    return 0


def _facts(found: FoundRule, typed: str) -> tuple[dict[str, object], Lineage | None]:
    """All that is shown, as plain data; and the ancestry of a proposal."""
    canonical = simplify(found.expression)
    code = straight_line(canonical)
    facts: dict[str, object] = {
        "rule": render(found.expression),
        "canonical": render(canonical),
        "expanded": str(canonical),
        "latex": render(canonical, "latex"),
        "memory": values_per_parameter(canonical),
        "memory_by_kind": _memory_by_kind(canonical),
        "operations": operations_per_parameter(canonical),
        "needs_total_steps": code.needs_total_steps,
        "needs_loss": code.needs_loss,
        "tensor_scope": code.has_tensor_scope,
        "lr": found.lr,
        "origin": found.origin,
        "rejection": rejection(canonical),
    }
    ranked: RankedRule | None = None
    ancestry: Lineage | None = None
    if (proposal := found.proposal) is not None:
        score = proposal.score or Score(proposal.status)
        with Archive.open(archive_path(run_of(typed))) as archive:
            rates = learning_rates(archive.context.get("configuration", ""))
            verdict = _verdict(archive, proposal.number)
            ranked = Findings(archive).of(proposal)
            ancestry = lineage(archive, proposal.number)
        facts |= {
            "status": proposal.status,
            "reason": proposal.reason,
            "quality": proposal.quality,
            "measured": None if ranked.place is None else str(ranked.place),
            "pruned": _pruning(ranked),
            "loss": score.loss,
            "accuracy": score.accuracy,
            "original": proposal.original,
            "screening": _screening(score, rates),
            "curve": list(score.curve),
            "verdict": verdict,
            "ancestry": _ancestry(ancestry),
        }
    if ranked is not None and str(canonical) != ranked.proposal.canonical:
        facts["pruned_from"] = folded(ranked.proposal.canonical)
        facts["behaviour"] = _behaviour(canonical, None)
    else:
        facts["behaviour"] = _behaviour(canonical, ranked)
    return facts, ancestry


def _memory_by_kind(canonical: Expression) -> dict[str, dict[str, int]]:
    """Values kept, by kind of parameter and what has one of its own."""
    return {
        kind: {NAMES[extent]: count for extent, count in kept.items()}
        for kind, kept in memory_by_kind(canonical).items()
    }


def _ancestry(ancestry: Lineage) -> list[dict[str, object]]:
    """Each rule of an ancestry with its parents; empty where none are recorded."""
    if len(ancestry.relatives) < 2:
        return []
    return [
        {
            "number": each.number,
            "kind": each.kind,
            "parents": [step.parent for step in each.steps],
            "change": "; ".join(step.change for step in each.steps if step.change),
        }
        for each in ancestry.relatives
    ]


def _behaviour(canonical: Expression, ranked: RankedRule | None) -> dict[str, object]:
    """The behaviour as recorded, with its class; else computed, without one."""
    if ranked is None or ranked.behaviour is None:
        return asdict(behaviour_of(canonical))
    recorded = asdict(ranked.behaviour)
    del recorded["number"]
    return recorded | {"alike": ranked.alike, "first": ranked.group}


def _pruning(ranked: RankedRule) -> dict[str, object] | None:
    """The recorded pruning, if there is one."""
    if ranked.pruning is None:
        return None
    recorded = asdict(ranked.pruning)
    del recorded["number"]
    return recorded | {"rule": folded(ranked.rule), "changed": ranked.pruned}


def _verdict(archive: Archive, number: int) -> str:
    """Describe a proposal's row in the verdict that its search ended with."""
    if not archive.verdicts():
        return ""
    # Intervals need numpy and scipy, which most of what is shown does not.
    from neuralopt.cli.commands.verdict import of_proposals

    found = of_proposals(archive).get(number)
    if found is None:
        return ""
    row, record = found
    if row.verdict == "failed to run":
        return f"{row.verdict}: {row.reason}"
    return (
        f"{row.verdict}: mean {row.mean:.4f}, {row.low:.4f} to {row.high:.4f}, on "
        f"{len(record.seeds)} fresh seeds, {record.split} split of {record.task}"
    )


def _screening(
    score: Score, rates: tuple[float, ...]
) -> list[tuple[float, float | None]]:
    """Validation loss of each learning rate; None where it diverged."""
    if len(rates) != len(score.screening):
        return []
    return [
        (rate, loss if loss < float("inf") else None)
        for rate, loss in zip(rates, score.screening, strict=True)
    ]


def _lines(
    found: FoundRule, facts: dict[str, object], ancestry: Lineage | None
) -> Iterator[tuple[str, str]]:
    """Names and values for people, the formula first."""
    yield "rule", str(facts["rule"])
    if facts["canonical"] != facts["rule"]:
        yield "canonical", str(facts["canonical"])
    yield "expanded", str(facts["expanded"])
    yield "LaTeX", str(facts["latex"])
    yield "behaves", _behaves(found, facts)
    yield "memory", memory_text(found.expression)
    yield "compute", cost_text(found.expression)
    if found.lr is not None:
        yield "lr", f"{found.lr:g}"
    if found.origin:
        yield "origin", found.origin
    yield from _result(found.proposal)
    if facts.get("measured"):
        yield "mean", str(facts["measured"])
    if facts.get("pruned"):
        yield "pruned", _pruned(facts)
    if facts.get("verdict"):
        given = facts.get("pruned")
        changed = isinstance(given, dict) and given["changed"]
        unpruned = changed and "pruned_from" not in facts
        which = "of its plain form: " if unpruned else ""
        yield "verdict", which + str(facts["verdict"])
    yield from _trainings(found.proposal, facts)
    if ancestry is not None and len(ancestry.relatives) > 1:
        for place, line in enumerate(ancestry_lines(ancestry)):
            yield "" if place else "ancestry", line
    if facts["needs_total_steps"]:
        yield "needs", "total_steps: it depends on the progress of training"
    if facts["needs_loss"]:
        yield "needs", "the loss of each step: RuleOptimizer.step(loss=...)"
    if facts["rejection"]:
        yield "probes", f"a search would reject it: it {facts['rejection']}"


def _behaves(found: FoundRule, facts: dict[str, object]) -> str:
    """Name the nearest rule, with the similarity if it is not equal, and the families.

    See `neuralopt.behaviour`. Of a proposal whose behaviour is recorded the class is
    named too.
    """
    given = facts["behaviour"]
    assert isinstance(given, dict)
    names = [field.name for field in fields(Behaviour)]
    behaviour = Behaviour(**{name: given[name] for name in names})
    words = [describe(behaviour), *behaviour.families]
    if given.get("alike"):
        own = found.proposal is not None and given["first"] == found.proposal.number
        first = "this is the first" if own else f"the first is #{given['first']}"
        words.append(f"and {given['alike']} more like it, {first}")
    return "; ".join(words)


def _pruned(facts: dict[str, object]) -> str:
    """The plainer form with its difference and limit."""
    given = facts["pruned"]
    assert isinstance(given, dict)
    if not given["changed"]:
        return f"no smaller rule was shown to lose less than {given['margin']:g}"
    original = facts.get("pruned_from")
    other = f"from {original}" if original else f"to {given['rule']}"
    return (
        f"{other}  ({given['difference']:+.4f} of quality, at least "
        f"{given['low']:+.4f}, on {given['replicates']} paired replicates)"
    )


def _result(proposal: Proposal | None) -> Iterator[tuple[str, str]]:
    """What became of a proposal."""
    if proposal is None:
        return
    because = f": {proposal.reason}" if proposal.reason else ""
    yield "status", proposal.status + because
    if proposal.status == "scored":
        yield "quality", f"{proposal.quality:.4f}"
    if proposal.score is not None and proposal.score.tasks:
        yield "tasks", task_scores(proposal.score)
    if proposal.score is not None and proposal.score.accuracy is not None:
        yield "accuracy", f"{proposal.score.accuracy:.4f}"
    if proposal.original is not None:
        yield "same as", f"#{proposal.original}"


def _trainings(
    proposal: Proposal | None, facts: dict[str, object]
) -> Iterator[tuple[str, str]]:
    """Learning rates tried, with their losses, and the curve of the long training."""
    screening = facts.get("screening")
    if isinstance(screening, list) and screening:
        rates = [f"{rate:g}" for rate, _ in screening]
        losses = ["diverged" if x is None else f"{x:.4g}" for _, x in screening]
        widths = [max(map(len, pair)) for pair in zip(rates, losses, strict=True)]
        for name, row in (("rates", rates), ("loss", losses)):
            cells = zip(row, widths, strict=True)
            yield name, "  ".join(cell.rjust(width) for cell, width in cells)
    curve = () if proposal is None or proposal.score is None else proposal.score.curve
    if curve:
        drawn = sparkline(curve, unicode=supports_unicode(sys.stdout))
        first, last = curve[0], curve[-1]
        yield "curve", f"{drawn}  training loss {first:.4g} to {last:.4g}"
