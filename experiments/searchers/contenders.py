"""Many runs against a table: in parallel, and kept as they come."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from experiments.searchers.simulator import Run, Settings, simulate, table_space
from experiments.searchers.targets import targets_of
from neuralopt.searchers import SEARCHERS, make_searcher
from neuralopt.tables import checksum


@dataclass(frozen=True, slots=True)
class Contender:
    """A searcher with settings.

    Attributes:
        name: in the results.
        searcher: a name of the registry.
        settings: its options, as far as they are not the defaults.
    """

    name: str
    searcher: str
    settings: Settings


def read_contenders(
    path: Path | None, only: Sequence[str] = (), section: str = "settings"
) -> list[Contender]:
    """Return the contenders that a file describes, or every searcher as it is.

    Args:
        path: a JSON file whose entry `section` gives options by name of the searcher;
            None for the defaults.
        only: names of searchers; empty for all of the registry.
        section: which entry of the file.

    Raises:
        ValueError: a searcher is unknown.
    """
    given = json.loads(path.read_text("utf-8"))[section] if path else {}
    for name in only:
        if name not in SEARCHERS:
            known = ", ".join(SEARCHERS)
            raise ValueError(f"unknown searcher {name!r}: choose from {known}")
    return [
        Contender(name, name, given.get(name, {}))
        for name in SEARCHERS
        if name in only or not only
    ]


@dataclass(frozen=True, slots=True)
class Job:
    """A run that is to be made.

    Attributes:
        table: a name or a file.
        folder: of the rows' rules.
        contender: the searcher.
        seed: of the searcher.
        evaluations: to be charged.
    """

    table: str
    folder: Path
    contender: Contender
    seed: int
    evaluations: int

    @property
    def key(self) -> str:
        """What the run's result depends on, except the code."""
        settings = json.dumps(dict(self.contender.settings), sort_keys=True)
        searcher = self.contender.searcher
        return f"{searcher} {settings} {self.seed} {self.evaluations}"


def run_job(job: Job) -> Run:
    """Make a run; its process keeps the table."""
    torch.set_num_threads(1)
    table, space = table_space(job.table, job.folder)
    contender = job.contender
    return simulate(
        table,
        space,
        contender.searcher,
        contender.settings,
        job.seed,
        job.evaluations,
        targets_of(table),
    )


def run_all(
    table: str,
    contenders: Sequence[Contender],
    seeds: Iterable[int],
    evaluations: int,
    work: Path,
    workers: int,
) -> dict[str, list[Run]]:
    """Make all runs that a folder does not hold yet, and return all.

    Args:
        table: a name or a file.
        contenders: are run in turn, seed by seed.
        seeds: of each.
        evaluations: of a run.
        work: folder of the runs, those of a table in a folder by its checksum. Remove
            it when a searcher's code changed.
        workers: processes.

    Returns:
        Runs by name of the contender, in the order of the seeds.

    Raises:
        ValueError: the table or an option is wrong.
    """
    folder = work / checksum(table)[:12]
    _, space = table_space(table, folder)
    for each in contenders:  # before anything takes its time
        make_searcher(each.searcher, space, 0, each.settings)
    seeds = list(seeds)
    jobs = {
        (each.name, seed): Job(table, folder, each, seed, evaluations)
        for seed in seeds
        for each in contenders
    }
    kept = _read(folder / "runs.jsonl")
    missing = {job.key: job for job in jobs.values() if job.key not in kept}
    context = get_context("spawn")
    with (
        (folder / "runs.jsonl").open("a", encoding="utf-8") as file,
        ProcessPoolExecutor(workers, context) as pool,
    ):
        open_ = {pool.submit(run_job, job): key for key, job in missing.items()}
        for done, future in enumerate(as_completed(open_), start=1):
            key = open_[future]
            kept[key] = future.result()
            file.write(json.dumps({"key": key, "run": asdict(kept[key])}) + "\n")
            file.flush()
            if done % 50 == 0 or done == len(open_):
                print(f"{done} of {len(open_)} runs", file=sys.stderr, flush=True)
    return {
        each.name: [kept[jobs[each.name, seed].key] for seed in seeds]
        for each in contenders
    }


def _read(path: Path) -> dict[str, Run]:
    """Runs of a file whose last line may have been cut off."""
    text = path.read_text("utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, "utf-8")
    lines: list[Mapping[str, Any]] = [json.loads(line) for line in whole.splitlines()]
    return {line["key"]: _run(line["run"]) for line in lines}


def _run(plain: Mapping[str, Any]) -> Run:
    trace = tuple((int(n), float(s), int(r)) for n, s, r in plain["trace"])
    return Run(**{**plain, "trace": trace})
