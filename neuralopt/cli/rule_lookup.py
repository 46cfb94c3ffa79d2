"""Turn what people type for a rule into rules: names, texts, RUN:N and torch.NAME."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuralopt.archive import ARCHIVE_FILE, Archive, Place, Proposal, PruningRecord
from neuralopt.catalog import hint
from neuralopt.language import Expression, Rule, parse, resolve_rule
from neuralopt.scoring.score import Score

if TYPE_CHECKING:
    from neuralopt.engines.engine import TorchOptimizer

LEARNED = "learned:"
"""Before the path of a learned optimizer's file."""


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A rule, and where it comes from.

    Attributes:
        name: Name to show.
        expression: The rule; of RUN:best, RUN:topN and RUN:plainN in its plain form, if
            it was pruned.
        lr: A learning rate that suited the rule, if one is known.
        origin: A sentence on where the rule comes from; may be empty.
        proposal: The proposal of a run, if the rule comes from one.
    """

    name: str
    expression: Expression
    lr: float | None = None
    origin: str = ""
    proposal: Proposal | None = None


def archive_path(run: str) -> Path:
    """Return the path of a run's archive.

    Args:
        run: A run directory.

    Returns:
        The path of the file, which exists.

    Raises:
        ValueError: The folder holds no archive.
    """
    path = Path(run) / ARCHIVE_FILE
    if not path.exists():
        raise ValueError(
            f"{run} is not a run directory, it has no {ARCHIVE_FILE}: name the folder "
            "that `neuralopt search` printed"
        )
    return path


def run_of(text: str) -> str:
    """Return the run directory that a text such as ``RUN:best`` names.

    Args:
        text: A rule as typed.

    Returns:
        The part of the text before its last colon; "" if it has none, and of a text
        ``learned:PATH``.
    """
    run, colon, _ = text.rpartition(":")
    return run if colon and not text.startswith(LEARNED) else ""


def find_rule(text: str) -> FoundRule:
    """Return the one rule that a text refers to.

    Args:
        text: A rule as typed.

    Returns:
        The rule, with its name and origin.

    Raises:
        ValueError: The text refers to no rule, or to several.
    """
    found = find_rules(text)
    if len(found) != 1:
        raise ValueError(f"{text} refers to {len(found)} rules: name one")
    return found[0]


def find_rules(text: str) -> list[FoundRule]:
    """Return the rules that a text refers to; RUN:topN refers to several.

    Args:
        text: A rule as typed.

    Returns:
        The rules with their names and origins, best first for RUN:topN.

    Raises:
        ValueError: The text refers to no rule.
    """
    if text.startswith(LEARNED):
        raise ValueError(
            f"{text} is a network and no rule: compare and distill take it, other "
            "commands need a rule such as adam"
        )
    run, colon, which = text.rpartition(":")
    if colon:
        return _of_run(run, which.strip())
    if os.path.lexists(f"{text}/{ARCHIVE_FILE}"):
        raise ValueError(f"{text} is a run: write {text}:best, or {text}:N for a rule")
    rule = resolve_rule(text)
    if isinstance(rule, Rule):
        origin = f"Reference: {rule.reference}."
        return [FoundRule(text, rule.expression, rule.lr, origin)]
    return [FoundRule(text, rule)]


def _of_run(run: str, which: str) -> list[FoundRule]:
    with Archive.open(archive_path(run)) as archive:
        best = which == "best" or which.startswith("top")
        plain = best or which.startswith("plain")
        if best:
            count = 1 if which == "best" else _whole(which.removeprefix("top"), which)
            proposals = archive.best(count)
            if not proposals:
                raise ValueError(f"{run} has no scored rule yet: let it run longer")
        else:
            number = _whole(which.removeprefix("plain"), which)
            if number >= len(archive):
                raise ValueError(
                    f"{run} has no proposal {number}: it holds {len(archive)}, "
                    "numbered from 0"
                )
            proposals = [archive.proposal(number)]
        task = archive.context.get("task", "")
        budget = archive.context.get("budget", "")
        places = {place.number: place for place in archive.measured()}
        prunings = {each.number: each for each in archive.prunings()}
    found = [
        _of_proposal(run, proposal, task, budget, places.get(proposal.number))
        for proposal in proposals
    ]
    return [
        _pruned(each, prunings.get(proposal.number), plain)
        for each, proposal in zip(found, proposals, strict=True)
    ]


def _pruned(found: FoundRule, pruning: PruningRecord | None, plain: bool) -> FoundRule:
    """The plain form of a rule that was pruned, or a name that says it is not that."""
    assert found.proposal is not None
    canonical = found.proposal.canonical
    if pruning is None or pruning.rule == canonical:
        return found
    if not plain:
        return replace(found, name=f"{found.name} unpruned")
    origin = f"{found.origin} Pruned from {canonical}."
    return replace(found, expression=parse(pruning.rule), origin=origin)


def _whole(text: str, which: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(
            f"{which!r} after ':' is not a proposal: write N, best, topN or plainN"
        )
    return int(text)


def _of_proposal(
    run: str, proposal: Proposal, task: str, budget: str, place: Place | None
) -> FoundRule:
    if not proposal.canonical:
        raise ValueError(f"proposal {proposal.number} has no rule: {proposal.reason}")
    origin = (
        f"Found by a search: proposal {proposal.number} of {Path(run).name}, task "
        f"{task}, budget {budget}."
    )
    score = proposal.score
    if score is not None and score.status == "scored":
        # Archives of schema 1 keep the scores of several tasks in the reason.
        tasks = task_scores(score) or score.reason
        how = f"at learning rate {score.lr:g}." if score.lr else tasks
        origin += f" Quality {score.quality:.4f} there, {how}"
        if place is not None:
            origin += f" Mean quality {place}."
    return FoundRule(
        f"#{proposal.number}",
        parse(proposal.canonical),
        proposal.lr,
        origin,
        proposal,
    )


def task_scores(score: Score) -> str:
    """Describe the quality and learning rate on each of several tasks.

    Args:
        score: The score of a rule.

    Returns:
        One line; "" for a search on one task.
    """
    return "; ".join(
        f"{each.task} {each.quality:.4f} at {each.lr:g}"
        if each.status == "scored" and each.lr is not None
        else f"{each.task} {each.status} {each.reason}"
        for each in score.tasks
    )


def find_candidates(
    texts: Iterable[str],
) -> "dict[str, Expression | TorchOptimizer]":
    """Look up the rules and torch optimizers to compare.

    Args:
        texts: Rules as typed, names such as ``torch.Adam``, and ``learned:PATH``.

    Returns:
        The candidates, by the names that a table shows.

    Raises:
        ValueError: A text refers to no rule, or to no optimizer.
    """
    candidates: dict[str, Expression | TorchOptimizer] = {}
    for text in texts:
        candidates |= candidates_under(text, candidates)
    return candidates


def candidates_under(
    text: str, taken: Mapping[str, object]
) -> "dict[str, Expression | TorchOptimizer]":
    """Look up the rules that a text refers to, or an optimizer of torch's kind.

    Args:
        text: A rule as typed, a name such as ``torch.Adam``, or ``learned:PATH``, an
            optimizer that `neuralopt learn` wrote.
        taken: Other candidates by name. A rule of a run whose number is taken by
            another run is named with its run.

    Returns:
        The candidates by name.

    Raises:
        ValueError: The text refers to no rule, or to no optimizer.
    """
    if text.startswith("torch.") and ":" not in text:
        return {text: torch_optimizer(text)}
    if text.startswith(LEARNED):
        from neuralopt.learned.files import learned_candidate

        return {text: learned_candidate(text, text.removeprefix(LEARNED))}
    found: dict[str, Expression | TorchOptimizer] = {}
    run = run_of(text)
    for each in find_rules(text):
        name = each.name
        if run and taken.get(name, each.expression) != each.expression:
            name = f"{run}:{name}"
        found[name] = each.expression
    return found


def torch_optimizer(text: str) -> "TorchOptimizer":
    """Return an optimizer of torch that takes a learning rate.

    Args:
        text: ``torch.NAME`` or ``torch.optim.NAME``.

    Returns:
        The optimizer, under the name as typed.

    Raises:
        ValueError: torch.optim has no such optimizer, or it can't be compared.
    """
    import torch

    from neuralopt.engines.engine import TorchOptimizer

    name = "torch." + text.removeprefix("torch.").removeprefix("optim.")
    known: dict[str, Callable[..., torch.optim.Optimizer]] = {
        f"torch.{key}": value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and key not in ("Optimizer", "LBFGS", "SparseAdam")
    }
    if name == "torch.Muon":
        raise ValueError(
            "torch.Muon takes matrices only: name the rule muon_adamw instead, which "
            "steps all other parameters by AdamW"
        )
    if name not in known:
        raise ValueError(f"there is no {name} to compare with: {hint(name, known)}")
    return TorchOptimizer(text, lambda params, lr: known[name](params, lr=lr))
