"""Explain, draw and measure rules from Python."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from neuralopt.anatomy.explanation import Explanation, explain_rule
from neuralopt.anatomy.parts import MOST
from neuralopt.api.objective import scoring_of
from neuralopt.cli.candidates import Rules, candidates_of
from neuralopt.cli.commands.explain import TASK as EXPLAINED_TASK
from neuralopt.cli.commands.explain import trainer
from neuralopt.cli.commands.gradients import one_task
from neuralopt.cli.rule_lookup import find_rule
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression, Rule, as_expression, render
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.replicates import VERDICT_SEEDS
from neuralopt.signals.report import SignalReport, report_signals
from neuralopt.tasks import Task, load_tasks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def explain(
    rule: str | Expression | Rule,
    task: str | Task | None = None,
    budget: str | Budget | None = None,
    *,
    seeds: int = VERDICT_SEEDS,
    quick: bool = False,
    parts: int = MOST,
    seed: int = 0,
    engine: str = "auto",
    device: str = "cpu",
    precision: str = "float32",
    workers: int = 0,
    progress: bool = True,
) -> Explanation:
    """Say what a rule is and what each of its parts contributes.

    Args:
        rule: name of RULES, rule text, ``RUN:best`` and the like, an expression or a
            rule.
        task: a name as on the command line, or a Task. None is the task, with its
            recipe, of the run that the rule names, or else ``digits``.
        budget: a name or a Budget. None is the budget of the run that the rule names,
            or else ``suite``.
        seeds: initial weights and data orders of every training, 1 or more.
        quick: whether to train nothing.
        parts: variants that are trained at most.
        seed: of initial weights and data orders.
        engine: a name of ENGINES, or ``auto``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``bfloat16`` (products only) or ``float64``.
        workers: threads; 0 is one a core.
        progress: whether to show progress on standard error.

    Returns:
        The explanation. It prints as text, and has a ``figure()``.

    Raises:
        ValueError: the rule, a name or a number is wrong, or a training breaks.

    Example:
        >>> found = explain("momentum", quick=True)
        >>> found.invariances.loss.power, found.stability.product
        (1.0, 3.8)
    """
    if isinstance(rule, str):
        looked_up = find_rule(rule)
        name, expression = looked_up.name, looked_up.expression
        if looked_up.proposal is None:
            task = EXPLAINED_TASK if task is None else task
    else:
        expression = as_expression(rule)
        name = rule.name if isinstance(rule, Rule) else render(expression)
        task = EXPLAINED_TASK if task is None else task
    if quick:
        return explain_rule(name, expression, None, None, seeds, parts, progress)
    scoring = scoring_of([rule], task, budget, seed, engine, device, precision, workers)
    train = trainer(scoring, seeds, progress)
    return explain_rule(name, expression, scoring, train, seeds, parts, progress)


def draw(
    rules: Sequence[str | Expression | Rule]
    | Mapping[str, str | Expression | Rule] = (),
    on: str = "ravine",
    *,
    task: str | Task | None = None,
    plane: Literal["random", "paths"] | None = None,
    lr: float | Sequence[float] = (),
    steps: int | None = None,
    start: Sequence[float] | Sequence[Sequence[float]] = (),
    seed: int = 0,
) -> "Figure":
    """Draw the paths that rules take, on a landscape or on a slice of a task's loss.

    Args:
        rules: as for `compare`, and ``newton``, Newton's method with the exact Hessian;
            sgd, momentum, nesterov, rmsprop, adam and newton if there are none.
        on: ``ravine``, ``tilted_ravine``, ``rosenbrock``, ``beale``, ``saddle``,
            ``x_plus_sin_x``, ``slope_x_plus_sin_x``, ``sines``; or ``slice``: the
            training loss around a child that the first rule trained.
        task: of a slice, ``digits`` by default.
        plane: of a slice: ``random``, two random directions, filter-normalised; or
            ``paths``, those in which the paths spread most.
        lr: learning rates of every rule; by default each takes, of eleven from 0.0001
            to 10, that with the least final loss.
        steps: of each path; those that suit the landscape by default.
        start: where paths begin, or several such points.
        seed: of a slice's initial weights, batches and directions.

    Returns:
        The picture, a Figure of matplotlib.

    Raises:
        ValueError: a rule, a name or a number is wrong.

    Example:
        >>> figure = draw(["adam"], on="beale", lr=0.1, steps=20)
        >>> figure.axes[0].lines[0].get_label()
        'adam, lr 0.1'
    """
    from neuralopt.cli.commands.draw import draw_picture

    rates = (lr,) if isinstance(lr, int | float) else tuple(lr)
    numbers = [each for each in start if not isinstance(each, Sequence)]
    points = [tuple(each) for each in start if isinstance(each, Sequence)]
    if numbers and points:
        raise ValueError("start mixes numbers and points: give one point or several")
    picture = draw_picture(
        rules,
        on,
        task=task,
        plane=plane,
        rates=rates,
        steps=steps,
        starts=[tuple(numbers)] if numbers else points,
        seed=seed,
    )
    return picture.drawing.figure


def gradients(
    rules: str | Rules,
    task: str | Task = "digits_mlp",
    *,
    lr: float | None = None,
    steps: int = 100,
    seed: int = 0,
    progress: bool = True,
) -> SignalReport:
    """Measure gradients, updates and activations of every layer along a training.

    A child is trained by each rule from the same weights, in float64.

    Args:
        rules: a rule or several, as for `compare`.
        task: a name as on the command line, or a Task, such as
            ``TASKS["digits_mlp"](depth=8, activation="sigmoid")``.
        lr: learning rate of every rule; None for, of eleven rates from 0.0001 to 10,
            the one with the least final loss.
        steps: about how many to take: a part of an epoch, or else whole epochs.
        seed: of initial weights and the order of examples.
        progress: whether to show progress on standard error.

    Returns:
        What was measured. It prints as text, and has a ``figure()``.

    Raises:
        ValueError: a rule, a name or a number is wrong, or several tasks are named.

    Example:
        >>> found = gradients("sgd", lr=0.1, steps=10, progress=False)
        >>> found["sgd"].layers[0], found["sgd"].gradients.shape
        ('linear1', (10, 6))
    """
    candidates: dict[str, OptimizerSpec] = candidates_of(
        [rules] if isinstance(rules, str) else rules, {}
    )
    problem = one_task(load_tasks(task)) if isinstance(task, str) else task
    return report_signals(problem, candidates, lr, steps, seed, progress)
