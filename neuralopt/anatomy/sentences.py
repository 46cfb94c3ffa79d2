"""The facts of an explanation in words."""

import math
from collections.abc import Iterator

from neuralopt.anatomy.ablation import Ablation
from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.invariances import Invariances
from neuralopt.anatomy.quadratics import (
    CONDITION_NUMBER,
    SHRUNK,
    START,
    STEPS,
    Stability,
)
from neuralopt.behaviour.description import describe
from neuralopt.language import render

Facts = list[tuple[str, str]]


def rule_facts(explanation: Explanation) -> Facts:
    """Return what the rule is.

    Args:
        explanation: of a rule.
    """
    shown = render(explanation.rule)
    found = [] if explanation.name == shown else [("name", explanation.name)]
    found.append(("rule", shown))
    if str(explanation.rule) != shown:
        found.append(("expanded", str(explanation.rule)))
    behaviour = explanation.behaviour
    found.append(("behaves", "; ".join([describe(behaviour), *behaviour.families])))
    known = explanation.invariances
    size = f"{explanation.size} node{'s' * (explanation.size != 1)}"
    found.append(("cost", f"{cost_of(known)}; {size}"))
    return found


def cost_of(known: Invariances) -> str:
    """Return memory and operations of a rule.

    Args:
        known: of a rule.
    """
    if known.tensor_scope:
        return f"memory of {known.memory_text}; {known.cost}"
    values = f"{known.memory} value{'s' * (known.memory != 1)} of memory"
    return f"{values} and {known.cost}"


def input_facts(known: Invariances) -> Facts:
    """Return how updates change with their inputs.

    Args:
        known: of a rule.
    """
    apart = " (the part without weights)" if known.without_weights else ""
    signs = {
        "odd": "odd: gradients of the other sign give the opposite updates",
        "even": "even: gradients of the other sign give the same updates",
        "neither": "neither odd nor even",
    }
    return [
        ("loss times c", f"updates {known.loss}{apart}"),
        ("sign of gradients", signs[known.sign]),
        ("units, w = c u", f"steps in w {known.stretched}"),
        _order(known),
        ("weights", _weights(known.decay)),
        ("time", _time(known)),
        ("randomness", "draws random numbers" if known.random else "none"),
        ("memory", _memory(known)),
    ]


def _order(known: Invariances) -> tuple[str, str]:
    if not known.tensor_scope:
        return "order of parameters", "does not matter: each one is updated by itself"
    return "scope", "the elements of a tensor are updated together: tensor scope"


def _weights(decay: float | None) -> str:
    if decay is None:
        return "change the update, not only by a multiple of themselves"
    if decay == 0:
        return "do not change the update"
    return f"add {decay:g} w to the update: decoupled weight decay"


def _time(known: Invariances) -> str:
    if known.length:
        return "the update depends on the step and on the length of the training"
    return "the update depends on the step" if known.time else "no explicit dependence"


def _memory(known: Invariances) -> str:
    if not known.memory and not known.horizons:
        return known.memory_text if known.tensor_scope else "none"
    if not known.horizons:
        return "does not forget at a constant rate"
    each = [f"{steps:g} steps (decay {decay:g})" for decay, steps in known.horizons]
    return f"time constants {', '.join(each)}"


def stability_facts(
    found: Stability, random: bool = False, tensor_scope: bool = False
) -> Facts:
    """Return where the rule is stable on f(w) = curvature * w ** 2 / 2.

    Args:
        found: of a rule.
        random: whether it draws random numbers.
        tensor_scope: whether it has tensor scope.
    """
    draws = ", one draw of its random numbers" if random else ""
    largest = max(map(abs, START))
    lines = [("measured", f"{STEPS} steps from |w| <= {largest:g}{draws}")]
    if tensor_scope:
        lines.append(("parameter", "both variables are one matrix of one row"))
    if found.cycle is not None:
        lines.append(
            (
                "small rates",
                f"end in an oscillation of amplitude {found.cycle:g} times the rate: "
                "the rate must fall for it to converge",
            )
        )
    else:
        lines.append(("converges for", _limit(found)))
    if found.theory is not None:
        lines.append(
            ("by theory", f"rate x curvature < {found.theory:.6g} (spectral radius 1)")
        )
    lines.append(
        (
            "tilted ravine",
            f"condition number {CONDITION_NUMBER:g}, largest curvature 1: "
            + _ravine(found),
        )
    )
    return lines


def _limit(found: Stability) -> str:
    if found.product is not None:
        return f"rate x curvature < {found.product:.4g}"
    if found.rate is not None:
        return f"rate < {found.rate:.4g}, for curvatures of 0.01 to 100 alike"
    each = [f"{_below(rate)} at {curvature:g}" for curvature, rate in found.limits]
    if len({_below(rate) for _, rate in found.limits}) == 1:
        return f"{_below(found.limits[0][1])}, at curvatures of 0.01 to 100"
    return f"{', '.join(each)} (curvature)"


def _below(rate: float | None) -> str:
    if rate is None:
        return "no rate"
    return "any rate" if math.isinf(rate) else f"rate < {rate:.4g}"


def _ravine(found: Stability) -> str:
    limit = "" if found.cycle is not None else f"{_below(found.ravine)}; "
    if found.ravine_steps is None:
        return f"{limit}the distance is shrunk to {SHRUNK:g} at no rate"
    return (
        f"{limit}the distance is shrunk to {SHRUNK:g} after {found.ravine_steps} steps "
        f"at best, at {found.ravine_rate:g}"
    )


def ablation_notes(ablation: Ablation) -> list[str]:
    """Return what the table of variants does not say.

    Args:
        ablation: of a rule.
    """
    notes = [
        f"{ablation.task}, budget {ablation.budget}, selection split, mean of "
        f"{ablation.seeds} paired seeds; the rule itself has {ablation.quality:.4f}.",
        "Every variant and seed chose its own learning rate. Intervals and words are "
        "corrected for all rows (Holm).",
    ]
    if ablation.relative:
        notes.append("Qualities are shares of Adam's: 0.5 is as good as Adam.")
    if ablation.alike:
        alike = ", ".join(map(str, ablation.alike))
        notes.append(f"Not trained, as they behave like the rule: {alike}.")
    if ablation.left_out:
        many = "s were" if ablation.left_out > 1 else " was"
        notes.append(f"{ablation.left_out} further variant{many} not trained.")
    if ablation.undecidable:
        notes.append(ablation.undecidable)
    return notes


def rate_notes(explanation: Explanation) -> list[str]:
    """Return how the table of rates was made.

    Args:
        explanation: with curves.
    """
    curve = explanation.curves[0]
    rates = len(curve.rates)
    return [
        f"{rates} rates from {curve.rates[0]:g} to {curve.rates[-1]:g}, "
        f"{curve.epochs} epoch{'s' * (curve.epochs != 1)} each, mean quality on the "
        f"validation split over {len(curve.qualities[0])} seeds."
    ]


def advice_facts(explanation: Explanation) -> Facts:
    """Return how to set rate and decay, and what that was found from.

    Args:
        explanation: of a rule.
    """
    return list(_advice(explanation))


def _advice(explanation: Explanation) -> Iterator[tuple[str, str]]:
    advice, known = explanation.advice, explanation.invariances
    if advice.of_weights:
        yield (
            "size of updates",
            "depends on the weights: no rate by formula",
        )
    elif advice.size is None or advice.by_formula is None:
        yield "size of updates", "0 or not finite on gradients drawn from N(0, 1)"
    else:
        yield (
            "size of updates",
            f"{advice.size:.3g} (root mean square) on gradients drawn from N(0, 1), "
            f"Adam's {advice.adam_size:.3g}",
        )
        said = f"lr = {advice.by_formula:.3g} x AdamW's, for steps of equal size"
        if known.loss.power != 0:
            said += ", if gradients have size 1: this rule does not normalise them"
        yield "rate by formula", said
    if advice.measured:
        known_ones = [
            f"{curve.task} {'none' if each is None else f'{each:.2g}'}"
            for curve, each in zip(explanation.curves, advice.measured, strict=True)
        ]
        yield "rate as measured", f"best rate over AdamW's: {', '.join(known_ones)}"
    if advice.factor is not None:
        measured = any(each is not None for each in advice.measured)
        source = "as measured" if measured else "by formula"
        factor = f"{advice.factor:.2g}"
        yield "set lr to", f"{factor} x AdamW's ({source})"
        if known.decay == 0:
            yield (
                "set weight decay to",
                f"{1 / advice.factor:.2g} x AdamW's, so that lr x decay stays the same "
                "(by formula)",
            )
    for decay, steps in known.horizons:
        kept = "decay ** k keeps it in examples where batches are k times as large"
        yield f"decay {decay:g}", f"time constant {steps:g} steps; {kept} (by formula)"
