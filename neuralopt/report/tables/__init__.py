"""Tables of proposals, of the best rules and of comparisons. Loads no numpy."""

from neuralopt.report.tables.comparison import comparison_table as comparison_table
from neuralopt.report.tables.layout import Cell as Cell
from neuralopt.report.tables.layout import Column as Column
from neuralopt.report.tables.layout import Table as Table
from neuralopt.report.tables.layout import printable as printable
from neuralopt.report.tables.layout import write_table as write_table
from neuralopt.report.tables.proposals import proposals_table as proposals_table
from neuralopt.report.tables.rules import rules_table as rules_table
