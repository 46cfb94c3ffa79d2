"""Progress and proposals as a search would report them, made up."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Proposal:
    number: int
    rule: str = "g"
    canonical: str | None = None
    status: str = "scored"
    quality: float | None = 0.5
    lr: float | None = 0.1


@dataclass(frozen=True)
class Workers:
    alive: int = 2
    busy: int = 1
    lost: int = 0
    retried: int = 0
    queued: int = 0
    gpu_bytes: int = 0


@dataclass(frozen=True)
class Progress:
    told: int
    total: int = 1000
    counts: Mapping[str, int] = field(default_factory=dict)
    rewards: tuple[float, ...] = (0.5,)
    best: tuple[Proposal, ...] = ()
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 1.0
    trained: int = 1
    workers: Workers = field(default_factory=Workers)


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now
