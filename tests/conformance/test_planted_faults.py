"""The suites find faults that are planted: each check raises for a member that errs."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt.engines.engine import Child, Engine, Outcome
from neuralopt.engines.serial import SerialEngine
from neuralopt.evaluators import InProcessEvaluator
from neuralopt.evaluators.evaluator import Completion, Evaluator, WorkerPlan
from neuralopt.language.primitive import Law, Parameter, Primitive
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.origin import Origin
from neuralopt.searchers import Searcher, UniformSearcher
from neuralopt.tasks import Split, Task, load_task
from tests.conformance import engines, evaluators, primitives, searchers, targets, tasks
from tests.conformance.searchers import SPACE
from tests.engines.builders import some_digits

# Warnings are those of overflows that IEEE 754 gives a value to.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

# -------------------------------------------------------------------------- primitives

SOFTSIGN = Primitive(
    "softsign",
    (Parameter("x"),),
    "x / (1 + abs(x))",
    r"\operatorname{{softsign}}({x})",
    formula="x / (1 + abs(x))",
)


def test_a_primitive_that_states_no_law_passes() -> None:
    primitives.check_laws(SOFTSIGN)


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (Law.EVEN, "softsign is not EVEN"),
        (Law.NONNEGATIVE, "softsign is not NONNEGATIVE"),
        (Law.IDEMPOTENT, "softsign is not IDEMPOTENT"),
        (Law.EXACT, "EXACT needs a scalar form"),
        (Law.EVEN | Law.ODD, "is not EVEN"),
    ],
)
def test_a_false_law_is_found(law: Law, words: str) -> None:
    false = dataclasses.replace(SOFTSIGN, laws=law)
    with pytest.raises(AssertionError, match=words):
        primitives.check_laws(false)


def test_a_false_law_of_two_arguments_is_found() -> None:
    subtract = PRIMITIVES["subtract"]
    for law in (Law.COMMUTATIVE, Law.ODD, Law.IDEMPOTENT):
        with pytest.raises(AssertionError, match="subtract is not"):
            primitives.check_laws(dataclasses.replace(subtract, laws=law))


@pytest.mark.parametrize("name", ["peak", "total"])
def test_a_false_law_of_a_memory_is_found(name: str) -> None:
    law = Law.EVEN | Law.NONNEGATIVE
    with pytest.raises(AssertionError, match=f"{name} is not"):
        primitives.check_laws(dataclasses.replace(PRIMITIVES[name], laws=law))


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("tanh", "torch.tanh({x}) * (1 + 1e-13)"),
        ("sign", "torch.sign({x})"),  # 0 for NaN
        ("abs", "torch.where({x} < 0, -{x}, {x})"),  # keeps -0
        ("max", "torch.fmax({x}, {y})"),  # loses NaN
    ],
)
def test_a_template_that_is_another_function_is_found(name: str, template: str) -> None:
    wrong = dataclasses.replace(PRIMITIVES[name], torch=template)
    agreement = primitives.Agreement(zeros_alike=name == "max")
    with pytest.raises(AssertionError, match="another form differ"):
        primitives.check_form(wrong, primitives.torch_values, agreement)


# ------------------------------------------------------------------------------- tasks


def test_a_task_whose_splits_overlap_is_found() -> None:
    task = load_task("digits")
    tasks.check_splits_disjoint(task)
    shared = {**task.splits, "test": task.splits["validation"]}
    with pytest.raises(AssertionError, match="are in validation and in test"):
        tasks.check_splits_disjoint(dataclasses.replace(task, splits=shared))


def test_a_task_of_random_data_is_found() -> None:
    task = load_task("digits")
    tasks.check_deterministic(lambda: dataclasses.replace(task))

    def make() -> Task:
        noise = dataclasses.replace(
            task.splits["test"], inputs=torch.rand_like(task.splits["test"].inputs)
        )
        return dataclasses.replace(task, splits={**task.splits, "test": noise})

    with pytest.raises(AssertionError, match="test changes"):
        tasks.check_deterministic(make)


class Wrapped:
    """A task with one member replaced."""

    def __init__(self, task: Task, **members: Any) -> None:
        self._task = task
        vars(self).update(members)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


@pytest.mark.parametrize(
    ("check", "members"),
    [
        (tasks.check_quality, {"quality": lambda loss: 1.0 + loss}),
        (tasks.check_quality, {"quality": lambda loss: 0.0}),
        (tasks.check_quality, {"quality": lambda loss: 1 - math.exp(-loss)}),
        (tasks.check_learnable, {"loss": lambda outputs, y: -(outputs**2).mean() * 0}),
        (tasks.check_network, {"network": lambda: torch.nn.Linear(64, 10).double()}),
    ],
)
def test_a_task_that_can_not_be_searched_with_is_found(
    check: Any, members: dict[str, Any]
) -> None:
    task = load_task("digits")
    check(task)
    with pytest.raises(AssertionError):
        check(Wrapped(task, **members))


# ----------------------------------------------------------------------------- engines


class FaultyEngine:
    """The serial engine with outcomes changed by a fault."""

    name = "faulty"

    def __init__(self, fault: str, task: Task, seed: int, dtype: torch.dtype) -> None:
        self.fault, self.serial = fault, SerialEngine(task, seed, dtype)

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
        along: Sequence[int] = (),
    ) -> list[Outcome]:
        if self.fault == "limit":
            limit = None
        if self.fault == "late":
            along = [step + 1 for step in along]
        found = self.serial.train(children, epochs, splits, limit, along)
        if self.fault == "order":
            return found[::-1]
        return [self._changed(outcome, len(found)) for outcome in found]

    def _changed(self, outcome: Outcome, count: int) -> Outcome:
        same = (1.0,) * len(outcome.losses)
        match self.fault:
            case "zeros":
                zeros = (0.0,) * len(outcome.losses)
                return Outcome(False, zeros, same, (0.0,))
            case "neighbours":
                return dataclasses.replace(outcome, accuracies=(1 / count, 0.0))
            case "divergence" if outcome.diverged:
                return Outcome(False, same, same, outcome.curve)
            case "rounding":
                losses = tuple(loss * 1.0001 for loss in outcome.losses)
                return dataclasses.replace(outcome, losses=losses)
            case "disturbed" if outcome.along:
                losses = tuple(loss * 1.0001 for loss in outcome.losses)
                return dataclasses.replace(outcome, losses=losses)
        return outcome


def engine_with(fault: str) -> engines.Make:
    def make(task: Task, seed: int, dtype: torch.dtype) -> Engine:
        return FaultyEngine(fault, task, seed, dtype)

    return make


CHILDREN = engines.children_of(("g", "adam", "drop(g, 0.3)", "g / 0"), (1e-2, 0.1))


@pytest.mark.parametrize(
    "fault", ["zeros", "order", "divergence", "rounding", "limit", "late"]
)
def test_an_engine_that_is_not_the_serial_one_is_found(fault: str) -> None:
    task = some_digits(training=192)
    options = {"limit": 2 * task.batch_size}
    engines.check_agrees_with_serial(engine_with(""), task, CHILDREN, **options)
    with pytest.raises(AssertionError):
        engines.check_agrees_with_serial(engine_with(fault), task, CHILDREN, **options)


@pytest.mark.parametrize("fault", ["zeros", "neighbours", "order"])
def test_an_engine_whose_outcomes_depend_on_neighbours_is_found(fault: str) -> None:
    task = some_digits(training=128)
    engines.check_independence(engine_with(""), task, CHILDREN)
    with pytest.raises(AssertionError):
        engines.check_independence(engine_with(fault), task, CHILDREN)


@pytest.mark.parametrize("fault", ["late", "disturbed"])
def test_an_engine_that_measures_elsewhere_or_is_disturbed_by_it_is_found(
    fault: str,
) -> None:
    task = some_digits(training=320)
    check = engines.check_measurements_along_a_training
    check(engine_with(""), task)
    with pytest.raises((AssertionError, ValueError)):
        check(engine_with(fault), task)


def test_an_engine_without_a_limit_is_found() -> None:
    task = some_digits(training=256)
    engines.check_limit(engine_with(""), task)
    with pytest.raises(AssertionError):
        engines.check_limit(engine_with("limit"), task)


# -------------------------------------------------------------------------- evaluators


class Careless(InProcessEvaluator):
    """Loses, repeats or changes the last completion it collects."""

    fault = ""

    def collect(self, timeout: float) -> list[Completion]:
        found = super().collect(timeout)
        if not found:
            return found
        match self.fault:
            case "lost":
                return [done for done in found if done.number != 1000]
            case "twice":
                return [*found, found[-1]]
            case "changed":
                score = dataclasses.replace(found[-1].score, quality=0.123)
                return [*found[:-1], dataclasses.replace(found[-1], score=score)]
        return found


def evaluator_with(fault: str) -> evaluators.Make:
    def make(plan: WorkerPlan, batch: int) -> Evaluator:
        made = Careless(plan.scorer(), batch=batch)
        made.fault = fault
        return made

    return make


@pytest.mark.parametrize("fault", ["lost", "twice", "changed"])
def test_an_evaluator_that_loses_repeats_or_changes_is_found(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluators, "SECONDS", 1.0)
    evaluators.check_completed_once(evaluator_with(""), 7)
    with pytest.raises(AssertionError):
        evaluators.check_completed_once(evaluator_with(fault), 7)


# --------------------------------------------------------------------------- searchers


class Forgetful(UniformSearcher):
    """Begins again after a state is loaded."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._rng = np.random.default_rng(0)


def ignoring_its_seed(seed: int) -> Searcher:
    return UniformSearcher(SPACE, 0)


def test_a_searcher_that_repeats_itself_after_loading_is_found() -> None:
    searchers.check_saved_state(lambda seed: UniformSearcher(SPACE, seed))
    with pytest.raises(AssertionError, match="does not go on"):
        searchers.check_saved_state(lambda seed: Forgetful(SPACE, seed))


def test_a_searcher_that_ignores_its_seed_is_found() -> None:
    with pytest.raises(AssertionError, match="the seed changes nothing"):
        searchers.check_seed(ignoring_its_seed)


class Inventive(UniformSearcher):
    """Names a parent that nobody proposed."""

    def origins(self) -> list[Origin]:
        return [Origin("mutation", (1,)) for _ in super().origins()]


def test_a_searcher_that_names_unknown_parents_is_found() -> None:
    with pytest.raises(AssertionError):
        searchers.check_origins(lambda seed: Inventive(SPACE, seed))


def test_a_searcher_that_claims_to_learn_and_does_not_is_found() -> None:
    with pytest.raises(AssertionError):
        searchers.check_learning(lambda seed: UniformSearcher(SPACE, seed), True)


# ----------------------------------------------------------------------------- targets


def test_a_target_that_writes_wrong_code_is_found(tmp_path: Path) -> None:
    def wrong(rule: Any, path: Path, name: str) -> Path:
        written = targets.writer("torch")(rule, path, name)
        text = written.read_text()
        assert "0.9" in text
        written.write_text(text.replace("0.9", "0.91"))
        return written

    rule, steps_of = "trace(g, 0.9)", targets.steps_of_torch
    path = tmp_path / "rule.py"
    targets.check_steps(targets.writer("torch"), rule, path, steps_of, 0.0)
    with pytest.raises(AssertionError, match="step"):
        targets.check_steps(wrong, rule, tmp_path / "wrong.py", steps_of, 0.0)


def test_a_target_whose_written_test_fails_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(rule: Any, path: Path, **options: Any) -> Path:
        targets_export(rule, path, **options)
        path.write_text(path.read_text().replace("0.9", "0.91"))
        return path

    targets_export = targets.export_rule
    monkeypatch.setattr(targets, "export_rule", wrong)
    with pytest.raises(AssertionError, match="golden"):
        targets.check_written_tests_pass("torch", ["trace(g, 0.9)"], tmp_path)
