"""What a search prints when it has told its last proposal."""

import sys
from pathlib import Path

from neuralopt.archive import Archive
from neuralopt.cli.build import SearchParts
from neuralopt.cli.commands.compare import benchmark, print_benchmark
from neuralopt.cli.rule_lookup import find_candidates
from neuralopt.report.tables import proposals_table, write_table
from neuralopt.tasks import is_custom

SHOWN = 5


def finish(parts: SearchParts, archive: Archive, run_dir: Path) -> None:
    """Score the best rules and the baselines again, and say where to look next."""
    verdict = parts.settings.verdict
    counts = {status: n for status, n in archive.counts().items() if n}
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"\n{len(archive)} proposals: {told}")
    if counts.get("failed"):
        failed = next(p for p in archive.proposals() if p.status == "failed")
        print(f"The first that failed is #{failed.number}: {failed.reason}")
    if not counts.get("scored"):
        print(f"\nNo rule was scored. All of them:  neuralopt top {run_dir} --all")
        return
    best = archive.best(verdict.candidates)
    if best:
        texts = [f"{run_dir}:{proposal.number}" for proposal in best]
        candidates = find_candidates([*texts, *verdict.baselines])
        print_benchmark(
            benchmark(
                candidates,
                parts.scoring,
                verdict.seeds,
                ("selection",),
            ),
            candidates,
            verdict.baselines,
        )
    else:
        write_table(proposals_table(archive.best(SHOWN)), sys.stdout)
    print(_hints(parts, run_dir))


def _hints(parts: SearchParts, run_dir: Path) -> str:
    """Commands to type next."""
    task = parts.settings.task.name
    named = f" task={task}" if is_custom(task) else ""
    lines = [
        f"\nMore of them:     neuralopt top {run_dir}",
        f"Look at one:      neuralopt show {run_dir}:best",
        f"Compare on test:  neuralopt compare {run_dir}:top5 adam sgd{named}",
        f"Use it in torch:  neuralopt export {run_dir}:best -o found.py",
    ]
    if parts.settings.report.tensorboard:
        lines.append(f"Watch:            tensorboard --logdir {run_dir / 'tb'}")
    return "\n".join(lines)
