"""Count the lines, imports and odd words of the package.

    python experiments/structure/structure.py           # of this working tree
    python experiments/structure/structure.py ../older  # of another one

A room is a package or module directly inside neuralopt/; a nested package counts to its
room. Files are read, not imported, so any older tree can be counted. An arrow is an
import of one room (or file) by another, counted once however many names it imports;
imports inside functions and under `if TYPE_CHECKING` count too. The package's own
__init__.py and __main__.py import from all rooms: between rooms they are not counted.
"""

import argparse
import ast
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import ROOT, add_json_option, write_results

PACKAGE, FRONT = "neuralopt", "(front)"

WORDS = (
    "alone",
    "whatever",
    "beside",
    "but for",
    "is no",
    "refuses to know",
    "meanwhile",
)
"""Words and phrases to avoid: each has a plainer form."""

WORD_FILES = (f"{PACKAGE}/**/*.py", "docs/**/*.md", "README.md")

Arrows = Mapping[str, set[str]]
"""Importer -> what it imports."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Number and lengths of some files, in lines."""

    files: int
    lines: int
    median: int
    p90: int
    longest: int


def lengths(counts: Iterable[int]) -> Lengths:
    """Summarize the lengths of files."""
    ordered = sorted(counts)
    return Lengths(
        len(ordered),
        sum(ordered),
        int(statistics.median(ordered)),
        ordered[max(0, -(-9 * len(ordered) // 10) - 1)],
        ordered[-1],
    )


def modules_of(tree: Path) -> dict[str, Path]:
    """The modules of the package in a tree, by full name.

    Raises:
        ValueError: If the tree has no such package.
    """
    package = tree / PACKAGE
    if not (package / "__init__.py").is_file():
        raise ValueError(f"{tree} has no {PACKAGE}/: give the root of a working tree")
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


def room_of(module: str) -> str:
    """The room of a module; FRONT for the package's own two modules."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else FRONT


def imported(path: Path, module: str) -> Iterator[str]:
    """Full names that a file imports; those of ``from a import b`` are ``a.b``."""
    package = module.split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = package[: len(package) - node.level + 1] if node.level else []
            origin = [*home, *([node.module] if node.module else [])]
            yield from (".".join([*origin, alias.name]) for alias in node.names)


def file_arrows(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Which module imports which other module of the package."""
    arrows: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for target in imported(path, name):
            parent = target.rpartition(".")[0]
            known = target if target in modules else parent
            if known in modules and known != name:
                arrows[name].add(known)
    return arrows


def room_arrows(arrows: Arrows) -> dict[str, set[str]]:
    """Which room imports which other room."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, targets in arrows.items():
        found[room_of(name)] |= {room_of(target) for target in targets}
    return {
        room: targets - {room, FRONT}
        for room, targets in found.items()
        if room != FRONT
    }


def circles(arrows: Arrows) -> list[list[str]]:
    """Groups of two or more that import each other, directly or through others."""
    reached: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        left = list(arrows[start])
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                left += arrows.get(here, ())
        reached[start] = seen
    found = {
        tuple(sorted(other for other in reached[one] if one in reached.get(other, ())))
        for one in arrows
        if one in reached[one]
    }
    return [list(group) for group in sorted(found) if len(group) > 1]


def words_in(tree: Path) -> Counter[str]:
    """How often each of WORDS occurs, in any case, across line breaks too."""
    counts = Counter(dict.fromkeys(WORDS, 0))
    for pattern in WORD_FILES:
        for path in tree.glob(pattern):
            text = path.read_text("utf-8")
            for word in WORDS:
                spaced = word.replace(" ", r"[\s#]+")
                counts[word] += len(re.findall(rf"(?i)\b{spaced}\b", text))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT)
    add_json_option(parser)
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    try:
        modules = modules_of(tree)
    except ValueError as error:
        parser.error(str(error))
    lines = {
        name: len(path.read_text("utf-8").splitlines())
        for name, path in modules.items()
    }
    between_files = file_arrows(modules)
    between_rooms = room_arrows(between_files)
    by_room: dict[str, list[int]] = defaultdict(list)
    for name, count in lines.items():
        by_room[room_of(name)].append(count)
    rooms = {room: lengths(counts) for room, counts in by_room.items()}
    imports = Counter(
        target for targets in between_rooms.values() for target in targets
    )
    print(
        f"{'room':14} {'files':>5} {'lines':>7} {'median':>7} {'p90':>5} {'max':>5} "
        f"{'imports':>8} {'imported by':>12}"
    )
    total = lengths(lines.values())
    for room, one in sorted(rooms.items(), key=lambda item: -item[1].lines):
        print(
            f"{room:14} {one.files:5} {one.lines:7,} {one.median:7} {one.p90:5} "
            f"{one.longest:5} {len(between_rooms.get(room, ())):8} {imports[room]:12}"
        )
    print(
        f"{'all':14} {total.files:5} {total.lines:7,} {total.median:7} {total.p90:5} "
        f"{total.longest:5}"
    )
    longest = max(lines, key=lambda name: lines[name])
    arrows = {
        "between files": sum(map(len, between_files.values())),
        "between rooms": sum(map(len, between_rooms.values())),
    }
    print(f"\nlongest file: {longest}")
    print(f"imports between files: {arrows['between files']}")
    print(
        f"imports between rooms: {arrows['between rooms']} of "
        f"{len(between_rooms) * (len(between_rooms) - 1)} possible"
    )
    found = {"files": circles(between_files), "rooms": circles(between_rooms)}
    for kind, groups in found.items():
        print(f"circles of {kind}: {len(groups)}")
        for group in groups:
            print(f"  {', '.join(group)}")
    words = words_in(tree)
    print(f"\nwords in {', '.join(WORD_FILES)}: {words.total()} in all")
    for word, count in words.most_common():
        print(f"  {word:16} {count:4}")
    write_results(
        arguments.json,
        {
            "rooms": {room: asdict(one) for room, one in rooms.items()},
            "all": asdict(total),
            "imports": arrows,
            "circles": found,
            "words": words,
        },
    )


if __name__ == "__main__":
    main()
