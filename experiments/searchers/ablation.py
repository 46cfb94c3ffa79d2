"""Run variations of a searcher's settings against an exact table.

    python experiments/searchers/ablation.py --seeds 100 --evaluations 5000

The variations are named in variations.json: by searcher, and name, the options that
differ from the defaults.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.searchers.contenders import Contender, run_all
from experiments.searchers.curves import SHOWN, summarize
from experiments.searchers.summary import reached_text
from neuralopt.tables import load

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", default="from_scratch", help="a name or a file")
    parser.add_argument("--variations", type=Path, default=HERE / "variations.json")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument(
        "--cost", type=float, default=0.0065, help="seconds of an evaluation"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--work", type=Path, default=Path("runs/searchers"))
    add_json_option(parser)
    given = parser.parse_args(arguments)
    try:
        variations = json.loads(given.variations.read_text("utf-8"))
        contenders = [
            Contender(f"{searcher}: {name}", searcher, settings)
            for searcher, named in variations.items()
            for name, settings in named.items()
        ]
        found = run_all(
            given.table,
            contenders,
            range(given.seeds),
            given.evaluations,
            given.work,
            given.workers,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for name, runs in found.items():
        for target in SHOWN:
            text = reached_text([r.reached[target] for r in runs], given.evaluations)
            print(f"{name}: {target} {text}")
    figures = summarize(found, load(given.table), given.evaluations, given.cost)
    settings = {each.name: dict(each.settings) for each in contenders}
    write_results(given.json, {**figures, "settings": settings})
    return 0


if __name__ == "__main__":
    sys.exit(main())
