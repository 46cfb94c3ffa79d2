"""Search and compare from Python: the front door next to the command line.

Both read the same settings and write the same run directories, so that either continues
what the other began.
"""
