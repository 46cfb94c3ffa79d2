"""The rooms of neuralopt import in one direction only, checked by reading the files."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "neuralopt"

# From the top of the house down: a room imports only from rooms named before it.
ROOMS = (
    "counter_hash",
    "one_thread",
    "garbage",
    "digests",
    "origin",
    "catalog",
    "options",
    "html_table",
    "palette",
    "shortening",
    "whole_file",
    "picture_files",
    "language",
    "machine",
    "behaviour",
    "optimizer",
    "export",
    "spaces",
    "searchers",
    "tasks",
    "engines",
    "landscapes",
    "curvature",
    "scoring",
    "learned",
    "tables",
    "evaluators",
    "archive",
    "verdict",
    "shortlist",
    "pruning",
    "promotion",
    "naming",
    "observer",
    "outcomes",
    "loop",
    "preview",
    "views",
    "report",
    "anatomy",
    "signals",
    "cli",
    "api",
)

# What a room may not import although the order would allow it.
REFUSED = {
    # Only numbers.
    "counter_hash": {"torch"},
    "language": {"torch"},
    "machine": {"torch"},
    "behaviour": {"torch"},
    # Rows of decisions and expressions: no networks, nothing compiled.
    "spaces": {"torch", "neuralopt.machine", "neuralopt.optimizer"},
    # Rows of decisions and rewards: no expressions.
    "searchers": {"neuralopt.language", "neuralopt.machine", "neuralopt.optimizer"},
    # A task is a training problem, independent of what trains it.
    "tasks": {
        "neuralopt.language",
        "neuralopt.machine",
        "neuralopt.optimizer",
        "neuralopt.export",
        "neuralopt.spaces",
        "neuralopt.searchers",
    },
    # Children, not where rules come from nor what is made of their scores.
    "engines": {"neuralopt.spaces", "neuralopt.searchers", "neuralopt.export"},
    "scoring": {"neuralopt.searchers", "neuralopt.export"},
    # Numbers that were found before: reading them trains nothing.
    "tables": {
        "torch",
        "neuralopt.machine",
        "neuralopt.optimizer",
        "neuralopt.export",
        "neuralopt.spaces",
        "neuralopt.searchers",
        "neuralopt.tasks",
        "neuralopt.engines",
    },
    "evaluators": {"neuralopt.spaces", "neuralopt.searchers", "neuralopt.export"},
    # What came of a proposal, not how it was found out.
    "archive": {"neuralopt.engines", "neuralopt.evaluators"},
    # Any rules, measured by any function.
    "pruning": {"torch", "neuralopt.searchers", "neuralopt.archive"},
}

# Packages that only one room may import.
OWNERS = {
    "ray": "evaluators",
    "hydra": "cli",
    "omegaconf": "cli",
    "tensorboard": "report",
    "tensorboardX": "report",
    "torch.utils.tensorboard": "report",
}

# Configuration files are data: spaces and budgets are written there, Hydra reads all.
READERS_OF_CONF = {"catalog", "cli"}


# The package's own two modules may point anywhere, as long as they do it lazily.
FRONT_DOORS = {"__init__.py", "__main__.py"}


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each import in a module of ``package``, at any depth.

    ``from a import b`` gives ``a.b``, since b may be a module; imports by a call with a
    literal name (``importlib.import_module("ray")``) count too.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                home = package.split(".")[: len(package.split(".")) - level + 1]
                origin = [*home] if level else []
                origin += [module] if module else []
                for alias in names:
                    yield node.lineno, ".".join([*origin, alias.name])
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[ast.Constant(value=str(name)), *_],
            ) if called in {"import_module", "__import__"}:
                yield node.lineno, name


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def fault(room: str, name: str) -> str | None:
    """Why ``room`` may not import ``name``; None if it may."""
    for package, owner in OWNERS.items():
        if is_within(name, package) and room != owner:
            return f"only {owner} may import {package}"
    for package in REFUSED.get(room, ()):
        if is_within(name, package):
            return f"{room} may not import {package}"
    if not is_within(name, "neuralopt") or name == "neuralopt.__version__":
        return None
    if is_within(name, "neuralopt.conf"):
        return None if room in READERS_OF_CONF else f"{room} reads no configuration"
    other = name.split(".")[1] if "." in name else ""
    if other not in ROOMS:
        return "take a name from the room it lives in, not from the package's front"
    if ROOMS.index(other) > ROOMS.index(room):
        return f"{other} is below {room}"
    return None


def faults(source: str, path: str) -> list[str]:
    """What a module breaks, one line each; ``path`` is relative to neuralopt/."""
    *folders, file = Path(path).parts
    room = folders[0] if folders else file.removesuffix(".py")
    if room not in ROOMS:
        return [f"{path}: {room} is no room; the rooms are {', '.join(ROOMS)}"]
    package = ".".join(["neuralopt", *folders])
    return [
        f"{path}:{line}: {name}: {why}"
        for line, name in imported(ast.parse(source), package)
        if (why := fault(room, name))
    ]


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(str(p) for p in paths if p.parts[0] not in FRONT_DOORS)


def test_every_module_keeps_to_its_room() -> None:
    found = [f for m in modules() for f in faults((PACKAGE / m).read_text("utf-8"), m)]
    assert not found, "\n" + "\n".join(found)


def test_every_room_is_built() -> None:
    assert {Path(m).parts[0].removesuffix(".py") for m in modules()} == set(ROOMS)


def test_the_front_of_the_package_loads_no_room_by_itself() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    for node in ast.walk(tree):
        # What is under `if TYPE_CHECKING` or inside a function does not run on import.
        if isinstance(node, ast.If | ast.FunctionDef):
            node.body = []
    eager = [name for _, name in imported(tree, "neuralopt")]
    assert not [n for n in eager if is_within(n, "neuralopt") or is_within(n, "torch")]


def test_every_package_is_listed_for_the_wheel() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {p.parent for p in PACKAGE.rglob("*.py")}
    built = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(listed) == built | {"neuralopt.conf"}


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        ("language/parser.py", "import torch", "may not import torch"),
        ("language/parser.py", "from torch import nn", "may not import torch"),
        ("machine/a.py", "def f():\n    import torch.nn", "may not import torch"),
        ("behaviour/a.py", "import torch", "may not import torch"),
        ("behaviour/a.py", "from neuralopt.scoring import probes", "is below"),
        ("machine/a.py", "from neuralopt.tasks import TASKS", "is below"),
        ("optimizer/a.py", "from ..tasks import digits", "is below"),
        ("optimizer/a.py", "import neuralopt.loop", "is below"),
        ("spaces/a.py", "if True:\n    import torch as t", "may not import torch"),
        ("searchers/a.py", "from ..language.parser import parse", "may not import"),
        ("searchers/a.py", "from neuralopt import language", "may not import"),
        ("searchers/a.py", "import neuralopt.tasks.digits", "is below"),
        ("tasks/a.py", "from neuralopt.optimizer import x", "may not import"),
        ("engines/a.py", "import neuralopt.searchers", "may not import"),
        ("evaluators/deep/a.py", "from ...archive import x", "is below"),
        ("evaluators/a.py", "import hydra", "only cli may import"),
        ("archive/a.py", "from ..evaluators import Request", "may not import"),
        ("loop.py", "from .report import x", "is below"),
        ("loop.py", "import ray", "only evaluators may import"),
        ("loop.py", "from torch.utils import tensorboard", "only report may import"),
        (
            "loop.py",
            "import importlib\nimportlib.import_module('ray')",
            "only evaluators",
        ),
        ("verdict/a.py", "__import__('omegaconf')", "only cli may import"),
        ("report/a.py", "from neuralopt import parse", "not from the package's front"),
        ("report/a.py", "import neuralopt", "not from the package's front"),
        ("report/a.py", "from .. import cli", "is below"),
        ("loop.py", "from neuralopt import conf", "reads no configuration"),
        ("cli/a.py", "import tensorboard", "only report may import"),
        ("helpers.py", "", "is no room"),
    ],
)
def test_a_module_that_breaks_the_order_is_found(
    path: str, source: str, why: str
) -> None:
    assert [why in found for found in faults(source, path)] == [True]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("language/parser.py", "import ast\nfrom .expression import Expression"),
        ("optimizer/a.py", "import torch\nfrom neuralopt.machine import x"),
        ("searchers/a.py", "import torch\nfrom neuralopt.spaces import Space"),
        ("evaluators/a.py", "def f():\n    import ray\n    import raytrace"),
        ("loop.py", "from . import archive\nfrom neuralopt import __version__"),
        ("report/a.py", "from torch.utils.tensorboard import SummaryWriter"),
        ("cli/a.py", "import hydra, omegaconf\nfrom ..loop import search"),
        ("cli.py", "from .report import x"),
        ("catalog.py", "import_module('neuralopt.conf')"),
    ],
)
def test_a_module_that_keeps_the_order_has_no_fault(path: str, source: str) -> None:
    assert faults(source, path) == []
