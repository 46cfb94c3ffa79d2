"""Run the command promote: take rules through held-out tasks, in stages."""

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.archive.ranking import ranking
from neuralopt.catalog import hint
from neuralopt.cli.build import ScoringParts, build_scoring
from neuralopt.cli.commands.compare import is_override
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.schema import PromotionSettings, Settings
from neuralopt.cli.rule_lookup import archive_path, find_rules, run_of
from neuralopt.evaluators import Evaluator, make_evaluator
from neuralopt.language import LANGUAGE_VERSION, RULES, parse, simplify
from neuralopt.picture_files import save_figure
from neuralopt.promotion.deciding import Contender, Standing
from neuralopt.promotion.funnel import StageCost, StageResult
from neuralopt.promotion.funnel import promote as promoted
from neuralopt.promotion.measuring import SPLIT, measured_by, stage_cost, stage_plan
from neuralopt.promotion.plan import PromotionPlan, Stage
from neuralopt.promotion.store import MeasurementFile
from neuralopt.report.counting import counting
from neuralopt.report.promotion_table import promotion_table, stage_title
from neuralopt.report.tables import write_table
from neuralopt.scoring.probes import rejections
from neuralopt.tasks import load_tasks
from neuralopt.whole_file import write_whole

FOLDER, MEASUREMENTS = "promotion", "measurements.jsonl"
RESULT, PICTURE = "promotion.json", "funnel.png"


def promote(options: argparse.Namespace) -> int:
    """Run the command promote.

    Args:
        options: parsed arguments: rules (runs, rules, and overrides among them), into,
            config_dir, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a run, a rule or an override can't be read, a number is out of
            range, or the folder holds another promotion.
        EvaluatorError: there are no workers and none can be started.
        OSError: a file can't be written.
    """
    overrides = [text for text in options.rules if is_override(text)]
    texts = [text for text in options.rules if not is_override(text)]
    settings = compose_settings(overrides, options.config_dir)
    plan = _plan(settings.promotion)
    contenders, left_out = _contenders(texts, settings.promotion)
    folder = _folder(options.into, texts)
    scoring = [
        build_scoring(settings, load_tasks(stage.tasks, **settings.task.options))
        for stage in plan.stages
    ]
    if settings.evaluator.name == "tabular":
        raise ValueError(
            "evaluator=tabular trains nothing: promote with in_process or ray"
        )
    folder.mkdir(parents=True, exist_ok=True)
    stream = sys.stderr if options.json else sys.stdout
    for line in left_out:
        print(line, file=stream)
    stages = len(plan.stages)

    def tell(result: StageResult) -> None:
        shown.append(result)
        print(f"\n{stage_title(result, len(shown), stages)}", file=stream, flush=True)
        if not options.json:
            write_table(promotion_table(result, len(shown), stages), stream)

    shown: list[StageResult] = []
    context = _context(plan, contenders, scoring, settings)
    with (
        MeasurementFile(folder / MEASUREMENTS, context) as store,
        counting("measurements of the stage") as count,
    ):
        measure = measured_by(
            lambda stage: _evaluator(scoring[stage], settings),
            store,
            contenders,
            lambda stage, done, total: count(done, total),
        )
        results = promoted(
            plan, contenders, measure, lambda stage: _cost(scoring[stage]), tell
        )
    plain = {
        "plan": asdict(plan),
        "split": SPLIT,
        "stages": [_plain(each) for each in results],
    }
    write_whole(folder / RESULT, json.dumps(plain, indent=1) + "\n")
    from neuralopt.views.figures.promotion import promotion_figure

    save_figure(promotion_figure(results, stages), folder / PICTURE)
    if options.json:
        print(json.dumps(plain))
        return 0
    print(f"\n{_ending(results, stages)}")
    print(f"Written: {folder / RESULT} and {folder / PICTURE}")
    return 0


def _plan(asked: PromotionSettings) -> PromotionPlan:
    """The plan that settings describe, checked."""
    for name in asked.baselines:
        if name not in RULES:
            raise ValueError(
                f"promotion.baselines: unknown rule {name!r}: {hint(name, RULES)}"
            )
    stages = tuple(Stage(**asdict(each)) for each in asked.stages)
    return PromotionPlan(stages, tuple(asked.baselines), asked.confidence)


def _contenders(
    texts: Sequence[str], asked: PromotionSettings
) -> tuple[list[Contender], list[str]]:
    """Baselines and the rules that texts name; a line for each that is left out."""
    found: dict[str, Contender] = {}
    for name in asked.baselines:
        rule = str(simplify(RULES[name].expression))
        if rule in found:
            raise ValueError(
                f"promotion.baselines: {name} is the same rule as {found[rule].name}: "
                "name one of them"
            )
        found[rule] = Contender(name, rule, baseline=True)
    left_out, several = [], len(texts) > 1
    for text in texts:
        is_run = os.path.lexists(Path(text) / ARCHIVE_FILE)
        for name, rule in _of_run(text, asked.candidates) if is_run else _named(text):
            taken = name in {each.name for each in found.values()}
            run = text if is_run else run_of(text)
            longer = run and (taken or (is_run and several))
            shown = f"{run}:{name}" if longer else name
            if rule in found:
                left_out.append(f"{shown} is left out: it is {found[rule].name}")
            else:
                found[rule] = Contender(shown, rule)
    expressions = [parse(each) for each in found]
    for expression, why in zip(expressions, rejections(expressions), strict=True):
        if why:
            raise ValueError(f"{expression} can't be promoted: {why}")
    if all(each.baseline for each in found.values()):
        raise ValueError("name at least one run, or a rule that is not a baseline")
    return list(found.values()), left_out


def _of_run(run: str, count: int) -> list[tuple[str, str]]:
    """Name and canonical text of a run's best rules, in their plain forms."""
    with Archive.open(archive_path(run)) as archive:
        best = ranking(archive, count)
    if not best:
        raise ValueError(f"{run} has no scored rule yet: let it run longer")
    return [
        (f"#{each.proposal.number}", str(simplify(parse(each.rule)))) for each in best
    ]


def _named(text: str) -> list[tuple[str, str]]:
    if Path(text).is_dir():
        archive_path(text)  # says that it is not a run
    return [(each.name, str(simplify(each.expression))) for each in find_rules(text)]


def _folder(into: str, texts: Sequence[str]) -> Path:
    if into:
        return Path(into)
    run = next((each for each in texts if (Path(each) / ARCHIVE_FILE).exists()), "")
    if not run:
        raise ValueError("no run is named: say by --into DIR where the results go")
    return Path(run) / FOLDER


def _context(
    plan: PromotionPlan,
    contenders: Sequence[Contender],
    scoring: Sequence[ScoringParts],
    settings: Settings,
) -> dict[str, Any]:
    """What the result depends on, as plain data."""
    budget = asdict(scoring[0].budget.without_gates())
    return {
        "language": LANGUAGE_VERSION,
        "rules": [[each.name, each.rule, each.baseline] for each in contenders],
        "stages": [asdict(stage) for stage in plan.stages],
        "confidence": plan.confidence,
        "tasks": [[each.fingerprint for each in stage.tasks] for stage in scoring],
        "budget": budget,
        "seed": settings.seed,
        "engine": settings.evaluator.engine,
        "device": settings.evaluator.device,
        "precision": settings.evaluator.precision,
    }


def _evaluator(scoring: ScoringParts, settings: Settings) -> Evaluator:
    plan = stage_plan(
        scoring.tasks, scoring.budget, scoring.engine, scoring.seed, scoring.numerics
    )
    return make_evaluator(settings.evaluator.name, plan, settings.evaluator.options)


def _cost(scoring: ScoringParts) -> StageCost:
    return stage_cost(scoring.tasks, scoring.budget)


def _plain(result: StageResult) -> dict[str, Any]:
    """A stage as plain data; numbers that are not finite are null."""
    return {
        "parts": list(result.parts),
        "measurements": result.measurements,
        "trainings": result.trainings,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "standings": [_plain_standing(each) for each in result.standings],
    }


def _plain_standing(each: Standing) -> dict[str, Any]:
    plain = asdict(each)
    contender: dict[str, Any] = plain.pop("contender")
    return contender | {
        key: None if isinstance(x, float) and not math.isfinite(x) else x
        for key, x in plain.items()
    }


def _ending(results: Sequence[StageResult], stages: int) -> str:
    """One or two sentences on what came of it."""
    last = results[-1]
    better = [each.contender.name for each in last.rules if each.verdict == "better"]
    if len(results) < stages and not any(each.goes_on for each in last.rules):
        return f"No rule is left after stage {len(results)} of {stages}."
    if not better:
        return (
            "No rule is shown to be better than every baseline on these tasks' "
            f"{SPLIT} splits."
        )
    verb = "is" if len(better) == 1 else "are"
    return (
        f"{', '.join(better)} {verb} better than every baseline on these tasks' "
        f"{SPLIT} splits, by which learning rates were chosen too: "
        "`neuralopt compare --tuned` judges on others."
    )
