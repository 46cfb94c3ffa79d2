"""Turn what Python callers and `neuralopt draw` give as rules into rules by name."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from neuralopt.cli.rule_lookup import LEARNED, candidates_under, find_rule
from neuralopt.engines.engine import OptimizerSpec
from neuralopt.language import Expression, Rule, as_expression, render

Rules = Sequence[str | Expression | Rule] | Mapping[str, str | Expression | Rule]
"""Rules as typed or as objects; or either by the name that a table shows."""

Other = TypeVar("Other")


def candidates_of(
    rules: Rules, others: Mapping[str, Other]
) -> dict[str, OptimizerSpec | Other]:
    """Return rules by the names that a table or a legend shows.

    Args:
        rules: the rules.
        others: what may be named other than rules and torch's optimizers.

    Returns:
        The candidates, in the order of the rules.

    Raises:
        ValueError: a text refers to no rule, or two rules have one name.
    """
    if isinstance(rules, str):
        raise ValueError(f"rules is the text {rules!r}: give a list of rules")
    if isinstance(rules, Mapping):
        return {name: _candidate(rule, others) for name, rule in rules.items()}
    found: dict[str, OptimizerSpec | Other] = {}
    for rule in rules:
        new: Mapping[str, OptimizerSpec | Other]
        if not isinstance(rule, str):
            made = as_expression(rule)
            new = {rule.name if isinstance(rule, Rule) else render(made): made}
        elif rule in others:
            new = {rule: others[rule]}
        else:
            new = candidates_under(rule, found)
        for name, candidate in new.items():
            if found.setdefault(name, candidate) != candidate:
                raise ValueError(
                    f"two rules are named {name!r}: give a mapping from names to rules"
                )
    return found


def _candidate(
    rule: str | Expression | Rule, others: Mapping[str, Other]
) -> OptimizerSpec | Other:
    if not isinstance(rule, str):
        return as_expression(rule)
    if rule in others:
        return others[rule]
    if rule.startswith(("torch.", LEARNED)):
        (found,) = candidates_under(rule, {}).values()
        return found
    return find_rule(rule).expression
