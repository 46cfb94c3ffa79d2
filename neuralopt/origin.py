"""Where proposed rows come from: how they were made, and from which rules."""

from typing import Literal, NamedTuple, Protocol, get_args, runtime_checkable

Kind = Literal[
    "unknown",
    "enqueued",
    "random",
    "sampled",
    "mutation",
    "rearrangement",
    "crossover",
    "kick",
]
"""How a row was made: ``enqueued`` by others, which includes what smaller sizes pass
on; ``random``; ``sampled`` by a model of good rows (a network, a tree, an estimator);
by changed decisions; by parts that changed places; of two rows; by several changes at
once. ``unknown`` if the searcher does not say."""

KINDS: tuple[Kind, ...] = get_args(Kind)


class Origin(NamedTuple):
    """Where a row comes from.

    Attributes:
        kind: How it was made.
        parents: Digests of the rules that it was made from, none, one or two of them;
            see ``digests.rule_digest``. A rule stays the same when neutral drift
            changes the row that says it.
    """

    kind: Kind
    parents: tuple[int, ...] = ()


UNKNOWN, ENQUEUED, RANDOM, SAMPLED = map(Origin, KINDS[:4])


@runtime_checkable
class KeepsOrigins(Protocol):
    """A searcher that says where its rows come from. Searchers need not."""

    def origins(self) -> list[Origin]:
        """Return the origin of each row of the last ask, in order."""


def origins_of(searcher: object, count: int) -> list[Origin]:
    """Return the origins of the rows of a searcher's last ask.

    Args:
        searcher: Any searcher.
        count: Number of these rows.

    Returns:
        One for each row, unknown ones if the searcher does not say.

    Raises:
        ValueError: The searcher says the origins of another number of rows.
    """
    if not isinstance(searcher, KeepsOrigins):
        return [UNKNOWN] * count
    found = searcher.origins()
    if len(found) != count:
        raise ValueError(
            f"{type(searcher).__name__} has {len(found)} origins for {count} rows: "
            "return one for each row of the last ask"
        )
    return found


def made_of(kind: Kind, one: int, other: int) -> Origin:
    """Return the origin of a row made of two, which may say one rule.

    Args:
        kind: How it was made.
        one: Digest of the first rule.
        other: Digest of the second.
    """
    return Origin(kind, (one,) if one == other else (one, other))
