"""The stacked engine on networks of many kinds: each method compared with serial."""

import math
import random
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from neuralopt import make_task
from neuralopt.engines.engine import Child
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.gradients import VmapGradients
from neuralopt.engines.stacked.plan import (
    GPU_SHARE,
    _gpu_room,
    plan_execution,
    step_cost,
)
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.engines.stacked.updates import Compiled, Eager
from neuralopt.language import RULES, parse
from neuralopt.tasks import ConvNet, Mlp, Recipe, load_task, with_recipe
from tests.engines.builders import digits_for, some_digits
from tests.engines.networks import NETWORKS, own_task

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")

SPLITS = ("validation", "test")
GRADIENT_METHODS = ("vmap", "loop")
ALONE = {  # and why torch.func is not asked
    "peeking": "torch.func",
    "odd": "0.weight, 7 x 5, holds no multiple of 4 numbers",
    "averaging": "the network replaces its mean",
    "counting": "the network replaces its batches",
    "switching": "torch.func",
}
RULES_TRIED = (
    *("adam", "powersign", "lion", "momentum"),
    *("drop(g, 0.3) + noise(0.01)", "w * 0.1 + g * (1 - progress)", "g / (g - g)"),
)
BUILT_IN = (
    *("digits", "digits_conv", "enos_mnistnet", "ravine", "rosenbrock", "char_lm"),
    "regression",
)


def children_of(texts=RULES_TRIED, rates=(1e-3, 0.01), replicates=(0, 1)):
    rules = [RULES[text].expression if text in RULES else parse(text) for text in texts]
    return [
        Child(rule, rate, replicate)
        for rule in rules
        for rate in rates
        for replicate in replicates
    ]


def furthest(ours, theirs):
    """Greatest relative difference of all losses of two lists of outcomes."""
    largest = 0.0
    for one, other in zip(ours, theirs, strict=True):
        assert one.diverged == other.diverged
        assert len(one.curve) == len(other.curve)
        pairs = list(zip(one.curve, other.curve, strict=True))
        if not one.diverged:
            pairs += zip(one.losses, other.losses, strict=True)
        for a, b in pairs:
            largest = max(largest, abs(a - b) / max(1.0, abs(a)))
    return largest


@pytest.mark.parametrize("method", GRADIENT_METHODS)
@pytest.mark.parametrize("name", [n for n in NETWORKS if n not in ALONE])
def test_any_network_is_trained_as_the_serial_engine_trains_it(name, method):
    task = own_task(name)
    children = children_of()
    oracle = SerialEngine(task, 3, torch.float64).train(children, 2, SPLITS)
    found = StackedEngine(task, 3, torch.float64, method=method).train(
        children, 2, SPLITS
    )
    assert furthest(oracle, found) < 1e-9
    assert sum(not outcome.diverged for outcome in oracle) > 0


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_task_is_trained_as_the_serial_engine_trains_it(name):
    task = load_task(name)
    children = children_of(("adam", "powersign", "drop(g, 0.3)"), (1e-3, 0.03), (0,))
    limit = 6 * task.batch_size
    oracle, found = (
        make(task, 0, torch.float64).train(children, 1, SPLITS, limit)
        for make in (SerialEngine, StackedEngine)
    )
    assert furthest(oracle, found) < 1e-9
    for one, other in zip(oracle, found, strict=True):
        assert one.accuracies == pytest.approx(other.accuracies, rel=1e-9)


@pytest.mark.parametrize("name", [n for n in ALONE if n != "switching"])
def test_a_network_that_torch_func_does_not_suit_is_trained_one_by_one(name):
    task = own_task(name)
    engine = StackedEngine(task, 0, torch.float64)
    assert engine.plan.method == "loop"
    assert ALONE[name] in engine.plan.reason
    children = children_of()
    oracle = SerialEngine(task, 0, torch.float64).train(children, 1, SPLITS)
    assert furthest(oracle, engine.train(children, 1, SPLITS)) < 1e-9
    alone = [engine.train([child], 1, SPLITS)[0] for child in children[::5]]
    assert alone == engine.train(children, 1, SPLITS)[::5]


def test_a_network_that_changes_which_weights_it_uses_is_for_the_serial_engine():
    task = own_task("switching")
    engine = StackedEngine(task, 0)
    with pytest.raises(ValueError, match=r"get a gradient changes.*engine=serial"):
        engine.train(children_of(("g",)), 2, SPLITS)
    # Not even where all batches of a short training use the same ones.
    children = [Child(parse("g"), 0.1, replicate) for replicate in range(20)]
    with pytest.raises(ValueError, match="get a gradient changes"):
        engine.train(children, 1, SPLITS, task.batch_size)


def test_ways_are_chosen_alike_by_many_threads_at_once():
    tasks = [own_task("attention"), own_task("gelu")] * 6
    with ThreadPoolExecutor(3) as pool:
        plans = list(pool.map(lambda task: plan_execution(task, Numerics()), tasks))
    assert {plan.method for plan in plans[::2]} == {"loop"}
    assert {plan.method for plan in plans[1::2]} == {"vmap"}
    with pytest.warns(UserWarning, match="still heard"):
        warnings.warn("still heard", stacklevel=1)


def test_weights_that_no_loss_depends_on_stay_where_they_are():
    # Their gradient is nothing, not 0: an optimizer does not touch them, though these
    # rules would move or spoil them.
    task = own_task("partly frozen")
    children = children_of(("g / g + 0 * w", "w", "1 + 0 * g"), (0.01,))
    oracle = SerialEngine(task, 0, torch.float64).train(children, 1, SPLITS)
    for method in GRADIENT_METHODS:
        engine = StackedEngine(task, 0, torch.float64, method=method)
        assert furthest(oracle, engine.train(children, 1, SPLITS)) < 1e-12
        assert len(engine.plan.frozen) == 2


# ---------------------------------------------------------------------- independence

UNEVEN = (
    "pow(g, 0.3) * sign(g)",
    "exp2(g * 100) - 1",
    "sign(g) * pow(m, 0.7 + 0.1 * progress)",
    "tanh(1000 * g) * exp(w)",
    "drop(g, 0.3) + noise(0.01)",
    "log(g) * g",
    "g / (g - g)",
    "1e38 * g",
    "-100 * w",
)


@pytest.mark.parametrize(
    ("method", "updates"), [("vmap", Compiled), ("loop", Compiled), ("vmap", Eager)]
)
@pytest.mark.parametrize(
    "name", ["gelu", "batch norm", "layer norm", "convolutions", "gru", "tied words"]
)
def test_an_outcome_does_not_depend_on_neighbours(name, method, updates, monkeypatch):
    monkeypatch.setattr("neuralopt.engines.stacked.population.updates_for", updates)
    task = own_task(name)
    children = children_of(UNEVEN, (1e-3, 0.1, 10.0), (0,))
    outcomes = StackedEngine(task, 0, method=method).train(children, 2, SPLITS)
    assert 3 < sum(outcome.diverged for outcome in outcomes) < len(outcomes) - 3
    for population in (1, 2, 3, 7, 27):
        numbers = list(range(len(children)))
        random.Random(population).shuffle(numbers)
        engine = StackedEngine(task, 0, method=method, population=population)
        found = engine.train([children[number] for number in numbers], 2, SPLITS)
        for number, outcome in zip(numbers, found, strict=True):
            assert outcome == outcomes[number], children[number]


@pytest.mark.parametrize("block", [64, 128, 1024])
def test_an_outcome_does_not_depend_on_the_pieces_rules_are_applied_to(
    block, monkeypatch
):
    monkeypatch.setattr("neuralopt.engines.stacked.population.updates_for", Eager)
    task, children = some_digits(training=256), children_of(UNEVEN)
    outcomes = StackedEngine(task, 0).train(children, 1, SPLITS)
    monkeypatch.setattr("neuralopt.engines.stacked.updates.BLOCK", block)
    assert StackedEngine(task, 0).train(children, 1, SPLITS) == outcomes


# --------------------------------------------------------------------------- recipes

RECIPES = (
    Recipe(clip_norm=0.5),
    Recipe(weight_decay=0.3),
    Recipe(schedule="cosine", warmup=0.25),
    Recipe(0.1, 0.05, "(1 - progress) ** 2", 0.5),
    Recipe(clip_norm=0.1, clip_value=0.01),
)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
@pytest.mark.parametrize("engine", ["serial", "dense", "vmap", "loop"])
def test_a_recipe_is_what_it_says(recipe, engine):
    # Gradient descent with a recipe, written out in torch's own words.
    task = with_recipe(
        some_digits(training=256),
        clip_norm=recipe.clip_norm,
        clip_value=recipe.clip_value,
        weight_decay=recipe.weight_decay,
        schedule=recipe.schedule,
        warmup=recipe.warmup,
    )
    make = SerialEngine if engine == "serial" else StackedEngine
    options = {} if engine == "serial" else {"method": engine}
    rate, epochs, steps = 0.5, 2, 8
    child = Child(parse("g"), rate, 0)
    (found,) = make(task, 0, torch.float64, **options).train([child], epochs, SPLITS)

    from neuralopt.engines.engine import batch_order, initial_parameters

    network = initial_parameters(task, 0, 0).double()
    examples = task.examples("training")
    losses = []
    for epoch in range(epochs):
        for batch in batch_order(task, 0, 0, epoch):
            t = len(losses)
            factor = {"1": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * t / steps))}
            factor = factor.get(recipe.schedule, (1 - t / steps) ** 2)
            if recipe.warmup:
                factor *= min(1.0, (t + 1) / (recipe.warmup * steps))
            outputs = network(examples.inputs[batch].double())
            loss = task.loss(outputs, examples.targets[batch])
            losses.append(loss.item())
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            if recipe.clip_value:
                limit = recipe.clip_value
                gradients = [g.clamp(-limit, limit) for g in gradients]
            norm = math.sqrt(sum((g**2).sum().item() for g in gradients))
            scale = 1.0
            if recipe.clip_norm:
                scale = min(1.0, recipe.clip_norm / (norm + 1e-6))
            with torch.no_grad():
                for w, g in zip(network.parameters(), gradients, strict=True):
                    w -= rate * factor * (scale * g + recipe.weight_decay * w)
    assert found.curve == pytest.approx(losses, rel=1e-10)
    held = task.examples("validation")
    expected = task.loss(network(held.inputs.double()), held.targets).item()
    assert found.losses[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
@pytest.mark.parametrize("name", ["layer norm", "partly frozen"])
def test_every_engine_follows_a_recipe_alike(name, recipe):
    task = own_task(name, recipe=recipe)
    children = children_of()
    oracle = SerialEngine(task, 0, torch.float64).train(children, 2, SPLITS)
    for method in GRADIENT_METHODS:
        engine = StackedEngine(task, 0, torch.float64, method=method)
        assert furthest(oracle, engine.train(children, 2, SPLITS)) < 1e-9


# ------------------------------------------------------------- plans and numerics


@pytest.mark.parametrize(
    ("task", "method", "why"),
    [
        (some_digits(), "dense", "fully connected"),
        (some_digits(activation="tanh"), "dense", "fully connected"),
        (digits_for(Mlp((64, 8, 10), objective="squared_error")), "vmap", "small"),
        (own_task("gru"), "vmap", "small steps"),
        (own_task("gelu", 15), "loop", "a batch of 15 is no multiple of 16"),
        (own_task("peeking"), "loop", "torch.func"),
        (
            digits_for(ConvNet((1, 8, 8), ((64, 1), (64, 1)), (10,))),
            "loop",
            "MFLOP a call",
        ),
    ],
)
def test_the_way_follows_from_the_task(task, method, why):
    plan = plan_execution(task, Numerics())
    assert (plan.method, why in plan.reason) == (method, True)
    assert plan == plan_execution(task, Numerics())


def test_places_that_change_bits_are_noticed(monkeypatch):
    # What the rule of four is for: without it, bits are compared. Whether products
    # round by place depends on the processor, so a pass that does is made here.
    exact = VmapGradients.gradients

    def rounded_by_place(self, weights, inputs, targets, gradients, step):
        losses = exact(self, weights, inputs, targets, gradients, step)
        gradients[0] = torch.nextafter(gradients[0], gradients[0] + 1)
        return losses

    monkeypatch.setattr("neuralopt.engines.stacked.plan._odd_matrix", lambda *_: "")
    monkeypatch.setattr(VmapGradients, "gradients", rounded_by_place)
    plan = plan_execution(own_task("odd"), Numerics())
    assert plan.method == "loop"
    assert plan.reason == "torch.func rounds by a network's place among others"


def test_the_work_of_a_step_is_counted():
    work = step_cost(some_digits(), Numerics())
    # Two products forwards, and the gradients of their weights and of the hidden layer.
    forwards = 2 * 64 * (64 * 32 + 32 * 10)
    assert work.flops == 2 * forwards + 2 * 64 * 32 * 10
    assert work.calls > 10
    assert work.bytes > 64 * (32 + 10) * 4


def test_a_slow_rule_of_torch_func_gives_no_warning(recwarn):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = plan_execution(own_task("attention"), Numerics())
    assert "batching rule" in plan.reason


@pytest.mark.parametrize("engine", [SerialEngine, StackedEngine])
def test_products_in_bfloat16_move_an_outcome_a_little(engine):
    task, children = own_task("layer norm"), children_of(("adam",), (0.01,))
    exact = engine(task, 0).train(children, 2, SPLITS)
    mixed = Numerics.named("bfloat16")
    found = engine(task, 0, numerics=mixed).train(children, 2, SPLITS)
    assert 1e-5 < furthest(exact, found) < 0.05


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_a_loss_may_itself_be_in_bfloat16(method):
    task = own_task("gelu", loss=lambda outputs, targets: (outputs * outputs).mean())
    mixed, children = Numerics.named("bfloat16"), children_of(("adam",), (0.01,))
    oracle = SerialEngine(task, 0, numerics=mixed).train(children, 1, SPLITS)
    engine = StackedEngine(task, 0, numerics=mixed, method=method)
    assert furthest(oracle, engine.train(children, 1, SPLITS)) < 0.02


@pytest.mark.parametrize("method", ["", *GRADIENT_METHODS])
def test_both_engines_mix_precisions_alike(method):
    mixed, children = Numerics.named("bfloat16"), children_of(("adam",), (0.01,))
    layers = ConvNet((1, 8, 8), ((4, 1),), (10,))
    convolutional = digits_for(layers, training=256)
    for task in (own_task("gelu"), some_digits(training=256), convolutional):
        oracle = SerialEngine(task, 0, numerics=mixed).train(children, 1, SPLITS)
        engine = StackedEngine(task, 0, numerics=mixed, method=method)
        assert furthest(oracle, engine.train(children, 1, SPLITS)) < 0.02


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (("bfloat61", "cpu"), "unknown evaluator.precision 'bfloat61': did you mean"),
        (("float32", "cudo"), "unknown evaluator.device 'cudo': give cpu, cuda or"),
        (("float32", "meta"), "unknown evaluator.device 'meta': give cpu, cuda or"),
    ],
)
def test_unknown_arithmetic_is_refused(named, message):
    with pytest.raises(ValueError, match=message):
        Numerics.named(*named)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said_in_a_line():
    with pytest.raises(ValueError, match=r"device is cuda, but torch .* sees no GPU"):
        Numerics.named(device="cuda").check()
    Numerics().check()


def test_memory_that_torch_keeps_idle_counts_as_free(monkeypatch):
    # Else the second engine of a process would find a GPU full of the first one's.
    memory = {"mem_get_info": (60, 100), "memory_reserved": 30, "memory_allocated": 10}
    for name, amount in memory.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, amount=amount: amount)
    assert _gpu_room("cuda") == GPU_SHARE * (60 + 20)


def test_only_on_a_gpu_is_cudnn_limited_to_repeatable_algorithms():
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic
    with Numerics().repeatable():
        assert cudnn.deterministic == before
    with Numerics(device="cuda").repeatable():
        assert cudnn.deterministic
    assert cudnn.deterministic == before


@pytest.mark.parametrize("before", [False, True])
def test_cudnn_stays_limited_until_the_last_training_ends(before):
    cudnn = torch.backends.cudnn
    # Setting the attribute is an error once torch's own test helpers are imported.
    with cudnn.flags(deterministic=before):
        first, last = (Numerics(device="cuda").repeatable() for _ in range(2))
        first.__enter__()
        last.__enter__()
        first.__exit__(None, None, None)
        assert cudnn.deterministic
        last.__exit__(None, None, None)
        assert cudnn.deterministic == before


def test_a_long_held_out_split_is_measured_in_pieces(monkeypatch):
    task, children = own_task("gelu"), children_of(("g",), (0.1,))
    whole = SerialEngine(task, 0, torch.float64).train(children, 1, SPLITS)
    monkeypatch.setattr("neuralopt.engines.engine.MEASURED_AT_ONCE", 7)
    for make in (SerialEngine, StackedEngine):
        found = make(task, 0, torch.float64).train(children, 1, SPLITS)
        for one, other in zip(whole, found, strict=True):
            assert one.losses == pytest.approx(other.losses, rel=1e-12)
            assert one.accuracies == pytest.approx(other.accuracies, rel=1e-12)


def test_a_regression_is_trained_too():
    random_numbers = torch.Generator().manual_seed(0)
    inputs = torch.randn(160, 5, generator=random_numbers)
    task = make_task(
        "line",
        lambda: nn.Linear(5, 1),
        (inputs, inputs.sum(1, keepdim=True)),
        batch_size=16,
        loss=nn.functional.mse_loss,
        metric=nn.functional.l1_loss,
        quality=lambda loss: 1 / (1 + loss),
    )
    children = children_of()
    oracle = SerialEngine(task, 0, torch.float64).train(children, 2, SPLITS)
    found = StackedEngine(task, 0, torch.float64).train(children, 2, SPLITS)
    assert furthest(oracle, found) < 1e-9
