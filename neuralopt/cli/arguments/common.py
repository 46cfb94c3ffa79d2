"""What several commands' arguments have in common."""

import argparse
from typing import Protocol

EACH_TASK = "a table for each task and horizon too, where there are several"


class Add(Protocol):
    """Adds a command, with what it does and what follows its options in its help."""

    def __call__(
        self, name: str, what: str, epilog: str = ""
    ) -> argparse.ArgumentParser: ...


def take_config_dir(command: argparse.ArgumentParser) -> None:
    """Let a command read files of configuration groups from a folder."""
    command.add_argument(
        "--config-dir",
        default="",
        metavar="DIR",
        help="a folder with your own files of groups, as DIR/space/mine.yaml",
    )
