"""The commands, each a function from parsed arguments to an exit code.

Knows what every command prints; refuses to know how anything is done.
"""

import argparse
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from neuralopt.archive import Archive, Proposal
from neuralopt.cli.found import ARCHIVE, archive_path, find_contenders, find_rule
from neuralopt.language import LANGUAGE_VERSION, RULES, render, simplify


def search(options: argparse.Namespace) -> int:
    from neuralopt.cli import configuration

    settings = configuration.compose_settings(options.overrides)
    if options.show:
        print(configuration.settings_yaml(settings), end="")
        return 0
    run_dir = Path(
        settings.run_dir or _dated_run_dir(settings.space, settings.searcher)
    )
    settings.run_dir = str(run_dir)
    if settings.resume not in ("never", "auto"):
        raise ValueError(f"resume is {settings.resume!r}: write never or auto")
    path = run_dir / ARCHIVE
    # A search killed at its very start leaves an empty file, which may be begun again.
    if path.exists() and path.stat().st_size:
        if settings.resume == "auto":
            return _continue(run_dir)
        raise ValueError(
            f"{run_dir} holds a search: continue it with `neuralopt resume {run_dir}` "
            "or choose another run_dir"
        )
    parts = _SearchParts(settings)
    run_dir.mkdir(parents=True, exist_ok=True)
    with Archive.create(path, parts.context()) as archive:
        (run_dir / "config.yaml").write_text(configuration.settings_yaml(settings))
        return _run(parts, archive, run_dir)


def resume(options: argparse.Namespace) -> int:
    return _continue(Path(options.run))


def _continue(run_dir: Path) -> int:
    from neuralopt.cli import configuration

    with Archive.open(archive_path(str(run_dir)), writable=True) as archive:
        text = archive.context.get("configuration", "")
        parts = _SearchParts(configuration.settings_from_text(text))
        expected = parts.context()
        for key, value in archive.context.items():
            if expected.get(key) != value and key != "configuration":
                raise ValueError(
                    f"{run_dir} was made with {key} {value}, which is "
                    f"{expected.get(key)} here: resume it where it is the same"
                )
        print(f"Continuing {run_dir} at proposal {len(archive)}", flush=True)
        return _run(parts, archive, run_dir)


class _SearchParts:
    """The objects that settings stand for; built before anything is written."""

    def __init__(self, settings: "object") -> None:
        from neuralopt.cli import configuration
        from neuralopt.cli.settings import Settings
        from neuralopt.evaluation import choose_engine
        from neuralopt.tasks import load_task

        assert isinstance(settings, Settings)
        self.settings = settings
        self.space = configuration.build_space(settings)
        self.task = load_task(settings.task.name)
        self.budget = configuration.build_budget(settings)
        self.engine = choose_engine(settings.evaluator.engine, self.task, settings.seed)
        self.searcher = configuration.build_searcher(settings, self.space)
        self.workers = settings.evaluator.workers or os.cpu_count() or 1
        if settings.evaluator.name != "in_process":
            raise ValueError(
                f"unknown evaluator {settings.evaluator.name!r}: choose in_process"
            )
        for name in settings.verdict.baselines:
            if name not in RULES:
                raise ValueError(f"verdict.baselines: unknown rule {name!r}")

    def context(self) -> dict[str, str]:
        """What scores depend on, as the archive keeps it."""
        from neuralopt.cli import configuration

        return {
            "language": str(LANGUAGE_VERSION),
            "space": self.space.name,
            "task": self.task.name,
            "task fingerprint": self.task.fingerprint,
            "budget": self.budget.name,
            "engine": self.engine.name,
            "configuration": configuration.settings_text(self.settings),
        }


def _run(parts: _SearchParts, archive: Archive, run_dir: Path) -> int:
    from neuralopt.evaluation import InProcessEvaluator, scorer
    from neuralopt.loop import Observer
    from neuralopt.loop import search as run_search
    from neuralopt.report import ProgressLine, TensorBoard

    settings = parts.settings
    observers: list[Observer] = [ProgressLine()]
    if settings.report.tensorboard:
        observers.append(TensorBoard(run_dir / "tb" / "search"))
    print(
        f"Searching {parts.space.name} ({parts.space.size:.1e} rows) on "
        f"{parts.task.name}, budget {parts.budget.name}, searcher "
        f"{settings.searcher.name}, engine {parts.engine.name}, "
        f"{parts.workers} workers\nWriting to {run_dir}",
        flush=True,
    )
    evaluator = InProcessEvaluator(
        scorer(parts.task, parts.budget, parts.engine),
        parts.workers,
        settings.evaluator.batch,
    )
    with _stopping() as stop:
        try:
            run_search(
                parts.space,
                parts.searcher,
                evaluator,
                archive,
                settings.proposals,
                settings.batch,
                settings.lag,
                observers,
                stop,
            )
        finally:
            evaluator.close()
        if stop.is_set():
            print(
                f"Stopped. Nothing is lost: `neuralopt resume {run_dir}` continues.",
                file=sys.stderr,
            )
            return 130
    _finish(parts, archive, run_dir)
    return 0


def _finish(parts: _SearchParts, archive: Archive, run_dir: Path) -> None:
    """The table that a search ends with, and where to look next."""
    from neuralopt.report import proposals_table, write_table

    verdict = parts.settings.verdict
    counts = {status: n for status, n in archive.counts().items() if n}
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"\n{len(archive)} proposals: {told}")
    best = archive.best(verdict.candidates)
    if best:
        texts = [f"{run_dir}:{proposal.number}" for proposal in best]
        _contest(
            find_contenders([*texts, *verdict.baselines]),
            verdict.baselines,
            parts,
            ("selection",),
        )
    else:
        write_table(proposals_table(archive.best(5)), sys.stdout)
    print(
        f"\nMore of them:     neuralopt top {run_dir}\n"
        f"Look at one:      neuralopt show {run_dir}:best\n"
        f"Compare on test:  neuralopt compare {run_dir}:top5 adam sgd\n"
        f"Use it in torch:  neuralopt export {run_dir}:best -o found.py"
    )
    if parts.settings.report.tensorboard:
        print(f"Watch:            tensorboard --logdir {run_dir / 'tb'}")


def compare(options: argparse.Namespace) -> int:
    from neuralopt.cli import configuration

    overrides = [text for text in options.rules if _is_override(text)]
    texts = [text for text in options.rules if not _is_override(text)]
    contenders = find_contenders(texts)
    if not contenders:
        raise ValueError("name at least one rule to compare")
    parts = _SearchParts(configuration.compose_settings(overrides))
    _contest(contenders, None, parts, ("selection", "test"))
    return 0


def _is_override(text: str) -> bool:
    return "=" in text


def _contest(
    contenders: Mapping[str, object],
    baselines: Sequence[str] | None,
    parts: _SearchParts,
    of: Sequence[str],
) -> None:
    """Score contenders on fresh seeds and print a table for each part of the data."""
    from neuralopt.report import comparison_table, supports_unicode, write_table
    from neuralopt.verdict.contest import hold_contest

    seeds = parts.settings.verdict.seeds
    print(
        f"\nScoring {len(contenders)} rules on {seeds} fresh seeds, budget "
        f"{parts.budget.name}: rate by validation loss, quality = exp(-loss)",
        flush=True,
    )
    started = time.monotonic()
    contest = hold_contest(
        contenders,  # type: ignore[arg-type]
        parts.task,
        parts.budget,
        seeds,
        parts.settings.seed,
        parts.settings.evaluator.engine,
        of,  # type: ignore[arg-type]
        parts.workers,
        _Ticker().tick,
    )
    rules = {
        name: render(simplify(rule)) if name != str(rule) else ""  # type: ignore[arg-type]
        for name, rule in contenders.items()
        if not name.startswith("torch.")
    }
    for part in of:
        print(f"\nOn the {part} part of {parts.task.name}:")
        table = comparison_table(
            contest.comparison(part, baselines),  # type: ignore[arg-type]
            rules=rules,
            curves=contest.curves(part),  # type: ignore[arg-type]
            unicode=supports_unicode(sys.stdout),
        )
        write_table(table, sys.stdout)
    print(f"\n{time.monotonic() - started:.1f} s of training")


class _Ticker:
    """A line a few seconds apart while contenders train."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def tick(self, done: int, total: int) -> None:
        if time.monotonic() - self.last > 5 and done < total:
            self.last = time.monotonic()
            print(f"  {done} of {total} trainings", file=sys.stderr, flush=True)


def top(options: argparse.Namespace) -> int:
    from neuralopt.report import proposals_table, write_table

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

    def number(value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return [number(item) for item in value] if isinstance(value, tuple) else value

    return {name: number(value) for name, value in asdict(proposal).items()}


def show(options: argparse.Namespace) -> int:
    found = find_rule(options.rule)
    canonical = simplify(found.expression)
    rows = [
        ("rule", render(found.expression)),
        ("canonical", render(canonical)),
        ("expanded", str(canonical)),
        ("LaTeX", render(canonical, "latex")),
    ]
    if found.lr is not None:
        rows.append(("lr", f"{found.lr:g}"))
    if found.origin:
        rows.append(("origin", found.origin))
    if proposal := found.proposal:
        status = proposal.status + (f": {proposal.reason}" if proposal.reason else "")
        rows.append(("status", status))
        if proposal.status == "scored":
            rows.append(("quality", f"{proposal.quality:.4f}"))
            rows.append(("accuracy", f"{proposal.accuracy:.4f}"))
        if proposal.original is not None:
            rows.append(("same as", f"#{proposal.original}"))
    from neuralopt.evaluation import rejection
    from neuralopt.optimizer import compile_rule

    program = compile_rule(canonical)
    memory = f"{program.states} value{'s' * (program.states != 1)} a parameter"
    rows.append(("memory", memory))
    if program.needs_total_steps:
        rows.append(("needs", "total_steps: it depends on the progress of training"))
    if reason := rejection(canonical):
        rows.append(("probes", f"a search would reject it: it {reason}"))
    for name, text in rows:
        print(f"{name:<10}{text}")
    print("\n" + program.source.rstrip())
    return 0


def export(options: argparse.Namespace) -> int:
    from neuralopt.optimizer import export_rule

    found = find_rule(options.rule)
    lr = found.lr if options.lr is None else options.lr
    if lr is not None and not 0 < lr < math.inf:
        raise ValueError(f"--lr is {lr}: give a positive number")
    if not Path(options.output).parent.is_dir():
        folder = Path(options.output).parent
        raise ValueError(f"-o {options.output}: there is no folder {folder}, make it")
    name = options.name
    if name is None and options.rule in RULES:
        name = "".join(part.capitalize() for part in options.rule.split("_"))
    path = export_rule(
        found.expression, options.output, name, lr=lr, origin=found.origin
    )
    print(f"Wrote {path}: {render(simplify(found.expression))}")
    return 0


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second signal acts as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {
        number: signal.signal(number, handle)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dated_run_dir(space: Mapping[str, object], searcher: object) -> Path:
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    name = getattr(searcher, "name", "")
    return Path("runs") / f"{stamp}_{space.get('name')}_{name}"
