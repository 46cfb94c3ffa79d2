"""The archive of a search: one SQLite file with every proposal and what became of it.

Refuses to know how rules are trained or searched: a proposal is text and numbers here,
and the state of a searcher is opaque bytes.

    with Archive.create("run/archive.sqlite", {"space": "bello2017"}) as archive:
        archive.record([Proposal(0, (3, 1), "g", "g")])
        scored = replace(archive.proposal(0), status="scored", quality=0.9)
        archive.commit([scored], [Execution(0, 1, "scored", 0.2, "main", time.time())])
"""

from neuralopt.archive.archive import Archive as Archive
from neuralopt.archive.connection import ArchiveError as ArchiveError
from neuralopt.archive.difference import difference as difference
from neuralopt.archive.lease import Lease as Lease
from neuralopt.archive.lease import seconds_left as seconds_left
from neuralopt.archive.records import DECIDED as DECIDED
from neuralopt.archive.records import STATUSES as STATUSES
from neuralopt.archive.records import Checkpoint as Checkpoint
from neuralopt.archive.records import Execution as Execution
from neuralopt.archive.records import Proposal as Proposal
