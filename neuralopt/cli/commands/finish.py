"""Print what a search ends with: what it found, the verdict, and hints."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from neuralopt.archive import Archive, VerdictRecord
from neuralopt.archive.ranking import first_of_named, ranking
from neuralopt.behaviour.description import describe
from neuralopt.cli.build import SearchParts
from neuralopt.cli.commands.compare import benchmark, rule_texts
from neuralopt.cli.commands.plain_rules import PlainRule, grouped, prune_best
from neuralopt.cli.commands.verdict import print_verdict
from neuralopt.cli.rule_lookup import find_candidates
from neuralopt.engines import OptimizerSpec
from neuralopt.evaluators import Evaluator
from neuralopt.report.tables import rules_table, write_table
from neuralopt.report.task_argument import task_argument
from neuralopt.report.tensorboard.rule_runs import FOLDER
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.verdict.records import latest, restored

SHOWN = 5


def finish(
    parts: SearchParts, evaluator: Evaluator, archive: Archive, run_dir: Path
) -> None:
    """Prune the best rules, score them and the baselines again, and say what is next.

    Plain forms and the verdict are kept in the archive. A search that ends again,
    because it was resumed after its end, shows what it has.

    Args:
        parts: of the search.
        evaluator: of the search, with nothing else to do.
        archive: open for writing, with every proposal told.
        run_dir: the folder of the search.
    """
    counts = {status: n for status, n in archive.counts().items() if n}
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"\n{len(archive)} proposals: {told}{_measured(archive)}")
    if named := _rediscovered(archive):
        print(named)
    if counts.get("failed"):
        failed = next(p for p in archive.proposals() if p.status == "failed")
        print(f"The first that failed is #{failed.number}: {failed.reason}")
    if not counts.get("scored"):
        print(f"\nNo rule was scored. All of them:  neuralopt top {run_dir} --all")
        return
    best = archive.best(parts.settings.verdict.candidates)
    if best:
        gated = any(parts.scoring.budget.gates)
        asked = parts.settings.pruning
        pruned = prune_best(best, asked, evaluator, archive, gated)
        plain = grouped(pruned)
        kept, configuration = latest(archive), _configuration(parts, plain)
        known = bool(kept) and kept[0].configuration == configuration
        records = kept if known else _verdict(parts, archive, plain, configuration)
        found, baselines = restored(records[0])
        print_verdict([(found, baselines, records[0].rules)])
        if not known:
            archive.save_verdict(records)
        print(f"\n{_known_as(plain)}")
    else:
        write_table(rules_table(ranking(archive, SHOWN)), sys.stdout)
    print(_hints(parts, run_dir))


def _measured(archive: Archive) -> str:
    """What the shortlist cost, as the end of a line."""
    counts = archive.replicate_counts()
    if not counts:
        return ""
    return f"; {sum(counts.values()):,} measurements of the {len(counts):,} best"


def _known_as(plain: Sequence[PlainRule]) -> str:
    """What the rules of the verdict do, by name, and the rules that they stand for."""
    lines = ["What they do:"]
    for each in plain:
        others = f", and {len(each.alike)} like it" if each.alike else ""
        lines.append(f"  #{each.number}  {describe(each.behaviour)}{others}")
    return "\n".join(lines)


def _rediscovered(archive: Archive) -> str:
    """The named rules that the search found, as a line; empty if there are none."""
    found = first_of_named(archive.behaviours())
    if not found:
        return ""
    named = ", ".join(f"#{number} {name}" for name, number in found.items())
    return f"\nRediscovered, each with its first proposal: {named}"


def _configuration(parts: SearchParts, plain: Sequence[PlainRule]) -> str:
    """What a verdict depends on that is not fixed with the search."""
    asked = parts.settings.verdict
    return json.dumps(
        {
            "rules": {str(each.number): str(each.rule) for each in plain},
            "seeds": asked.seeds,
            "baselines": asked.baselines,
        }
    )


def _verdict(
    parts: SearchParts,
    archive: Archive,
    plain: Sequence[PlainRule],
    configuration: str,
) -> list[VerdictRecord]:
    """A new verdict on plain rules and the baselines."""
    asked, scoring = parts.settings.verdict, parts.scoring
    candidates: dict[str, OptimizerSpec] = {
        f"#{each.number}": each.rule for each in plain
    }
    candidates |= find_candidates(asked.baselines)
    found = benchmark(
        candidates,
        scoring,
        asked.seeds,
        ("selection",),
        heartbeat=archive.heartbeat,
    )
    seeds = tuple(range(FIRST_VERDICT_REPLICATE, FIRST_VERDICT_REPLICATE + asked.seeds))
    made, rules = time.time(), rule_texts(candidates)
    return [
        VerdictRecord(
            each.task,
            split,
            each.budget,
            seeds,
            scores,
            rules,
            tuple(asked.baselines) or None,
            configuration,
            made,
        )
        for each in found
        for split, scores in each.scores.items()
    ]


def _hints(parts: SearchParts, run_dir: Path) -> str:
    """Commands to type next."""
    named = task_argument(parts.settings.task.name)
    lines = [
        f"\nMore of them:     neuralopt top {run_dir}",
        f"Look at one:      neuralopt show {run_dir}:best",
        f"Compare on test:  neuralopt compare {run_dir}:top5 adam sgd{named}",
        f"Use it in torch:  neuralopt export {run_dir}:best -o found.py",
    ]
    if parts.settings.report.tensorboard:
        lines.append(f"Look at it:       tensorboard --logdir {run_dir / 'tb'}")
        rules = run_dir / FOLDER
        lines.append(f"Its rules sorted: tensorboard --logdir {rules}")
    return "\n".join(lines)
