"""Search from Python, with names or objects."""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from neuralopt import loop
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.cli.build import SearchParts, build_search
from neuralopt.cli.config.compose import compose_settings, settings_yaml
from neuralopt.cli.config.saved import settings_difference, settings_from_text
from neuralopt.cli.config.schema import Settings, check_settings
from neuralopt.cli.run_directory import make_run_directory, run_directory
from neuralopt.evaluators import Evaluator
from neuralopt.observer import Observer
from neuralopt.report.progress import ProgressDisplay
from neuralopt.report.tensorboard import TensorBoard
from neuralopt.scoring.budgets import Budget
from neuralopt.searchers import Searcher, make_searcher
from neuralopt.spaces import Space
from neuralopt.spaces.registry import load as load_space
from neuralopt.tasks import Task
from neuralopt.views.preference_recorder import FILE, PreferenceRecorder


def search(
    space: str | Space = "from_scratch",
    searcher: str | Searcher = "hill_climbing",
    evaluator: str | Evaluator = "in_process",
    archive: Archive | None = None,
    proposals: int = 5000,
    batch: int = 64,
    lag: int = 1,
    observers: Sequence[Observer] = (),
    stop: threading.Event | None = None,
    *,
    task: str | Task = "suite",
    budget: str | Budget = "suite",
    seed: int = 0,
    run_dir: str | Path = "",
    resume: Literal["never", "auto"] = "never",
    overrides: Sequence[str] = (),
    progress: bool = True,
    evaluations: int = 0,
) -> Archive:
    """Run or continue a search, and return its archive.

    Args:
        space: name of a space, path of a YAML file, or a Space.
        searcher: a name of SEARCHERS, or a Searcher over the same space.
        evaluator: a name of EVALUATORS; or, with an archive, an Evaluator.
        archive: open for writing. The search then writes there, is run by the
            evaluator given, and task, budget, run_dir, resume and overrides have no
            effect: the caller has chosen all of them.
        proposals: rules to ask the searcher for; duplicates count.
        batch: proposals asked for at once.
        lag: batches asked ahead of the oldest that is not told.
        observers: further objects that watch the search.
        stop: once set, the search saves its place and returns early.
        task: a name as on the command line (``digits+char_lm``), or a Task.
        budget: name of a budget, path of a YAML file, or a Budget.
        seed: of the searcher and of all children.
        run_dir: where to write; a folder under ``runs/`` named by the date if empty.
        resume: ``auto`` continues the search that run_dir holds.
        overrides: further overrides, as on the command line:
            ``["evaluator.workers=2", "searcher.hidden=64"]``. What an argument says, or
            an object that is given, can't be overridden.
        progress: whether to show progress on standard error.
        evaluations: rules to be trained before the search ends; 0 for no limit.

    Returns:
        The archive: the one given, or that of the run directory, open for reading.

    Raises:
        ValueError: a name, an option or a number is wrong, or the run directory holds
            another search.
        ArchiveError: the archive can't be written, or belongs to another search.

    Example:
        >>> import tempfile
        >>> found = search(
        ...     "bello2017", searcher="evolution", budget="smoke", proposals=32,
        ...     run_dir=tempfile.mkdtemp() + "/run", progress=False,
        ... )
        >>> len(found)
        32
        >>> best, = found.best(1)
        >>> best.status
        'scored'
    """
    if archive is not None:
        return _search_into(
            archive, space, searcher, evaluator, proposals, batch, lag,
            observers, stop, seed, evaluations,
        )  # fmt: skip
    if not isinstance(evaluator, str):
        raise ValueError("an Evaluator needs an archive to write to: give archive=")
    settings = _settings(space, searcher, evaluator, task, budget, overrides)
    settings = dataclasses.replace(
        settings,
        proposals=proposals,
        evaluations=evaluations,
        batch=batch,
        lag=lag,
        seed=seed,
        resume=resume,
    )
    check_settings(settings)
    settings.run_dir = str(run_dir)
    settings.run_dir = str(run_directory(settings))
    folder = Path(settings.run_dir)
    parts = build_search(
        settings,
        tasks=None if isinstance(task, str) else (task,),
        space=space if isinstance(space, Space) else None,
        searcher=None if isinstance(searcher, str) else searcher,
    )
    watching: list[Observer] = [*observers, PreferenceRecorder(folder / FILE)]
    if progress:
        watching.append(ProgressDisplay())
    board = None
    if settings.report.tensorboard:
        board = TensorBoard(
            folder / "tb",
            folder / ARCHIVE_FILE,
            scoring=parts.scoring,
            evaluations=settings.evaluations,
        )
        watching.append(board)
    _run(parts, folder, watching, stop)
    if board is not None:
        board.finish()
    return Archive.open(folder / ARCHIVE_FILE)


def _search_into(
    archive: Archive,
    space: str | Space,
    searcher: str | Searcher,
    evaluator: str | Evaluator,
    proposals: int,
    batch: int,
    lag: int,
    observers: Sequence[Observer],
    stop: threading.Event | None,
    seed: int,
    evaluations: int,
) -> Archive:
    """A search of objects that the caller has made."""
    if isinstance(evaluator, str):
        raise ValueError(
            f"evaluator is the name {evaluator!r}: with archive= give an Evaluator"
        )
    space = load_space(space) if isinstance(space, str) else space
    if isinstance(searcher, str):
        searcher = make_searcher(searcher, space, seed)
    return loop.search(
        space, searcher, evaluator, archive, proposals, batch, lag, observers, stop,
        evaluations=evaluations,
    )  # fmt: skip


def _settings(
    space: str | Space,
    searcher: str | Searcher,
    evaluator: str,
    task: str | Task,
    budget: str | Budget,
    overrides: Sequence[str],
) -> Settings:
    """Settings that name what is named, and describe what is given as an object."""
    named: dict[str, object] = {
        "space": space,
        "searcher": searcher,
        "evaluator": evaluator,
        "task": task,
        "budget": budget,
    }
    _check_overrides(overrides, {key: isinstance(x, str) for key, x in named.items()})
    texts = [f"{key}={x}" for key, x in named.items() if isinstance(x, str)]
    settings = compose_settings([*texts, *overrides])
    if isinstance(space, Space):
        settings.space = space.to_mapping()
    if not isinstance(searcher, str):
        settings.searcher.name = type(searcher).__name__
        settings.searcher.options = {}
    if not isinstance(task, str):
        settings.task.name = task.name
    if isinstance(budget, Budget):
        settings.budget = budget
    return settings


ARGUMENTS = ("seed", "proposals", "evaluations", "batch", "lag", "run_dir", "resume")
"""Keys of the configuration that are arguments of `search`."""


def _check_overrides(overrides: Sequence[str], by_name: Mapping[str, bool]) -> None:
    """Raise ValueError for an override that an argument would make void."""
    for text in overrides:
        key = text.partition("=")[0].rstrip("+")
        group = key.partition(".")[0]
        if group in ARGUMENTS or key in by_name or key == f"{group}.name":
            argument = key if group in ARGUMENTS else group
            raise ValueError(f"overrides: {text!r}: give the argument {argument}=")
        if not by_name.get(group, True) and not key.startswith("task.recipe."):
            raise ValueError(
                f"overrides: {text!r} has no effect on a {group} that is an object"
            )


def _run(
    parts: SearchParts,
    folder: Path,
    observers: Sequence[Observer],
    stop: threading.Event | None,
) -> None:
    """Begin the search of a run directory, or continue it where that is asked for."""
    settings, path = parts.settings, folder / ARCHIVE_FILE
    if path.exists() and path.stat().st_size:
        if settings.resume != "auto":
            raise ValueError(
                f"{folder} holds a search: give resume='auto' to continue it, or "
                "another run_dir"
            )
        with Archive.open(path) as archive:  # one that can't go on stays as it is
            context = archive.context
        kept = settings_from_text(context.get("configuration", ""))
        if key := settings_difference(kept, settings):
            raise ValueError(f"{folder} holds a search with another {key}")
        parts.recall(context)
        parts.check_context(context, str(folder))
        archive = Archive.open(path, writable=True)
        with closing(parts.evaluator()) as evaluator, closing(archive):
            parts.search(evaluator, archive, observers, stop)
        return
    with closing(parts.evaluator()) as evaluator:  # first: it may not start
        make_run_directory(folder)
        with Archive.create(path, parts.context()) as archive:
            (folder / "config.yaml").write_text(settings_yaml(settings))
            parts.search(evaluator, archive, observers, stop)
