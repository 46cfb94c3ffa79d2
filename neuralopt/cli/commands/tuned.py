"""Run ``compare --tuned``: tune rules alike, then judge them on fresh seeds."""

import argparse
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuralopt.cli.build import ScoringParts, build_scoring
from neuralopt.cli.commands.compare import (
    is_override,
    note_evaluator,
    settings_of_runs,
)
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import inherit
from neuralopt.cli.rule_lookup import find_candidates, find_rules
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression
from neuralopt.report.counting import counting
from neuralopt.report.tables import write_table
from neuralopt.report.tables.tuned import epochs_text, tuned_tables
from neuralopt.verdict.trainings import Trainings
from neuralopt.verdict.tuning.comparing import (
    HORIZONS,
    Setup,
    TunedComparison,
    run_comparison,
)
from neuralopt.verdict.tuning.contender import Contender, contenders_of
from neuralopt.verdict.tuning.plain import plain_comparison
from neuralopt.verdict.tuning.tune import TuningPlan
from neuralopt.whole_file import write_whole

TRAININGS_FILE = "trainings.jsonl"
RESULT_FILE = "comparison.json"
PROFILE_FILE = "profile.png"


def compare_tuned(options: argparse.Namespace) -> int:
    """Run the command ``compare --tuned``.

    Args:
        options: parsed arguments: rules (with overrides among them), config_dir, tasks,
            json, into, horizons.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a rule, an override or a horizon can't be read, or no rule is named.
    """
    overrides = [text for text in options.rules if is_override(text)]
    texts = [text for text in options.rules if not is_override(text)]
    contenders = find_contenders(texts)
    settings = compose_settings(overrides, options.config_dir)
    kept = settings_of_runs(texts, overrides)
    inherited = inherit(settings, kept, overrides) if kept else []
    scoring = build_scoring(settings)
    note_evaluator(settings)
    verdict = settings.verdict
    setup = Setup(
        contenders,
        scoring.tasks,
        scoring.budget.epochs,
        horizons_of(options.horizons),
        verdict.seeds,
        TuningPlan(verdict.tuning.trials, verdict.tuning.seeds, scoring.seed),
        tuple(verdict.baselines),
    )
    if inherited and not options.json:
        print(f"As the run has it: {' '.join(inherited)}")
    seeds = f"{setup.plan.seeds} seed{'s' if setup.plan.seeds > 1 else ''}"
    rules = "1 rule" if len(contenders) == 1 else f"{len(contenders)} rules"
    print(
        f"\nTuning {rules} on {scoring.name}, "
        f"{setup.plan.trials} trials each on {seeds} of "
        f"{epochs_text(setup.epochs)}; then {setup.seeds} fresh seeds at "
        f"{', '.join(f'{each} x' for each in setup.horizons)}",
        file=sys.stderr if options.json else sys.stdout,
        flush=True,
    )
    found = run_tuned(setup, scoring, options.into)
    if options.json:
        print(json.dumps(plain_comparison(found)))
        return 0
    for title, table in tuned_tables(found, options.tasks):
        print(f"\n{title}")
        write_table(table, sys.stdout)
    return 0


def run_tuned(
    setup: Setup, scoring: ScoringParts, into: str | Path = "", show: bool = True
) -> TunedComparison:
    """Run a tuned comparison and show progress.

    Args:
        setup: contenders, tasks and numbers.
        scoring: engine, numerics, seed and threads.
        into: the folder in which trainings are kept, and contenders frozen for the test
            split; empty for none.
        show: whether to show progress on standard error.

    Returns:
        The verdicts.

    Raises:
        ValueError: the folder holds something else.
        OSError: the folder can't be written.
    """
    folder = Path(into) if into else None
    with counting("trainings", show=show) as count:
        trainings = Trainings(
            None if folder is None else folder / TRAININGS_FILE,
            scoring.seed,
            scoring.engine,
            scoring.numerics,
            scoring.threads,
            lambda done: count(done, max(done, setup.trainings)),
        )
        found = run_comparison(setup, trainings.train, trainings.cost, folder)
    if folder is not None:
        keep(found, folder)
    return found


def keep(found: TunedComparison, folder: Path) -> None:
    """Write what was found, and a picture of times to target over several tasks.

    Args:
        found: the comparison.
        folder: that exists.

    Raises:
        OSError: a file can't be written.
    """
    plain = json.dumps(plain_comparison(found), indent=1)
    write_whole(folder / RESULT_FILE, plain + "\n")
    names = list(found.standings)
    if len(found.results) > 1 and names:
        from neuralopt.picture_files import save_figure
        from neuralopt.views.figures.profile import profile_figure

        times = [each.times for each in found.results if each.times is not None]
        steps = [[each.steps[name] for each in times] for name in names]
        save_figure(profile_figure(names, steps), folder / PROFILE_FILE)


def find_contenders(texts: Sequence[str]) -> tuple[Contender, ...]:
    """Look up contenders, with the learning rates that are known to suit them.

    Args:
        texts: rules as typed, and names such as ``torch.Adam``.

    Returns:
        The contenders by the names that a table shows.

    Raises:
        ValueError: a text refers to no rule, or to no optimizer.
    """
    candidates = find_candidates(texts)
    return contenders_of(candidates, known_rates(texts, candidates))


def known_rates(
    texts: Sequence[str], candidates: Mapping[str, OptimizerSpec]
) -> dict[str, float | None]:
    """Return the learning rate that suits each candidate, as far as one is known.

    Args:
        texts: as typed.
        candidates: that the texts refer to, by name.

    Returns:
        Of rules of a run, the rate that the search found; of torch's optimizers, their
        default.
    """
    by_rule = {
        each.expression: each.lr
        for text in texts
        if not text.startswith("torch.") or ":" in text
        for each in find_rules(text)
    }
    return {
        name: by_rule.get(rule)
        if isinstance(rule, Expression)
        else torch_rate(str(rule))
        for name, rule in candidates.items()
    }


def torch_rate(name: str) -> float | None:
    """Return the default learning rate of an optimizer of torch.

    Args:
        name: such as ``torch.Adam``.

    Returns:
        The rate; None if it has none.
    """
    import torch

    made = getattr(torch.optim, name.rpartition(".")[2])
    default = inspect.signature(made).parameters["lr"].default
    return float(default) if isinstance(default, int | float) else None


def horizons_of(text: str) -> tuple[int, ...]:
    """Return the horizons that a text names.

    Args:
        text: whole numbers, as in ``1,3,8``; empty for the default.

    Raises:
        ValueError: it is something else.
    """
    if not text:
        return HORIZONS
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise ValueError(
            f"--horizons {text!r}: give rising whole numbers that begin with 1, as in "
            "1,3,8"
        )
    return tuple(int(part) for part in parts)
