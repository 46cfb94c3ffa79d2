"""The commands that look at rules: top, show and export.

Knows what they print; refuses to know configuration and searches.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from neuralopt.archive import Archive, Proposal, flat
from neuralopt.cli.rule_lookup import (
    FoundRule,
    archive_path,
    find_rule,
    task_scores,
)
from neuralopt.language import RULES, render, simplify
from neuralopt.report.tables import proposals_table, write_table


def top(options: argparse.Namespace) -> int:
    if options.n < 1:
        raise ValueError(f"-n is {options.n}: give 1 or more")
    with Archive.open(archive_path(options.run)) as archive:
        chosen: Iterator[Proposal] = (
            archive.proposals() if options.all else iter(archive.best(options.n))
        )
        if options.json:
            for proposal in chosen:
                print(json.dumps(_plain(proposal)))
        else:
            write_table(proposals_table(list(chosen)), sys.stdout)
    return 0


def _plain(proposal: Proposal) -> dict[str, object]:
    """A proposal as standard JSON: infinite and NaN numbers become null."""

    def plain(value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in flat(proposal).items()}


def show(options: argparse.Namespace) -> int:
    from neuralopt.optimizer import compile_rule  # here, so that `top` stays light
    from neuralopt.scoring.probes import rejection

    found = find_rule(options.rule)
    canonical = simplify(found.expression)
    program = compile_rule(canonical)
    rows = [
        ("rule", render(found.expression)),
        ("canonical", render(canonical)),
        ("expanded", str(canonical)),
        ("LaTeX", render(canonical, "latex")),
        *_history(found),
        ("memory", f"{program.states} value{'s' * (program.states != 1)} a parameter"),
    ]
    if program.needs_total_steps:
        rows.append(("needs", "total_steps: it depends on the progress of training"))
    if reason := rejection(canonical):
        rows.append(("probes", f"a search would reject it: it {reason}"))
    for name, text in rows:
        print(f"{name:<10}{text}")
    print("\n" + program.source.rstrip())
    return 0


def _history(found: FoundRule) -> Iterator[tuple[str, str]]:
    """What is known of the rule from elsewhere: its reference or its run."""
    if found.lr is not None:
        yield "lr", f"{found.lr:g}"
    if found.origin:
        yield "origin", found.origin
    proposal = found.proposal
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


def export(options: argparse.Namespace) -> int:
    from neuralopt.export import export_rule  # here, so that `top` stays light

    found = find_rule(options.rule)
    lr = found.lr if options.lr is None else options.lr
    if lr is not None and not 0 < lr < math.inf:
        raise ValueError(f"--lr is {lr}: give a positive number")
    if not Path(options.output).parent.is_dir():
        folder = Path(options.output).parent
        raise ValueError(f"-o {options.output}: there is no folder {folder}, make it")
    named = RULES.get(options.rule)  # whose name becomes that of the optimizer
    path = export_rule(
        named or found.expression,
        options.output,
        options.name,
        lr=lr,
        origin=found.origin,
        target=options.target,
    )
    print(f"Wrote {path}: {render(simplify(found.expression))}")
    print(f"Its test, for pytest: {path.with_name(f'test_{path.stem}.py')}")
    return 0
