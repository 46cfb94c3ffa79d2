"""Exact tables: a small space's rules, each scored on one objective for some seeds."""

from neuralopt.tables.files import checksum as checksum
from neuralopt.tables.files import load as load
from neuralopt.tables.files import names as names
from neuralopt.tables.files import save as save
from neuralopt.tables.making import make_table as make_table
from neuralopt.tables.sampling import expected_evaluations as expected_evaluations
from neuralopt.tables.sampling import expected_proposals as expected_proposals
from neuralopt.tables.sampling import top as top
from neuralopt.tables.table import Table as Table
