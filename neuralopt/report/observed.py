"""What reports read of a search: shapes only, nothing of how a search is run."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol


class ProposalView(Protocol):
    """The part of a proposal that is shown."""

    @property
    def number(self) -> int:
        """Position in the search, from 0."""

    @property
    def rule(self) -> str:
        """Text as it was decoded."""

    @property
    def canonical(self) -> str | None:
        """Text of the canonical form, where there is one."""

    @property
    def status(self) -> str:
        """One of the status words, such as ``scored``."""

    @property
    def quality(self) -> float | None:
        """In [0, 1]; None where there is no score."""

    @property
    def lr(self) -> float | None:
        """Learning rate the quality was reached with."""


class WorkersView(Protocol):
    """The part of what workers are doing that is shown."""

    @property
    def alive(self) -> int:
        """Workers that have started and have not ended."""

    @property
    def busy(self) -> int:
        """Those of them that have something to do."""

    @property
    def lost(self) -> int:
        """Workers that ended before their time."""

    @property
    def retried(self) -> int:
        """Rules that were tried again because their worker was lost."""

    @property
    def queued(self) -> int:
        """Rules that wait for a worker."""

    @property
    def gpu_bytes(self) -> int:
        """Memory that the workers hold on GPUs."""


class ProgressView(Protocol):
    """The part of a search's progress, after a told batch, that is shown."""

    @property
    def told(self) -> int:
        """Proposals told so far, those before a resume included."""

    @property
    def total(self) -> int:
        """Proposals that the search will tell."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Proposals so far by status."""

    @property
    def rewards(self) -> Sequence[float]:
        """Rewards of this batch; NaN where there was no result."""

    @property
    def best(self) -> Sequence[ProposalView]:
        """The best proposals so far, best first."""

    @property
    def diagnostics(self) -> Mapping[str, float]:
        """What the searcher said of this batch."""

    @property
    def seconds(self) -> float:
        """Seconds since this process started the search."""

    @property
    def trained(self) -> int:
        """Rules trained by this process."""

    @property
    def workers(self) -> WorkersView:
        """What the workers are doing."""


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return rule text as people are shown it: canonical, with abbreviations folded.

    Text that this version's language can't read, from an archive of another one, is
    shown as it is.
    """
    from neuralopt.language import parse, render  # here, so that tables load alone

    try:
        return render(parse(text), "text")
    except ValueError:
        return text


def rule_text(proposal: ProposalView) -> str:
    """Return a proposal's rule as people are shown it."""
    return folded(proposal.canonical or proposal.rule)
