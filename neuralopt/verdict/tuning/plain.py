"""A tuned comparison as plain data, for JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from neuralopt.verdict.trainings import Cost
from neuralopt.verdict.tuning.comparing import TunedComparison
from neuralopt.verdict.tuning.matches import Match
from neuralopt.verdict.tuning.tune import Tuned


def plain_comparison(found: TunedComparison) -> dict[str, Any]:
    """Return a tuned comparison as standard JSON can hold it.

    Args:
        found: a comparison.

    Returns:
        Mappings, lists, texts and finite numbers; None in place of an infinite one.
        Only ``seconds`` differ between two runs.
    """
    setup = found.setup
    content = {
        "contenders": [each.name for each in setup.contenders],
        "reference": list(setup.reference.names),
        "epochs": setup.epochs,
        "horizons": list(setup.horizons),
        "seeds": setup.seeds,
        "tuning": asdict(setup.plan),
        "splits": list(found.splits),
        "test_refused": found.refusal,
        "tasks": [
            {
                "task": each.task,
                "settings": {
                    name: _plain_tuned(tuned) for name, tuned in each.tuned.items()
                },
                "matches": [_plain_match(match) for match in each.matches],
                "flips": {split: each.flips(split) for split in found.splits},
                "time_to_target": None if each.times is None else asdict(each.times),
            }
            for each in found.results
        ],
        "time_to_target": {
            name: asdict(standing) for name, standing in found.standings.items()
        },
        "untuned": {
            "rates": {
                name: {"rate": rate.setting.rate, "quality": rate.quality}
                for name, rate in found.one_rates.items()
            },
            "matches": [_plain_match(match) for match in found.untuned],
        },
        "cost": {
            "tuning": {
                name: _plain_cost(cost) for name, cost in found.tuning_costs.items()
            },
            "verdict": _plain_cost(found.verdict_cost),
        },
    }
    plain: dict[str, Any] = _finite(content)
    return plain


def _plain_tuned(tuned: Tuned) -> dict[str, Any]:
    contender = tuned.contender
    return {
        "setting": asdict(tuned.setting),
        "described": contender.described(tuned.setting),
        "rule": contender.text(tuned.setting),
        "validation_loss": tuned.loss,
        "rate_is_interior": tuned.rate_is_interior,
        "interior": dict(tuned.interior),
        "trials": [
            {**asdict(setting), "validation_loss": loss}
            for setting, loss in tuned.losses.items()
        ],
        "failure": tuned.failure,
    }


def _plain_match(match: Match) -> dict[str, Any]:
    splits = {}
    for split, qualities in match.qualities.items():
        comparison = match.comparison(split)
        rows = () if comparison is None else comparison.rows
        splits[split] = [
            {**asdict(row), "qualities": list(qualities.get(row.name, ()))}
            for row in rows
        ]
    return {
        "task": match.task,
        "horizon": match.horizon,
        "epochs": match.epochs,
        "failures": dict(match.failures),
        "splits": splits,
    }


def _plain_cost(cost: Cost) -> dict[str, Any]:
    return {
        "trainings": cost.trainings,
        "steps": cost.steps,
        "seconds": round(cost.seconds, 1),
    }


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
