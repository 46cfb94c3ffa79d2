"""Measure which tasks, lengths and gates let good optimizers win; write README.md.

What is measured is kept in the work folder, so that the command can be stopped and
given again.
"""

import argparse
import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.objective.measure import study
from experiments.objective.page import HERE, figures, page


def main() -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", default="runs/objective", metavar="FOLDER")
    parser.add_argument(
        "--cifar10", default="", help="an archive or folder of CIFAR-10"
    )
    parser.add_argument("--replicates", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    add_json_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = study(options)
    (HERE / "README.md").write_text(page(found), "utf-8")
    print(f"wrote {HERE / 'README.md'}")
    write_results(options.json, figures(found))


if __name__ == "__main__":
    main()
