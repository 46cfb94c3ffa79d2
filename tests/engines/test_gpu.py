"""What a GPU must do as the processor does, by checks that take a device.

Each is run on the processor too, where it is quick: so it is known to run before it
meets a GPU. There, cuDNN may warn that a recurrent layer's weights lie apart.
"""

import random
from functools import cache

import pytest
import torch

from neuralopt import RULES, RuleOptimizer, evaluate, export_rule, parse
from neuralopt.archive import Archive
from neuralopt.engines.engine import Child
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.plan import GPU_POPULATION
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.engines.stacked.updates import Eager
from neuralopt.optimizer.draws import counter_bits, draw
from neuralopt.tasks import load_task
from tests.cli.cli_runner import typed
from tests.engines.networks import NETWORKS, own_task
from tests.engines.test_stacked import UNEVEN, children_of, furthest
from tests.export.test_export import NOISY, imported, options_of
from tests.optimizer.walks import STATEFUL

pytestmark = [
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
    pytest.mark.filterwarnings("ignore:RNN module weights are not split of single"),
]

GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(
            not torch.cuda.is_available(), reason="torch sees no CUDA device here"
        ),
    ],
)
SPLITS = ("validation", "test")
TRAINED = ("adam", "powersign", "drop(g, 0.3) + noise(0.01)", "g / (g - g)")
TASKS = (
    *("digits", "digits_conv", "char_lm"),
    *(name for name in NETWORKS if name != "switching"),  # for the serial engine alone
)
STEPS = 5
RECURRENT = ("gru", "lstm", "rnn", "char_lm")


@pytest.fixture(params=["cpu", GPU])
def device(request, monkeypatch):
    """Where a check runs; on the processor too by the steps that a GPU takes."""
    monkeypatch.setattr("neuralopt.engines.stacked.population.updates_for", Eager)
    return request.param


@cache
def task_named(name):
    return own_task(name) if name in NETWORKS else load_task(name)


@cache
def outcomes_of_the_oracle(name):
    """What the serial engine says on the processor, in float64."""
    return trained(SerialEngine(task_named(name), 3, torch.float64))


def trained(engine, children=None):
    children = children or children_of(TRAINED, (0.01,), (0,))
    return engine.train(children, 1, SPLITS, STEPS * engine.task.batch_size)


# -------------------------------------------------------------------------- agreement


def ways_of(name):
    """Ways to force on a network: not torch.func where cuDNN or the network balk."""
    methods = ["", "loop"]
    if name == "digits":
        methods.append("dense")
    if name not in ("peeking", "averaging", "counting", *RECURRENT):
        methods.append("vmap")
    return methods


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name in TASKS for method in ways_of(name)],
    ids=lambda word: word or "chosen",
)
def test_the_stacked_engine_agrees_with_the_oracle(device, name, method):
    exact = Numerics(torch.float64, device)
    found = trained(StackedEngine(task_named(name), 3, numerics=exact, method=method))
    assert furthest(outcomes_of_the_oracle(name), found) < 1e-9


@pytest.mark.parametrize("name", TASKS)
def test_the_serial_engine_agrees_with_the_oracle(device, name):
    exact = Numerics(torch.float64, device)
    found = trained(SerialEngine(task_named(name), 3, numerics=exact))
    assert furthest(outcomes_of_the_oracle(name), found) < 1e-9


@pytest.mark.parametrize("engine", [SerialEngine, StackedEngine])
@pytest.mark.parametrize("name", ["layer norm", "convolutions"])
def test_products_in_bfloat16_move_an_outcome_a_little(device, engine, name):
    task, children = task_named(name), children_of(("adam",), (0.01,), (0,))
    mixed = Numerics.named("bfloat16", device)
    exact = trained(SerialEngine(task, 0), children)
    found = trained(engine(task, 0, numerics=mixed), children)
    assert 1e-5 < furthest(exact, found) < 0.05


# ----------------------------------------------------------------------- independence


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *(("digits", "dense"), ("digits", "vmap")),
        *(("digits_conv", "vmap"), ("digits_conv", "loop")),
        *(("gelu", "vmap"), ("batch norm", "vmap"), ("gru", "")),
    ],
)
def test_an_outcome_depends_only_on_its_child(device, name, method):
    # To the last bit: in another order, among others, in populations of other sizes.
    task, plain = task_named(name), Numerics(device=device)
    children = children_of(UNEVEN[::2], (1e-3, 10.0), (0,))
    outcomes = trained(StackedEngine(task, 0, numerics=plain, method=method), children)
    assert 0 < sum(outcome.diverged for outcome in outcomes) < len(outcomes)
    different = {}
    for population in (0, 1, 5):
        numbers = list(range(len(children)))
        random.Random(population).shuffle(numbers)
        engine = StackedEngine(
            task, 0, numerics=plain, method=method, population=population
        )
        found = trained(engine, [children[number] for number in numbers])
        pairs = zip(numbers, found, strict=True)
        count = sum(outcomes[number] != outcome for number, outcome in pairs)
        different[population or "as chosen"] = count
    assert not any(different.values()), f"of {len(children)}, by population {different}"


def test_a_whole_population_has_room(device):
    task, plain = load_task("digits_conv"), Numerics(device=device)
    engine = StackedEngine(task, 0, numerics=plain)
    size = engine.plan.population
    assert 1 <= size <= GPU_POPULATION
    children = [Child(RULES["adam"].expression, 1e-3, 0)] * size
    outcomes = engine.train(children, 1, ("test",), task.batch_size)
    assert len(outcomes) == size
    assert len(set(outcomes)) == 1


def test_training_does_not_change_the_generators_of_the_user(device):
    state = torch.get_rng_state if device == "cpu" else torch.cuda.get_rng_state
    before = state()
    trained(StackedEngine(task_named("gelu"), 0, numerics=Numerics(device=device)))
    assert torch.equal(before, state())


# ------------------------------------------------------------------------- optimizers


@pytest.mark.parametrize("start", [0, 1 << 33])
def test_random_bits_are_those_of_the_processor(device, start):
    key = 0x9E3779B9, 0xFFFFFFFF
    here = counter_bits(key, start, 1000)
    assert torch.equal(here, counter_bits(key, start, 1000, device).cpu())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_random_numbers_are_those_of_the_processor(device, dtype):
    like, counters = torch.empty(40, 25, dtype=dtype), (1, 2, 3, 4)
    here = {kind: draw(kind, counters, like, 7) for kind in ("uniform", "normal")}
    there = {kind: draw(kind, counters, like.to(device), 7).cpu() for kind in here}
    assert torch.equal(here["uniform"], there["uniform"])
    # A logarithm and a cosine, which are not rounded alike everywhere.
    error = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(here["normal"], there["normal"], rtol=0, atol=error)


WALKED = (
    *("adam", "lion", "powersign", STATEFUL, "w * 0.1 + g * (1 - progress)"),
    *("min(g, 1 - progress)", "1 / (1 + g * g)", "clip(g, exp(t))", NOISY),
)
SHAPES = ((), (0,), (5,), (3, 4), (300, 300))


def walked(make, device):
    """Parameters after some steps of an optimizer, on the processor."""
    generator = torch.Generator().manual_seed(5)

    def numbers(shape):
        made = torch.randn(shape, generator=generator, dtype=torch.float64)
        return made.to(device)

    parameters = [torch.nn.Parameter(numbers(shape)) for shape in SHAPES]
    optimizer = make(parameters)
    for _ in range(STEPS):
        for parameter in parameters:
            parameter.grad = numbers(parameter.shape)
        optimizer.step()
    assert {parameter.device.type for parameter in parameters} == {device}
    return [parameter.detach().cpu() for parameter in parameters]


def rule_of(text):
    return RULES[text].expression if text in RULES else parse(text)


def rule_optimizer(text):
    rule = rule_of(text)
    options = {"lr": 0.1, "weight_decay": 0.01, "total_steps": 9, "seed": 3}
    return lambda parameters: RuleOptimizer(parameters, rule, **options)


@pytest.mark.parametrize("text", WALKED)
def test_a_rule_optimizer_takes_the_steps_of_the_processor(device, text):
    make = rule_optimizer(text)
    here, there = walked(make, "cpu"), walked(make, device)
    torch.testing.assert_close(here, there, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", WALKED)
@pytest.mark.parametrize("option", ["foreach", "capturable", ""])
def test_an_export_takes_the_steps_of_the_processor(device, text, option, tmp_path):
    path = export_rule(rule_of(text), tmp_path / "rule.py", "Exported", tests=False)
    exported = imported(path).Exported
    more = options_of(exported, total_steps=9, seed=3)
    more |= {option: True} if option else {}
    there = walked(lambda p: exported(p, 0.1, 0.01, **more), device)
    here = walked(rule_optimizer(text), "cpu")
    torch.testing.assert_close(here, there, rtol=1e-12, atol=1e-12)


def test_a_captured_step_finds_its_state_where_it_left_it(device, tmp_path):
    # A CUDA graph reads and writes the same memory at each replay.
    path = export_rule(RULES["adam"], tmp_path / "adam.py", "Exported", tests=False)
    weight = torch.nn.Parameter(torch.ones(3, device=device))
    optimizer = imported(path).Exported([weight], capturable=True)
    places = []
    for _ in range(2):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        places.append([t.data_ptr() for t in optimizer.state[weight].values()])
    assert places[0] == places[1]
    assert optimizer.state[weight]["step"].item() == 2


# ------------------------------------------------------------------------- whole runs


def test_evaluate_scores_on_a_device(device):
    rules, options = ["adam", "sgd"], {"budget": "smoke", "precision": "float64"}
    oracle = evaluate(rules, "digits", engine="serial", **options)
    found = evaluate(rules, "digits", engine="stacked", device=device, **options)
    for ours, theirs in zip(oracle, found, strict=True):
        assert (ours.status, ours.lr) == (theirs.status, theirs.lr)
        assert ours.quality == pytest.approx(theirs.quality, rel=1e-9)


def test_a_search_runs_on_a_device(device, capsys, tmp_path):
    words = ["experiment=smoke", "proposals=32", "batch=16", "report=none"]
    words += [f"evaluator.device={device}", "evaluator.engine=stacked"]
    words += ["evaluator.workers=1", f"run_dir={tmp_path / 'run'}"]
    said = typed(capsys, "search", *words)
    assert said.code == 0, said.err
    with Archive.open(tmp_path / "run" / "archive.sqlite") as archive:
        counts = archive.counts()
        assert sum(counts.values()) == len(archive) == 32
    assert counts["scored"] > 3
    assert not counts.get("failed")
