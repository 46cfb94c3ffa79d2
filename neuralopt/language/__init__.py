"""The language that update rules are written in."""

from neuralopt.language.expression import Expression as Expression
from neuralopt.language.folding import size_of as size_of
from neuralopt.language.grammar import RuleSyntaxError as RuleSyntaxError
from neuralopt.language.parser import parse as parse
from neuralopt.language.primitives import LANGUAGE_VERSION as LANGUAGE_VERSION
from neuralopt.language.primitives import PRIMITIVES as PRIMITIVES
from neuralopt.language.rendering import render as render
from neuralopt.language.resolve import as_expression as as_expression
from neuralopt.language.resolve import resolve_rule as resolve_rule
from neuralopt.language.rules import RULES as RULES
from neuralopt.language.rules import Rule as Rule
from neuralopt.language.schedules import SCHEDULES as SCHEDULES
from neuralopt.language.schedules import Schedule as Schedule
from neuralopt.language.schedules import schedule_factor as schedule_factor
from neuralopt.language.simplify import simplify as simplify
