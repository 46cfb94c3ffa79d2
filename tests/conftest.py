"""What all tests share: Ray's settings, which it reads at import, and the order."""

import os
import secrets
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

LONGEST = (
    "docs/test_snippets.py",
    "test_experiments.py",
    "conformance/test_engines.py",
    "conformance/test_evaluators.py",
    "evaluators/test_ray_evaluator.py",
    "cli/test_tasks.py",
    "engines/test_native.py",
    "cli/test_interruption.py",
    "export/test_optax.py",
    "cli/test_ray.py",
    "browser/test_in_a_browser.py",
    "optimizer/test_program.py",
    "language/test_simplify_preserves.py",
    "tasks/test_cifar10.py",
    "test_conf.py",
)
"""Files that take a minute or so, longest first. A file goes to one worker as a whole,
so one that started last would leave the other workers with nothing to do."""

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, the others in their order."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))
