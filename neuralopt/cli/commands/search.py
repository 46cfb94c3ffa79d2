"""The commands that run searches: search and resume.

Knows signals and what a search prints; refuses to know how it is done.
"""

import argparse
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from neuralopt.archive import ARCHIVE_FILE, Archive, ArchiveError, seconds_left
from neuralopt.cli.build import SearchParts
from neuralopt.cli.commands.compare import show_benchmark
from neuralopt.cli.config.compose import (
    compose_settings,
    moved,
    settings_difference,
    settings_from_text,
    settings_yaml,
    task_overrides,
)
from neuralopt.cli.config.schema import Settings
from neuralopt.cli.main import INTERRUPTED
from neuralopt.cli.rule_lookup import archive_path, find_candidates
from neuralopt.cli.run_directory import (
    check_kept,
    make_run_directory,
    run_directory,
)
from neuralopt.evaluators import Evaluator
from neuralopt.loop import Observer
from neuralopt.loop import search as run_search
from neuralopt.preview import preview
from neuralopt.report.progress import ProgressLine
from neuralopt.report.tables import proposals_table, write_table
from neuralopt.report.tensorboard import TensorBoard

SHOWN = 5


def search(options: argparse.Namespace) -> int:
    settings = compose_settings(options.overrides)
    if options.show:
        print(settings_yaml(settings), end="")
        return 0
    if options.preview:
        parts = SearchParts(settings)
        print(_headline(parts), flush=True)
        with closing(parts.evaluator()) as evaluator:
            print(
                preview(
                    parts.space,
                    parts.searcher,
                    evaluator,
                    parts.context(),
                    settings.proposals,
                    settings.batch,
                    settings.lag,
                    settings.seed,
                )
            )
        return 0
    run_dir = run_directory(settings)
    settings.run_dir = str(run_dir)
    if settings.resume not in ("never", "auto"):
        raise ValueError(f"resume is {settings.resume!r}: write never or auto")
    path = run_dir / ARCHIVE_FILE
    # A search killed at its very start leaves an empty file, which may be begun again.
    if path.exists() and path.stat().st_size:
        if settings.resume == "auto":
            _await_claim(path)
            return _continue(run_dir, partial(_agreeing, run_dir, asked=settings))
        raise ValueError(
            f"{run_dir} holds a search: continue it with `neuralopt resume {run_dir}` "
            "or choose another run_dir"
        )
    parts = SearchParts(settings)
    with closing(parts.evaluator()) as evaluator:  # first: it may not start
        make_run_directory(run_dir)
        with Archive.create(path, parts.context()) as archive:
            (run_dir / "config.yaml").write_text(settings_yaml(settings))
            return _run(parts, evaluator, archive, run_dir)


def resume(options: argparse.Namespace) -> int:
    check_kept(options.run)
    return _continue(
        Path(options.run), lambda settings: moved(settings, options.overrides)
    )


def _await_claim(path: Path) -> None:
    """Let the claim of a driver end that died on another host, or in a container.

    Returns at once if there is none, and as soon as its holder gives a sign of life.
    """
    try:
        with Archive.open(path) as archive:
            lease = archive.lease()
    except ArchiveError:  # a writer may yet recover it, and else will say what is wrong
        return
    if lease is None or not seconds_left(lease):
        return
    print(
        f"{path} was being written by process {lease.pid} on host {lease.host}: "
        f"waiting up to {seconds_left(lease):.0f} s for a sign of it",
        flush=True,
    )
    while left := seconds_left(lease):
        time.sleep(min(1.0, left))
        with Archive.open(path) as archive:
            if archive.lease() != lease:
                return


def _agreeing(run_dir: Path, kept: Settings, asked: Settings) -> Settings:
    """The settings asked for, if they are of the same search as those kept."""
    if key := settings_difference(kept, asked):
        raise ValueError(
            f"{run_dir} holds a search with another {key}: leave it as it was, or "
            "choose another run_dir"
        )
    return asked


def _continue(run_dir: Path, choose: Callable[[Settings], Settings]) -> int:
    """Go on with a search; choose: its settings, from those it was begun with."""
    with Archive.open(archive_path(str(run_dir)), writable=True) as archive:
        kept = settings_from_text(archive.context.get("configuration", ""))
        settings = choose(kept)
        parts = SearchParts(settings)
        parts.recall(archive.context)
        expected = parts.context()
        for key, value in archive.context.items():
            if expected.get(key) != value and key != "configuration":
                raise ValueError(
                    f"{run_dir} was made with {key} {value}, which is "
                    f"{expected.get(key)} here: resume it where it is the same"
                )
        print(
            f"Continuing {run_dir} at proposal {len(archive)}; what came after its "
            "last checkpoint is replayed first, not trained again",
            flush=True,
        )
        # The archive first: what stops a search may not leave time for the workers.
        with closing(parts.evaluator()) as evaluator, closing(archive):
            return _run(parts, evaluator, archive, run_dir)


def _run(
    parts: SearchParts, evaluator: Evaluator, archive: Archive, run_dir: Path
) -> int:
    settings = parts.settings
    print(f"{_headline(parts)}\nWriting to {run_dir}", flush=True)
    for reason in parts.slower:
        print(f"A faster engine was passed over: {reason}", flush=True)
    if parts.adam:
        told = ", ".join(f"{name} {value:.4f}" for name, value in parts.adam.items())
        print(f"Adam, which every rule is set against: {told}", flush=True)
    observers: list[Observer] = [ProgressLine()]
    if settings.report.tensorboard:
        observers.append(TensorBoard(run_dir / "tb" / "search"))
    with _stopping() as stop, _rare_collections():
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
        if stop.is_set():
            print(
                f"Stopped. Nothing is lost: `neuralopt resume {run_dir}` continues.",
                file=sys.stderr,
            )
            return INTERRUPTED
    try:
        _finish(parts, archive, run_dir)
    except KeyboardInterrupt:
        print(
            f"Stopped. The search itself is done: `neuralopt top {run_dir}` shows it.",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


def _headline(parts: SearchParts) -> str:
    settings, workers = parts.settings, parts.workers
    where = f"{workers} worker{'s' * (workers != 1)}"
    if settings.evaluator.name == "ray" and not settings.evaluator.workers:
        where = "as many workers as there is room for"
    return (
        f"Searching {parts.space.name} ({parts.space.size:.1e} rows) on "
        f"{parts.task_name}, budget {parts.budget.name}, searcher "
        f"{settings.searcher.name}, engine {parts.engine_name}, {where}"
    )


def _finish(parts: SearchParts, archive: Archive, run_dir: Path) -> None:
    """The table that a search ends with, and where to look next."""
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
        show_benchmark(candidates, verdict.baselines, parts, ("selection",))
    else:
        write_table(proposals_table(archive.best(SHOWN)), sys.stdout)
    elsewhere = task_overrides(parts.settings)
    print(
        f"\nMore of them:     neuralopt top {run_dir}\n"
        f"Look at one:      neuralopt show {run_dir}:best\n"
        f"Compare on test:  neuralopt compare {run_dir}:top5 adam sgd{elsewhere}\n"
        f"Use it in torch:  neuralopt export {run_dir}:best -o found.py"
    )
    if parts.settings.report.tensorboard:
        print(f"Watch:            tensorboard --logdir {run_dir / 'tb'}")


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


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for cycles less often: rules are trees, made by the thousand."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
