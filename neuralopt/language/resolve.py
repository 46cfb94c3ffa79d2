"""What people write for a rule: a name of the zoo, a text, an expression or a Rule."""

from neuralopt.language.expression import Expression
from neuralopt.language.parser import parse
from neuralopt.language.rules import RULES, Rule, unknown_rule


def resolve_rule(rule: str | Expression | Rule) -> Rule | Expression:
    """The rule that something stands for; names of the zoo come first.

    Args:
        rule: a name of RULES, such as ``lion``; the text of a rule; or an Expression or
            Rule, returned as it is.

    Returns:
        A Rule if it has a name, with the learning rate that its users start from; else
        an Expression.

    Raises:
        ValueError: a text is neither a name nor a rule.

    Example:
        >>> resolve_rule("signsgd")
        Rule('signsgd', 'sign(g)', lr=0.001)
        >>> resolve_rule("0.1 * signsgd")
        Traceback (most recent call last):
        ...
        neuralopt.language.grammar.RuleSyntaxError: unknown name 'signsgd': did you \
mean 'sign'? (at character 7 of '0.1 * signsgd')
        >>> resolve_rule("signsgdd")
        Traceback (most recent call last):
        ...
        ValueError: unknown rule 'signsgdd': did you mean 'signsgd'?
    """
    if isinstance(rule, Expression | Rule):
        return rule
    if not isinstance(rule, str):
        raise ValueError(
            f"a rule is a name, a text, Expression or Rule, not {type(rule).__name__}"
        )
    if rule in RULES:
        return RULES[rule]
    try:
        return parse(rule)
    except ValueError:
        if not rule.isidentifier():
            raise
    raise ValueError(unknown_rule(rule))


def as_expression(rule: str | Expression | Rule) -> Expression:
    """The expression of a rule given by name, as text, as Expression or as Rule.

    Raises:
        ValueError: as `resolve_rule` does.
    """
    rule = resolve_rule(rule)
    return rule.expression if isinstance(rule, Rule) else rule
