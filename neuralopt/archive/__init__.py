"""The archive of a search: one SQLite file with every proposal and its score."""

from neuralopt.archive.archive import ARCHIVE_FILE as ARCHIVE_FILE
from neuralopt.archive.archive import Archive as Archive
from neuralopt.archive.connection import ArchiveError as ArchiveError
from neuralopt.archive.difference import difference as difference
from neuralopt.archive.lease import Lease as Lease
from neuralopt.archive.lease import seconds_left as seconds_left
from neuralopt.archive.records import BehaviourRecord as BehaviourRecord
from neuralopt.archive.records import Checkpoint as Checkpoint
from neuralopt.archive.records import Execution as Execution
from neuralopt.archive.records import OriginRecord as OriginRecord
from neuralopt.archive.records import Place as Place
from neuralopt.archive.records import Proposal as Proposal
from neuralopt.archive.records import PruningRecord as PruningRecord
from neuralopt.archive.records import Replicate as Replicate
from neuralopt.archive.records import VerdictRecord as VerdictRecord
from neuralopt.archive.serialization import flat as flat
