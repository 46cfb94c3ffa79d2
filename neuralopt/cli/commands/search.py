"""Run the commands search and resume."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from neuralopt.archive import ARCHIVE_FILE, Archive, ArchiveError, seconds_left
from neuralopt.cli.build import SearchParts, build_search
from neuralopt.cli.commands.finish import finish
from neuralopt.cli.config.compose import compose_settings, settings_yaml
from neuralopt.cli.config.saved import moved, settings_difference, settings_from_text
from neuralopt.cli.config.schema import Settings
from neuralopt.cli.config.sweep import Run, expand
from neuralopt.cli.exit_codes import INTERRUPTED
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.cli.run_directory import (
    check_kept,
    make_run_directory,
    run_directory,
)
from neuralopt.evaluators import Evaluator
from neuralopt.observer import Observer
from neuralopt.preview import preview
from neuralopt.report.progress import ProgressDisplay
from neuralopt.report.tensorboard import TensorBoard
from neuralopt.shortlist.settling import CANDIDATES
from neuralopt.views.preference_recorder import FILE, PreferenceRecorder

STDERR = 2
STOPPING = (
    b"\nStopping: waiting for the rules that are being trained; a second Ctrl-C ends "
    b"at once\n"
)


def search(options: argparse.Namespace) -> int:
    """Run the command search, or one search for each run of a sweep.

    Args:
        options: parsed arguments: overrides, multirun, config_dir, show, preview.

    Returns:
        The exit code: 0, or INTERRUPTED if the search was stopped.

    Raises:
        ValueError: an override is wrong, or the run directory holds a search.
        OSError: the run directory can't be written.
        ArchiveError: the archive fails.
    """
    if options.multirun:
        return _sweep(options)
    settings = compose_settings(options.overrides, options.config_dir)
    if options.show:
        print(settings_yaml(settings), end="")
        return 0
    if options.preview:
        _preview(settings)
        return 0
    return _search(settings)


def _sweep(options: argparse.Namespace) -> int:
    """Run one search for each combination of the values named, one after another."""
    runs = expand(options.overrides, options.config_dir)
    composed: list[tuple[Run, Settings]] = []
    for run in runs:  # all of them before the first one starts
        settings = compose_settings(run.overrides, options.config_dir)
        composed.append((run, settings))
    whole = run_directory(composed[0][1])
    for run, settings in composed:
        settings.run_dir = str(whole / run.name)
    if options.show or options.preview:
        for run, settings in composed:
            print(f"# {run.name}")
            if options.show:
                print(settings_yaml(settings))
            else:
                _preview(settings)
        return 0
    _check_begun([settings for _, settings in composed])
    for number, (run, settings) in enumerate(composed, 1):
        print(f"\n[{number}/{len(composed)}] {run.name}", flush=True)
        if code := _search(settings):
            return code
    folders = " ".join(settings.run_dir for _, settings in composed)
    print(f"\nAll of them: neuralopt top {folders}")
    return 0


def _check_begun(runs: Sequence[Settings]) -> None:
    """Refuse a sweep that would stop at a run directory that holds a search."""
    held = [
        each.run_dir
        for each in runs
        if each.resume != "auto" and _holds_search(Path(each.run_dir))
    ]
    if held:
        raise ValueError(
            f"{len(held)} of the {len(runs)} runs hold a search, {held[0]} among them: "
            "continue with resume=auto, or choose another run_dir"
        )


def _preview(settings: Settings) -> None:
    """Print what a search will cost, from its own first seconds."""
    parts = build_search(settings)
    with closing(parts.evaluator()) as evaluator:
        print(_headline(parts, evaluator), flush=True)
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
                (ProgressDisplay(),),
                settings.evaluations,
            )
        )
    if (asked := settings.shortlist).size:
        candidates = CANDIDATES * asked.size
        print(
            f"Shortlist up to {candidates * asked.replicates:,} measurements of the "
            f"{candidates} best more, at proposal {asked.every:,} or the end; fewer "
            "later. Their time is not in that above"
        )


def _holds_search(run_dir: Path) -> bool:
    """Return whether a search was begun there.

    One that was killed at its very start leaves an empty file, and may be begun again.
    """
    path = run_dir / ARCHIVE_FILE
    return path.exists() and path.stat().st_size > 0


def _search(settings: Settings) -> int:
    """Begin a search, or continue it where ``resume=auto`` allows that."""
    run_dir = run_directory(settings)
    settings.run_dir = str(run_dir)
    path = run_dir / ARCHIVE_FILE
    if _holds_search(run_dir):
        if settings.resume == "auto":
            _await_claim(path)
            return _continue(run_dir, partial(_agreeing, run_dir, asked=settings))
        raise ValueError(
            f"{run_dir} holds a search: continue it with `neuralopt resume {run_dir}` "
            "or choose another run_dir"
        )
    parts = build_search(settings)
    with closing(parts.evaluator()) as evaluator:  # first: it may not start
        make_run_directory(run_dir)
        with Archive.create(path, parts.context()) as archive:
            (run_dir / "config.yaml").write_text(settings_yaml(settings))
            return _run(parts, evaluator, archive, run_dir)


def resume(options: argparse.Namespace) -> int:
    """Run the command resume: continue a search that was stopped or killed.

    Args:
        options: parsed arguments: run, overrides.

    Returns:
        The exit code: 0, or INTERRUPTED if the search was stopped again.

    Raises:
        ValueError: the folder holds no search, or an override makes another one.
        ArchiveError: the archive fails, or another process writes it.
    """
    check_kept(options.run)
    return _continue(
        Path(options.run), lambda settings: moved(settings, options.overrides)
    )


def _await_claim(path: Path) -> None:
    """Let the claim of a driver end that died on another host, or in a container.

    Returns at once if there is none, and as soon as its holder's heartbeat changes.
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
    """Go on with a search.

    Args:
        run_dir: its folder.
        choose: from the settings that the search was begun with to those to go on with.
    """
    path = archive_path(str(run_dir))
    with Archive.open(path) as archive:  # a search that can't go on stays as it is
        context = archive.context
    settings = choose(settings_from_text(context.get("configuration", "")))
    settings.run_dir = str(run_dir)
    parts = build_search(settings)
    parts.recall(context)
    parts.check_context(context, str(run_dir))
    with Archive.open(path, writable=True) as archive:
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
    print(f"{_headline(parts, evaluator)}\nWriting to {run_dir}", flush=True)
    for reason in parts.slower:
        why = reason.partition(": use ")[0]
        print(f"A faster engine was passed over: {why}", flush=True)
    if parts.adam:
        told = ", ".join(f"{name} {value:.4f}" for name, value in parts.adam.items())
        print(f"Adam, the reference of every rule's quality: {told}", flush=True)
    observers: list[Observer] = [ProgressDisplay()]
    board = None
    if settings.report.tensorboard:
        board = TensorBoard(
            run_dir / "tb",
            archive.path,
            scoring=parts.scoring,
            evaluations=settings.evaluations,
        )
        observers.append(board)
    with _stopping() as stop:
        preferences = PreferenceRecorder(run_dir / FILE)
        parts.search(evaluator, archive, [*observers, preferences], stop)
        if stop.is_set():
            print(
                f"Stopped. Nothing is lost: `neuralopt resume {run_dir}` continues.",
                file=sys.stderr,
            )
            return INTERRUPTED
    try:
        finish(parts, evaluator, archive, run_dir)
        if board is not None:
            print("Drawing the last pictures, and cards as time allows", flush=True)
            board.finish(archive.heartbeat)
    except KeyboardInterrupt:
        print(
            f"Stopped. The search itself is done: `neuralopt top {run_dir}` shows it.",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


def _headline(parts: SearchParts, evaluator: Evaluator) -> str:
    workers = parts.settings.evaluator.options.get("workers", 0)
    workers = workers or evaluator.workers().alive
    where = f"{workers} worker{'s' * (workers != 1)}"
    if not workers:
        where = "as many workers as there is room for"
    return (
        f"Searching {parts.space.name} ({parts.space.size:.1e} rows) on "
        f"{parts.scoring.name}, budget {parts.scoring.budget.name}, searcher "
        f"{parts.settings.searcher.name}, engine {parts.engine_name}, {where}"
    )


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second signal acts as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        with suppress(OSError):  # print can't be called in the middle of itself
            os.write(STDERR, STOPPING)
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
