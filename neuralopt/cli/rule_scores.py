"""Score given rules as a finished search scored its own."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from neuralopt.cli.build import build_search
from neuralopt.cli.config.schema import EvaluatorSettings, SearcherSettings, Settings
from neuralopt.evaluators.evaluator import Evaluator, Request
from neuralopt.language import parse
from neuralopt.report.counting import counting


def score_rules(
    texts: Sequence[str],
    settings: Settings,
    context: Mapping[str, str],
    kept: Path,
    show: bool = True,
) -> dict[str, float]:
    """Return the quality of rules, as a search would have told its searcher.

    Args:
        texts: canonical texts.
        settings: of the search. One that ran on Ray is scored in this process.
        context: of its archive.
        kept: a file of qualities that are known, which is extended; one that can't be
            read or written is left alone.
        show: whether to show progress on standard error.

    Returns:
        Quality by text; 0 where a training breaks.
    """
    known = _read(kept)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if missing:
        evaluator = settings.evaluator
        if evaluator.name == "ray":
            evaluator = EvaluatorSettings(
                engine=evaluator.engine,
                device=evaluator.device,
                precision=evaluator.precision,
            )
        parts = build_search(
            replace(settings, evaluator=evaluator, searcher=SearcherSettings("uniform"))
        )
        parts.recall(context)
        with closing(parts.evaluator()) as made:
            known |= _score(made, missing, show)
        _write(kept, known)
    return {text: known[text] for text in texts}


def _score(evaluator: Evaluator, texts: Sequence[str], show: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    evaluator.submit([Request(n, parse(text)) for n, text in enumerate(texts)])
    with counting("rules", show=show) as count:
        while len(found) < len(texts):
            for done in evaluator.collect(0.5):
                if not done.retried:
                    found[texts[done.number]] = done.score.quality
            in_training = min(evaluator.workers().in_training, len(texts) - len(found))
            count(len(found) + in_training, len(texts))
    return found


def _read(path: Path) -> dict[str, float]:
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {str(text): float(quality) for text, quality in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, qualities: Mapping[str, float]) -> None:
    try:
        path.write_text(json.dumps(qualities, indent=0) + "\n", "utf-8")
    except OSError:  # a run that may only be read is scored anew each time
        return
