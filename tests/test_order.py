"""The order in which files of tests are run."""

from tests import conftest


def test_the_longest_files_exist() -> None:
    missing = [
        name for name in conftest.LONGEST if not (conftest.TESTS / name).exists()
    ]
    assert not missing
